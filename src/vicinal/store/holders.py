"""Who holds a lock: what the system tells, for messages only."""

from __future__ import annotations

import contextlib
import os


def holder_of(path: str) -> str | None:
    """The process that holds a write lock on the file, such as "process 4711 (worker.py)"; None where unknown.

    Linux only: asking by `fcntl` would need the file opened once more, and closing that drops this
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
    command = ""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
        words = file.read().split(b"\0")
        scripts = [word for word in words[1:] if word and not word.startswith(b"-")]
        command = os.path.basename((scripts or words)[0]).decode(errors="replace")
    return f"process {pid} ({command})" if command else f"process {pid}"
