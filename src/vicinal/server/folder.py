"""The folder that a worker serves: one that was deleted, unmounted or replaced is not recreated by the next request."""

from __future__ import annotations

import os

from ..errors import StoreError

__all__ = ["FolderGone", "ServedFolder"]


class FolderGone(Exception):
    """What the worker has opened is not there any more."""

    def __init__(self) -> None:
        super().__init__("the folder is gone")
        self.error = StoreError(
            "the database's folder is gone, or another one is in its place",
            name="path",
            place="server",
            remedy="Put it back, or start the server again.",
        )


class ServedFolder:
    """As it was when it was opened.

    Raises:
        FolderGone: there is none.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        found = self._look()
        if found is None:
            raise FolderGone
        self._opened = found

    def is_ready(self) -> bool:
        """Whether it is there, and can be read."""
        return self._look() == self._opened and os.access(self._path, os.R_OK | os.X_OK)

    def check(self) -> None:
        """Raises FolderGone."""
        if self._look() != self._opened:
            raise FolderGone

    def _look(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_dev, found.st_ino
