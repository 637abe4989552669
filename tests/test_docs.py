"""The pages are true: examples run and print what is shown, commands exist, links work."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from test_house import FILES, name_of
from vicinal.encoders import registry

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("faces/*/docs/*.md"))]
MARKDOWN = [path for path in FILES if path.suffix == ".md"]

# Definitions that the examples of a page use but do not show.
GIVEN = {
    "encoders.md": """
        import pathlib, pytest, vicinal
        for package in ("onnx", "onnxruntime", "tokenizers", "PIL"):
            pytest.importorskip(package, reason=f"{package} is not installed")
        from support import onnx_models
        tokens = onnx_models.vocabulary(pathlib.Path("vocab.txt"), ["gold"])
        onnx_models.embedding("model.onnx", len(tokens))
        onnx_models.tower("clip.onnx")
    """,
    "visualize.md": """
        import pytest
        pytest.importorskip("plotly", reason="plotly is not installed")
    """,
    "evaluate.md": """
        import pytest
        pytest.importorskip("httpx", reason="httpx is not installed")
    """,
    "llm.md": """
        import pathlib, pytest
        for package in ("httpx", "xllamacpp"):
            pytest.importorskip(package, reason=f"{package} is not installed")
        from support.gguf_models import write_model
        write_model(pathlib.Path("models/small.gguf"), ends=True)
    """,
    "vikingdb.md": """
        import pathlib, pytest
        for package in ("httpx", "uvicorn"):
            pytest.importorskip(package, reason=f"{package} is not installed")
        from support.http_server import HttpServer
        from vicinal.server.keys import KeyFile
        keys = KeyFile(pathlib.Path("data"))
        pair, secret = keys.create("me", "admin", signing=True)
        access_key = pair.access_key
        admin = keys.create("admin", "admin")[1]
        host = cleanup.enter_context(HttpServer("data")).url.removeprefix("http://")
    """,
    "recipes.md": """
        import pytest
        for package in ("fastapi", "pandas"):
            pytest.importorskip(package, reason=f"{package} is not installed")
        from types import SimpleNamespace
        from vicinal.encoders import resolve
        hashing, spelling = resolve("hashing:512"), resolve("hashing:384")
        def create(*, input, model, **options):
            vectors = [SimpleNamespace(index=i, embedding=v.tolist()) for i, v in enumerate(hashing.encode(input))]
            return SimpleNamespace(data=vectors)
        client = SimpleNamespace(embeddings=SimpleNamespace(create=create), base_url="https://api.openai.com/v1")
        model = SimpleNamespace(encode=lambda texts, **options: spelling.encode(list(texts)))
        llm = lambda prompt: "Forty minutes [1]."
    """,
    "tasks.md": """
        import pathlib, pytest
        pytest.importorskip("pandas", reason="pandas is not installed")
        for i in range(2_000):
            path = pathlib.Path("notes", str(2020 + i % 5), f"{i:04}.txt")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"note {i} is about {['cats', 'dogs', 'bees', 'owls'][i % 4]}")
        pathlib.Path("products.csv").write_text(
            "sku,name,description,price\\n"
            "K1,Kettle,Boils water on any stove,29.90\\nK2,Kettle of copper,Boils water,120\\n"
            "P1,Pan,For stove and oven,35.00\\nB1,Bread knife,Cuts bread,12.50\\n"
        )
    """,
    "settings.md": """
        import pathlib, vicinal
        pathlib.Path("prod.env").write_text("OPENAI_API_KEY=sk-an-example")
        db = vicinal.connect(":memory:")
        OpenAI = dict
    """,
}

# Pages about other distributions than `vicinal`, and the packages that they install.
PACKAGES = {"lshrs.md": "lshrs", "pyvdb.md": "pyvdb", "vecstore.md": "vecstore", "vikingdb.md": "vikingdb"}

FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")  # pictures too


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the line of the page on which the text begins."""

    language: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(found[1].strip(), found[2], text.count("\n", 0, found.start(2)) + 1) for found in FENCE.finditer(text)
    ]


