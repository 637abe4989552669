"""The folder that a worker serves: if it is deleted, unmounted or replaced, the next request must not recreate it."""

from __future__ import annotations

import os

from ..errors import StoreError

__all__ = ["FolderGone", "ServedFolder"]


class FolderGone(Exception):
    """The folder that the worker opened no longer exists."""

    def __init__(self) -> None:
        super().__init__("the folder is gone")
        self.error = StoreError(
            "the database's folder is gone, or another one is in its place",
            name="path",
            place="server",
            remedy="Put it back, or start the server again.",
        )


class ServedFolder:
    """The folder as it was when it was opened.

    Raises:
        FolderGone: it does not exist.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        found = self._look()
        if found is None:
            raise FolderGone
        self._opened = found

    def is_ready(self) -> bool:
        """Whether it is still the same folder and can be read."""
        return self._look() == self._opened and os.access(self._path, os.R_OK | os.X_OK)

    def check(self) -> None:
        """Raises FolderGone if it is not the same folder any more."""
        if self._look() != self._opened:
            raise FolderGone

    def _look(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_dev, found.st_ino
