"""Right calls pass mypy and pyright, wrong ones fail in both: tests/arguments has the programs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

PROGRAMS = Path(__file__).parent / "arguments"
Problems = dict[int, str]


def mypy(program: Path, scratch: Path) -> Problems:
    """What mypy says of a program, by line, in its strict mode."""
    if find_spec("mypy") is None:
        pytest.skip("mypy is not installed")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", scratch, "--config-file=", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=scratch)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = re.findall(r"^.*?:(\d+): error: (.*)$", done.stdout, re.MULTILINE)
    assert bool(found) == bool(done.returncode), done.stdout
    return {int(line): message for line, message in found}


def pyright(program: Path, scratch: Path) -> Problems:
    """The same of pyright."""
    settings = {"include": [program.name], "typeCheckingMode": "strict"}
    shutil.copy(program, scratch)
    (scratch / "pyrightconfig.json").write_text(json.dumps(settings))
    report = pyright_report(scratch)
    assert report["summary"]["filesAnalyzed"] == 1
    return {one["range"]["start"]["line"] + 1: one["message"] for one in report["generalDiagnostics"]}


def pyright_report(project: Path) -> Any:
    """Of a folder with settings. Its package brings the program, and node runs it: nothing is fetched."""
    spec = find_spec("pyright")
    bundle = Path(spec.origin or "").parent / "dist" / "index.js" if spec else Path()
    node = shutil.which("node")
    if not bundle.is_file() or node is None:
        pytest.skip("pyright or node is not installed")
    command = [node, bundle, "--outputjson", "--pythonpath", sys.executable, "-p", project]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=False, cwd=project).stdout)


@pytest.mark.parametrize("check", [mypy, pyright])
def test_right_calls_have_no_problem(check: Callable[[Path, Path], Problems], tmp_path: Path) -> None:
    assert check(PROGRAMS / "right.py", tmp_path) == {}


@pytest.mark.parametrize("check", [mypy, pyright])
def test_wrong_calls_are_found_and_nothing_else(check: Callable[[Path, Path], Problems], tmp_path: Path) -> None:
    program = PROGRAMS / "wrong.py"
    lines = program.read_text(encoding="utf-8").splitlines()
    wrong = {number: line.strip() for number, line in enumerate(lines, 1) if line.endswith("# wrong")}
    assert len(wrong) > 30
    found = check(program, tmp_path)
    assert {number: lines[number - 1].strip() for number in found} == wrong


def test_the_sources_are_clean_in_pyright_too() -> None:
    """mypy runs in `make check`; this takes longer."""
    report = pyright_report(Path(__file__).parents[1])
    assert report["summary"]["filesAnalyzed"] > 200
    found = [
        f"{one['file']}:{one['range']['start']['line'] + 1}: {one['message']}" for one in report["generalDiagnostics"]
    ]
    assert found == []