def examples(page: Path) -> Iterator[tuple[Block, str | None]]:
    """Yields Python blocks, each with its expected output from the page: a block of `text` right after it."""
    found = blocks(page)
    for block, following in zip(found, [*found[1:], Block("", "", 0)]):
        if block.language == "python":
            yield block, following.text if following.language == "text" else None


@pytest.mark.parametrize("page", [page for page in PAGES if any(examples(page))], ids=name_of)
def test_examples_run_and_print_what_the_page_says(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of a page are one program, in a separate folder."""
    package = page.parents[1].name if page.parents[2].name == "faces" else PACKAGES.get(page.name)
    if package:
        pytest.importorskip(package, reason=f"{package} is not installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_factories", dict(registry._factories))  # a page may register an encoder
    with contextlib.ExitStack() as cleanup:
        names: dict[str, object] = {"__name__": page.stem, "cleanup": cleanup}
        exec(re.sub(r"^ {8}", "", GIVEN.get(page.name, ""), flags=re.MULTILINE), names)
        for block, expected in examples(page):
            printed = io.StringIO()
            # Blank lines before it, so that tracebacks have the line numbers of the page.
            program = compile("\n" * (block.line - 1) + block.text, str(page), "exec")
            with contextlib.redirect_stdout(printed):
                exec(program, names)
            if expected is not None:
                assert printed.getvalue() == expected


def test_each_task_is_a_program_of_at_most_20_lines() -> None:
    programs = [block.text.splitlines() for block, _ in examples(ROOT / "docs" / "tasks.md")]
    assert len(programs) == 3
    assert all(sum(bool(line.strip()) for line in program) <= 20 for program in programs)
    assert all("import vicinal" in program for program in programs)  # each is complete


def test_the_programs_of_the_readme_run_a_second_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the same folder, as everyone does who tries them."""
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        test_examples_run_and_print_what_the_page_says(ROOT / "README.md", tmp_path, monkeypatch)


def commands() -> Iterator[tuple[str, list[str]]]:
    """Yields the commands in shell blocks, each with its location."""
    for page in PAGES:
        for block in blocks(page):
            if block.language in ("console", "bash", "sh"):
                for number, line in enumerate(block.text.splitlines(), block.line):
                    words = shlex.split(line.removeprefix("$ "), comments=True)
                    if words and words[0] in ("vicinal", "make", "pip"):
                        yield f"{name_of(page)}:{number}", words


def parse_vicinal(words: list[str]) -> None:
    typer = pytest.importorskip("typer.main")
    from vicinal.cli.app import app

    group = typer.get_command(app)
    context = group.make_context("vicinal", words)
    name, command, rest = group.resolve_command(context, words)
    command.make_context(name, rest, parent=context)


def check_make(words: list[str]) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in (word for word in words if "=" not in word):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"there is no target {target}"


def check_pip(words: list[str]) -> None:
    known = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for extras in re.findall(r"\[([^\]]*)\]", " ".join(words)):
        assert set(extras.split(",")) <= set(known), f"there is no extra {extras}"


@pytest.mark.parametrize(("place", "words"), [pytest.param(*found, id=found[0]) for found in commands()])
def test_commands_exist(place: str, words: list[str]) -> None:
    check = {"vicinal": parse_vicinal, "make": check_make, "pip": check_pip}[words[0]]
    check(words[1:])


def anchors(page: Path) -> set[str]:
    """Returns the anchors that GitHub generates from the headings of a page."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", MARKDOWN, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    dead = []
    for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue  # outside: not ours to promise, and tests do not leave this machine
        name, _, anchor = target.partition("#")
        linked = (page.parent / name).resolve() if name else page
        if not linked.exists() or (anchor and anchor not in anchors(linked)):
            dead.append(target)
    assert not dead


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name == "docs"], ids=name_of)
def test_every_page_is_in_the_index(page: Path) -> None:
    """For those of a distribution in faces/, its page is the index."""
    face = page.parents[1].name if page.parents[2].name == "faces" else ""
    index = ROOT / "docs" / (f"{face}.md" if face else "index.md")
    link = f"../faces/{face}/docs/{page.name}" if face else page.name
    assert page == index or f"({link})" in index.read_text(encoding="utf-8")


def test_generated_pages_say_what_the_code_says() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "write_docs.py"), "--check"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
