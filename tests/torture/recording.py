"""Builds the recorder, enables it, reads its log."""

from __future__ import annotations

import ctypes
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SOURCE = Path(__file__).with_name("recorder.c")
_HEADER = struct.Struct("<IIQqIIII")
_MAGIC = 0x54524F54


def why_not() -> str | None:
    """Returns why the recorder is not available on this machine, or None."""
    if sys.platform != "linux":
        return "the recorder stands in for Linux system calls"
    if shutil.which("cc") is None:
        return "the recorder needs a C compiler (cc)"
    return None


def build(folder: Path) -> Path:
    """Compiles the recorder into `folder`."""
    library = folder / "recorder.so"
    flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-fPIC", "-shared"]
    subprocess.run(["cc", *flags, "-o", str(library), str(_SOURCE), "-lpthread"], check=True)
    return library


class Recorder:
    """The recorder inside this process, which was started with it preloaded."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None)
        if not hasattr(self._library, "recorder_start"):
            raise RuntimeError("the recorder is not preloaded; start with `python -m torture`")
        self._library.recorder_operations.restype = ctypes.c_long
        self._library.recorder_kill_after.argtypes = [ctypes.c_long, ctypes.c_int]

    def start(self, folder: Path, log: Path | str = os.devnull) -> None:
        """Records what happens below `folder` in this process and its later children; once per process."""
        if self._library.recorder_start(os.fsencode(folder), os.fsencode(log)):
            raise RuntimeError(f"the recorder cannot write to {log}")

    def operations(self) -> int:
        """Returns the number of file changes by this process."""
        count: int = self._library.recorder_operations()
        return count

    def kill_after(self, operations: int, *, torn: bool) -> None:
        """Kills this process instead of its n-th operation from now, or in the middle of it if it is a write."""
        self._library.recorder_kill_after(operations, torn)


@dataclass(frozen=True, slots=True)
class Operation:
    """One call that changed something.

    Attributes:
        kind: C create, M make folder, W write, T truncate to `offset`, S sync, R rename to `other`,
            U unlink or remove folder.
        path: below the recorded folder; for an open file, its current name, if it still has one.
        inode: which file, for calls on an open or new file.
    """

    kind: str
    process: int
    inode: int
    offset: int
    path: str
    other: str
    data: bytes


class NotModelled(Exception):
    """The log has a call that the power-cut model cannot express: extend the model."""


def read_log(path: Path) -> Iterator[Operation]:
    raw = path.read_bytes()
    at = 0
    while at < len(raw):
        magic, process, inode, offset, kind, path_bytes, other_bytes, data_bytes = _HEADER.unpack_from(raw, at)
        if magic != _MAGIC:
            raise ValueError(f"{path}: no record at byte {at}")
        at += _HEADER.size
        name, other = (raw[at : at + path_bytes], raw[at + path_bytes : at + path_bytes + other_bytes])
        at += path_bytes + other_bytes
        data = raw[at : at + data_bytes]
        at += data_bytes
        if chr(kind) == "!":
            raise NotModelled(f"{data.decode()} on {os.fsdecode(name)}")
        yield Operation(chr(kind), process, inode, offset, os.fsdecode(name), os.fsdecode(other), data)
