"""One database of each kind, so that the same test runs on every implementation of the contract."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import vicinal
from support.awaiting import CalledDatabase, the_loop
from support.milvus_served import shared_lite
from support.served import VicinalServer, shared_server
from vicinal import aio

# In memory and in a folder, sync and async; the same behind a server; and on other engines: Qdrant's client in its
# local mode, and Milvus Lite in this process. A real Milvus takes a second or two per collection; tests/distributed
# uses one.
KINDS = ("memory", "path", "aio", "http", "aio_http", "qdrant", "milvus_lite")
ENGINES = ("qdrant", "milvus_lite")
_SERVER_HAS = ("hashing", "minilm")


@dataclass
class World:
    """A database that can be closed and opened again.

    Attributes:
        kind: "memory" or "path", "aio" for a path with awaitable calls; "http" or "aio_http"; or one of `ENGINES`.
        target: the argument of `connect`.
        server: the server, if there is one.
    """

    kind: str
    target: str
    server: VicinalServer | None = None
    _db: vicinal.Database | None = field(default=None, repr=False)

    @property
    def db(self) -> vicinal.Database:
        if self._db is None:
            self._db = self._connected()
        return self._db

    def _connected(self) -> vicinal.Database:
        if not self.kind.startswith("aio"):
            return vicinal.connect(self.target)

        async def connect() -> aio.AsyncDatabase:
            return aio.connect(self.target)

        return CalledDatabase(the_loop()(connect()))

    @property
    def on_disk(self) -> bool:
        """Whether there are files that a test may inspect."""
        return self.kind in ("path", "aio")

    def collection(self, name: str = "docs", **settings: Any) -> vicinal.Collection:
        self._skip_what_a_server_has_not(settings.get("encoder"))
        return self.db.collection(name, **settings)

    def again(self, name: str = "docs", **settings: Any) -> vicinal.Collection:
        """Opens the collection again as a later user: on disk, all files have been closed in between."""
        self._skip_what_a_server_has_not(settings.get("encoder"))
        if self.kind not in ("memory", *ENGINES):
            self.close()
        return self.db.collection(name, **settings)

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _skip_what_a_server_has_not(self, encoder: Any) -> None:
        if self.server is None or encoder is None:
            return
        if encoder not in _SERVER_HAS:
            pytest.skip("an encoder of the test's process: a server takes its own only")


def make_world(kind: str, folder: Path) -> World:
    if kind == "qdrant":
        return World(kind, "qdrant+memory:")  # in a folder it syncs after each row
    if kind == "milvus_lite":
        return _emptied(World(kind, shared_lite()))
    if "http" not in kind:
        return World(kind, ":memory:" if kind == "memory" else str(folder / "data"))
    server = shared_server()
    with vicinal.connect(server.url) as db:
        _empty(db)
    return World(kind, server.url, server)


def _emptied(world: World) -> World:
    _empty(world.db)
    return world


def _empty(db: vicinal.Database) -> None:
    """Deletes what the last test left."""
    for name in db.collections():
        db.drop(name)


class Clock:
    """The clock of the engine, or of a server, set by tests."""

    def __init__(self, server: VicinalServer | None = None) -> None:
        self._server = server
        self.seconds = 1_700_000_000.0
        self._tell()

    def time_ns(self) -> int:
        return int(self.seconds * 1e9)

    def advance(self, seconds: float) -> None:
        self.seconds += seconds
        self._tell()

    def stop(self) -> None:
        """Returns to the machine's clock."""
        if self._server is not None:
            self._server.set_clock(0)

    def _tell(self) -> None:
        if self._server is not None:
            self._server.set_clock(self.time_ns())
