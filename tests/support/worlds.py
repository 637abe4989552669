"""One database of each kind, so that the same test runs on every implementation of the contract."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import vicinal

KINDS = ("memory", "path")


@dataclass
class World:
    """A database that can be left and found again.

    Attributes:
        kind: "memory" or "path".
        target: what `connect` takes.
    """

    kind: str
    target: str
    _db: vicinal.Database | None = field(default=None, repr=False)

    @property
    def db(self) -> vicinal.Database:
        if self._db is None:
            self._db = vicinal.connect(self.target)
        return self._db

    @property
    def on_disk(self) -> bool:
        return self.kind == "path"

    def collection(self, name: str = "docs", **settings: Any) -> vicinal.Collection:
        return self.db.collection(name, **settings)

    def again(self, name: str = "docs", **settings: Any) -> vicinal.Collection:
        """The collection as somebody finds it later: on disk all files were closed in between."""
        if self.on_disk:
            self.close()
        return self.db.collection(name, **settings)

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None


def make_world(kind: str, folder: Path) -> World:
    return World(kind, ":memory:" if kind == "memory" else str(folder / "data"))


class Clock:
    """The engine's clock, moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1_700_000_000.0

    def time_ns(self) -> int:
        return int(self.seconds * 1e9)

    def advance(self, seconds: float) -> None:
        self.seconds += seconds
