"""Counts what SQLite reads, with a VFS that forwards everything to the default one."""

from __future__ import annotations

import os
from collections import Counter

import apsw


class CountingVFS(apsw.VFS):
    """Registered as the default, so every database that is opened afterwards uses it.

    Attributes:
        read: bytes by name of file.
    """

    def __init__(self) -> None:
        self._beneath = apsw.vfs_names()[0]
        self.read: Counter[str] = Counter()
        super().__init__("vicinal-counting", self._beneath, makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        return _CountingFile(self._beneath, name, flags, self.read)


class _CountingFile(apsw.VFSFile):
    def __init__(self, vfs: str, name: str | apsw.URIFilename | None, flags: list[int], read: Counter[str]) -> None:
        super().__init__(vfs, name, flags)
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._name = os.path.basename(path or "temporary")
        self._read = read

    def xRead(self, amount: int, offset: int) -> bytes:
        data = super().xRead(amount, offset)
        self._read[self._name] += len(data)
        return data
