"""The engine's database at a path."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Any, Self

import vicinal
from vicinal.inputs import checks

Path = str | os.PathLike[str]


def connect(path: Any) -> vicinal.Database:
    """The database in the folder `path`, also where that is called ":memory:"."""
    folder = checks.path("path", path)
    return vicinal.connect(os.path.join(folder, "") if folder == ":memory:" else folder)


class Opened:
    """What holds a database open until it is closed or forgotten. Fit for a `with` block."""

    _db: vicinal.Database

    def close(self) -> None:
        """Lets go of the files. Not needed, as nothing is waiting to be written."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
