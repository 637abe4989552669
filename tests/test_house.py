"""House rules that no other tool checks: short functions, no names of machines."""

from __future__ import annotations

import ast
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FUNCTION_LINES_MAX = 70
# Made by tools, here or beside us.
NOT_OURS = {".git", ".hypothesis", "build", "dist", "__pycache__", "node_modules", "vicinal-demo", ".env"}
# Somebody's home, a build machine's folders: they mean nothing to anybody else. Named as examples they are fine.
MACHINE_PATH = re.compile(r"(?<![\w.>}\"'`])/(?:root|work|home/\w+|Users/\w+|opt/\w+)/|\b[A-Z]:\\+Users\\")
INDEX_HOST = re.compile(r"--(?:extra-)?index-url|PIP_(?:EXTRA_)?INDEX_URL|(?:extra-)?index-url\s*=", re.IGNORECASE)


def is_ours(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    made = any(part in NOT_OURS or part.startswith(".venv") or part.endswith("_cache") for part in parts)
    return path.is_file() and not made


def tracked_or_new() -> list[Path]:
    """Files of the project; without git (in an sdist) all that no tool made."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        names = subprocess.run(command, capture_output=True, check=True).stdout.decode().split("\0")
    except (OSError, subprocess.CalledProcessError):
        names = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*")]
    return sorted(path for path in {ROOT / name for name in names if name} if is_ours(path))


FILES = tracked_or_new()
PYTHON = [path for path in FILES if path.suffix == ".py"]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, without the docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_functions_fit_a_screen(path: Path) -> None:
    found = {
        f"{node.name} has {length(node)} lines"
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and length(node) > FUNCTION_LINES_MAX
    }
    assert not found


def test_no_file_names_a_machine() -> None:
    found = []
    for path in FILES:
        if path == Path(__file__):
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # not text
        for number, line in enumerate(text.splitlines(), 1):
            if MACHINE_PATH.search(line) or INDEX_HOST.search(line):
                found.append(f"{name_of(path)}:{number}: {line.strip()[:100]}")
    assert not found


@pytest.mark.parametrize("line", ["see /root/x", "cd /work/main", "/home/ann/data", r"C:\Users\ann", "= /opt/pypi/x"])
def test_what_counts_as_a_machine_path(line: str) -> None:
    assert MACHINE_PATH.search(line)


@pytest.mark.parametrize("line", ["#!/usr/bin/env bash", "https://example.org/work/x", "src/work/x", "the home/page"])
def test_what_does_not(line: str) -> None:
    assert not MACHINE_PATH.search(line)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no executable bit")
@pytest.mark.parametrize("path", [path for path in FILES if name_of(path).startswith(".ci/")], ids=name_of)
def test_the_entry_of_ci_can_be_run(path: Path) -> None:
    assert os.access(path, os.X_OK)
