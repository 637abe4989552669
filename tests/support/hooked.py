"""The real file system, with a hook at chosen operations on a vector file."""

from __future__ import annotations

import os
from collections.abc import Callable

from vicinal.store.files import DiskFile, DiskFiles, File


class HookedFiles(DiskFiles):
    """`hooks["sync"]`, `hooks["write_at"]` and so on run before that operation on `vectors.f32`."""

    def __init__(self) -> None:
        super().__init__()
        self.hooks: dict[str, Callable[[], object]] = {}

    def open(self, path: str) -> File:
        return _HookedFile(path, self.hooks)


class _HookedFile(DiskFile):
    def __init__(self, path: str, hooks: dict[str, Callable[[], object]]) -> None:
        super().__init__(path, os.O_RDWR)
        self._hooks = hooks if path.endswith("vectors.f32") else {}

    def write_at(self, position: int, data: memoryview | bytes) -> None:
        self._run("write_at")
        super().write_at(position, data)

    def sync(self) -> None:
        self._run("sync")
        super().sync()

    def truncate(self, size: int) -> None:
        self._run("truncate")
        super().truncate(size)

    def _run(self, name: str) -> None:
        hook = self._hooks.get(name)
        if hook is not None:
            hook()
