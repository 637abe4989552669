"""Who holds a lock, as reported by the system; for messages only."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence

_OPTIONS_WITH_VALUE = ("-W", "-X")  # of Python


def holder_of(path: str) -> str | None:
    """The process that holds a write lock on the file, such as "process 4711 (worker.py)"; None if unknown.

    Linux only: `fcntl` would need the file to be opened again, and closing that descriptor would release this
    process's own locks.
    """
    try:
        inode = os.stat(path).st_ino
        with open("/proc/locks", encoding="ascii") as locks:
            pids = {_pid(line) for line in locks if f":{inode} " in line and " WRITE " in line and "->" not in line}
    except OSError:
        return None
    pids.discard(0)
    if not pids:
        return None
    if os.getpid() in pids:
        return "this process"
    return " and ".join(_named(pid) for pid in sorted(pids))


def _pid(line: str) -> int:
    return max(0, int(line.split()[4]))


def _named(pid: int) -> str:
    words: list[str] = []
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
        words = file.read().decode(errors="replace").rstrip("\0").split("\0")
    return f"process {pid} ({_program(words)})" if words and words[0] else f"process {pid}"


def _program(words: Sequence[str]) -> str:
    """The script that an interpreter runs, or otherwise the program itself."""
    rest = iter(words[1:])
    for word in rest:
        if word == "-c":
            break
        if word == "-m":
            return next(rest, word)
        if word in _OPTIONS_WITH_VALUE:
            next(rest, None)
        elif not word.startswith("-"):
            return os.path.basename(word)
    return os.path.basename(words[0])
