"""Every line of vecstore's document has a row in docs/vecstore.md, and the code and test of each row exist."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import vecstore
from support.documents import seed

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PAGE = ROOT / "docs" / "vecstore.md"
API = HERE.parent / "docs" / "api.md"
SEED = seed("003")
CHECKLIST = "## The document, line by line"
CODE = re.compile(r"`([^`]+)`")
FILE = re.compile(r"^(?:\d+\.|-|\*\*File:\*\*) `([^`]+\.(?:py|pyi|md|yml|toml))`", re.MULTILINE)


def rows() -> list[tuple[str, list[str], list[str]]]:
    """Returns line, code and tests of each row of the table."""
    table = PAGE.read_text(encoding="utf-8").partition(CHECKLIST)[2].partition("\n## ")[0]
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:1] == "|"]
    return [
        (line.strip("`"), re.findall(r"`([^`]+)`", code), re.findall(r"`([^`]+)`", test))
        for line, code, test in found[2:]
    ]


ROWS = rows()


def lines_of(document: str) -> Iterator[str]:
    """Yields the features that the document lists as done or to be added, each by a short name."""
    for found in re.finditer(r"^- \[x\] (.+)$", document, re.MULTILINE):
        yield found[1].split(" - ")[0].split(" (")[0]
    listed, _, files = document.partition("### 5. ")
    for block in re.findall(r"^```python\n(.*?)^```", listed, re.MULTILINE | re.DOTALL):
        owner = ""
        for line in block.splitlines():
            if found := re.match(r"class (\w+)", line):
                owner = found[1]
                yield owner
            elif found := re.match(r"    (?:def )?(\w+)(?:\(|: )", line):
                yield f"{owner}.{found[1]}"
    for found in re.finditer(
        r"^(?:\d+\.|-|\*\*File:\*\*) `([^`]+\.(?:py|pyi|md|yml|toml))`", listed + files, re.MULTILINE
    ):
        if not found[1].startswith(("src/", "PYTHON-")):  # of the original, and about its progress
            yield found[1]


@pytest.mark.skipif(SEED is None, reason="vecstore's document is not here: ../shared/seeds/003_*.txt")
def test_every_line_of_the_document_has_a_row() -> None:
    assert SEED is not None
    wanted = set(lines_of(SEED.read_text(encoding="utf-8")))
    assert len(wanted) > 70
    assert not wanted - {line for line, _, _ in ROWS}


@pytest.mark.parametrize(("line", "code", "tests"), ROWS, ids=[line for line, _, _ in ROWS])
def test_the_code_and_the_tests_of_a_row_exist(line: str, code: list[str], tests: list[str]) -> None:
    assert code, line
    assert tests, line
    for name in code:
        assert (ROOT / name).exists() if "/" in name else resolves(name), name
    for name in tests:
        file, _, function = name.partition("::")
        assert function in functions(ROOT / file if "/" in file else HERE / f"{file}.py"), name


def resolves(name: str) -> bool:
    """Returns whether a dotted name can be resolved."""
    words = name.split(".")
    for i in range(len(words), 0, -1):
        try:
            found: object = importlib.import_module(".".join(words[:i]))
        except ModuleNotFoundError:
            continue
        return functools.reduce(lambda one, word: getattr(one, word, None), words[i:], found) is not None
    return False


@functools.cache
def functions(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(
    ("file", "least"),
    [("test_store", 15), ("test_collection", 10), ("test_rag", 15), ("test_evaluation", 10), ("test_integration", 10)],
)
def test_there_are_at_least_as_many_tests_as_the_document_counts(file: str, least: int) -> None:
    assert sum(name.startswith("test_") for name in functions(HERE / f"{file}.py")) >= least


def test_ci() -> None:
    """Written for three systems; the header of the file says on which it has been run."""
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    for system in ("ubuntu-latest", "macos-latest", "windows-latest", "faces/vecstore/tests"):
        assert system in workflow


def public_members() -> Iterator[str]:
    for name in vecstore.__all__:
        yield name
        value = getattr(vecstore, name)
        if inspect.isclass(value) and value.__module__.startswith("vecstore."):
            yield from (f"{member}(" for member in vars(value) if callable(getattr(value, member)) and member[0] != "_")


def test_the_reference_has_every_name() -> None:
    text = API.read_text(encoding="utf-8")
    assert not [name for name in public_members() if name not in text and name.rstrip("(") != "of"]
