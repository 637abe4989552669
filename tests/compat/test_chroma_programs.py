"""Programs written for chromadb return the same on the replacement, using their own classes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("chroma_programs.py")
PACKAGES = {"langchain": "langchain_chroma", "llama_index": "llama_index.vector_stores.chroma", "mem0": "mem0"}


def found(program: str, side: str) -> dict[str, Any]:
    environment = os.environ | {"MEM0_TELEMETRY": "False", "ANONYMIZED_TELEMETRY": "False"}
    command = [sys.executable, str(SCRIPT), program, side]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300, env=environment)
    lines = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    assert lines, done.stderr
    answer: dict[str, Any] = json.loads(lines[-1].removeprefix("FOUND "))
    return answer


def is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("program", PACKAGES)
def test_a_program_gives_the_same(program: str) -> None:
    for package in ("chromadb", PACKAGES[program]):
        if not is_installed(package):
            pytest.skip(f"{package} is a peer: pip install --group chroma")
    theirs = found(program, "theirs")
    assert len([answer for answer in theirs.values() if "raises" not in str(answer)]) > len(theirs) / 2
    assert found(program, "ours") == theirs
