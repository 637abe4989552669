"""Correct calls pass mypy and pyright, incorrect ones fail in both: tests/arguments has the programs."""

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
NAMES = ["right.py", "wrong.py"]
Problems = dict[tuple[str, int], str]


def mypy(scratch: Path) -> Problems:
    """Returns mypy's errors in the programs, by file and line, in strict mode."""
    if find_spec("mypy") is None:
        pytest.skip("mypy is not installed")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", scratch, "--config-file=", *NAMES]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROGRAMS)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = re.findall(r"^(\w+\.py):(\d+): error: (.*)$", done.stdout, re.MULTILINE)
    assert bool(found) == bool(done.returncode), done.stdout
    return {(name, int(line)): message for name, line, message in found}


def pyright(scratch: Path) -> Problems:
    """The same for pyright."""
    settings = {"include": NAMES, "typeCheckingMode": "strict"}
    for name in NAMES:
        shutil.copy(PROGRAMS / name, scratch)
    (scratch / "pyrightconfig.json").write_text(json.dumps(settings))
    report = pyright_report(scratch)
    assert report["summary"]["filesAnalyzed"] == len(NAMES)
    return {
        (Path(one["file"]).name, one["range"]["start"]["line"] + 1): one["message"]
        for one in report["generalDiagnostics"]
    }


def pyright_report(project: Path) -> Any:
    """For a folder with settings. Its package includes the program and node to run it: nothing is fetched."""
    spec = find_spec("pyright")
    bundle = Path(spec.origin or "").parent / "dist" / "index.js" if spec else Path()
    node = shutil.which("node")
    if not bundle.is_file() or node is None:
        pytest.skip("pyright or node is not installed")
    command = [node, bundle, "--outputjson", "--pythonpath", sys.executable, "-p", project]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=False, cwd=project).stdout)


@pytest.mark.parametrize("check", [mypy, pyright])
def test_wrong_calls_are_found_and_right_ones_have_no_problem(
    check: Callable[[Path], Problems], tmp_path: Path
) -> None:
    """Both programs at once: most of the time is spent on reading their imports."""
    lines = {
        (name, number): line.strip()
        for name in NAMES
        for number, line in enumerate((PROGRAMS / name).read_text(encoding="utf-8").splitlines(), 1)
    }
    wrong = {place: line for place, line in lines.items() if line.endswith("# wrong")}
    assert len(wrong) > 30
    assert {name for name, _ in wrong} == {"wrong.py"}
    found = check(tmp_path)
    assert {place: (lines[place], message) for place, message in found.items() if place not in wrong} == {}
    assert {place: line for place, line in wrong.items() if place not in found} == {}


def test_the_sources_are_clean_in_pyright_too() -> None:
    """mypy runs in `make check`; this takes longer."""
    report = pyright_report(Path(__file__).parents[1])
    assert report["summary"]["filesAnalyzed"] > 200
    found = [
        f"{one['file']}:{one['range']['start']['line'] + 1}: {one['message']}" for one in report["generalDiagnostics"]
    ]
    assert found == []
