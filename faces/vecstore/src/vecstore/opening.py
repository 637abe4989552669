"""Opens the engine's database at a path."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Any, Self

import vicinal
from vicinal.inputs import checks

Path = str | os.PathLike[str]


def connect(path: Any) -> vicinal.Database:
    """Returns the database in the folder `path`, even if that is named ":memory:"."""
    folder = checks.path("path", path)
    return vicinal.connect(os.path.join(folder, "") if folder == ":memory:" else folder)


class Opened:
    """Keeps a database open until it is closed or garbage-collected. A context manager."""

    _db: vicinal.Database

    def close(self) -> None:
        """Closes the files. Optional, because no write is pending."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
