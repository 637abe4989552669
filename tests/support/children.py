"""Child processes for tests."""

from __future__ import annotations

import contextlib
import os
import signal
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


def start(code: str, *arguments: object, own_group: bool = False) -> subprocess.Popen[str]:
    """Starts a process that runs `code`, in which `path`, `np` and `vicinal` are defined; its output can be read."""
    command = [sys.executable, "-W", "ignore", "-c", PRELUDE + code, *map(str, arguments)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=own_group,
    )  # fmt: skip


def run(code: str, *arguments: object, status: int = 0, seconds: float = 120) -> str:
    """Returns the output of `code`, which must exit with `status` in time; otherwise kills it and its children."""
    with start(code, *arguments, own_group=True) as child:
        try:
            printed, complaint = child.communicate(timeout=seconds)
        except BaseException:  # leaving the block waits for the child
            _kill(child)
            raise
    assert child.returncode == status, complaint
    return printed


def _kill(child: subprocess.Popen[str]) -> None:
    if sys.platform == "win32":
        child.kill()
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Returns as soon as `condition` holds; fails at the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.005)
