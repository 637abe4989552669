"""Other processes, for tests that need one."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

TESTS = str(Path(__file__).parents[1])
PRELUDE = f"""
import os, signal, sys, time
sys.path.insert(0, {TESTS!r})
import numpy as np
import vicinal
from vicinal.errors import *
path = sys.argv[1]
"""


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    """A process that runs `code`; it finds `path`, `np` and `vicinal`, and may write lines that we read."""
    command = [sys.executable, "-W", "ignore", "-c", PRELUDE + code, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(code: str, *arguments: object, status: int = 0) -> str:
    """What `code` prints; it must end with `status`."""
    with start(code, *arguments) as child:
        printed, complaint = child.communicate(timeout=120)
    assert child.returncode == status, complaint
    return printed


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Returns as soon as `condition` holds; fails at the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.005)
