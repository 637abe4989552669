"""Every test of this folder runs on every implementation of the Collection contract."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.skips import check_skip
from support.worlds import ENGINES, KINDS, Clock, World, make_world
from vicinal import Collection
from vicinal.errors import Unsupported
from vicinal.records import context

# An event loop runs the same code as threads, and a server the same engine: they are tested only in CI, to save time.
# So are other engines, which are slow even with little data.
SLOW = ("aio", "http", "aio_http", *ENGINES)


@pytest.fixture(params=[pytest.param(kind, marks=[pytest.mark.slow] if kind in SLOW else []) for kind in KINDS])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    made = make_world(request.param, tmp_path)
    yield made
    made.close()


@pytest.fixture
def docs(world: World) -> Collection:
    """An empty collection: cosine, dimension not yet fixed."""
    return world.collection()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, world: World) -> Iterator[Clock]:
    made = Clock(world.server)
    monkeypatch.setattr(context, "time", SimpleNamespace(time_ns=made.time_ns))
    yield made
    made.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Skips a test that needs a feature its database lacks, if the list of that database has it with this reason."""
    __tracebackhide__ = True
    world = getattr(item, "funcargs", {}).get("world")
    if not isinstance(world, World) or not world.db.capabilities.lacks:
        return (yield)
    marks = item.iter_markers("needs")
    found = next((mark.args[0] for mark in marks if mark.args[0] in world.db.capabilities.lacks), None)
    try:
        if found is None:
            yield
    except Unsupported as error:
        if error.lacks not in world.db.capabilities.lacks:
            raise
        found = error.lacks
    check_skip(world.db.capabilities.kind, item.nodeid, found)
    if found is not None:
        pytest.skip(f"{world.db.capabilities.kind} lacks {found}")


Footprint = Callable[[], tuple[object, ...]]


@pytest.fixture
def footprint(world: World, docs: Collection) -> Footprint:
    """Returns everything that a rejected call must not change: rows, last commit, bytes of every file."""

    def look() -> tuple[object, ...]:
        rows = [
            (row.id, row.text, row.metadata, None if row.vector is None else row.vector.tobytes(), row.expires_at)
            for row in docs.get(vectors=True)
        ]
        stats = docs.stats()
        return rows, docs.count(), stats.change, stats.dead_slots, stats.dimension, _files(world, stats.path)

    return look


def _files(world: World, folder: str) -> list[tuple[str, int]]:
    """Returns names and sizes; opens nothing, because closing a handle of SQLite's files drops this process's locks."""
    if not world.on_disk:
        return []
    return sorted((str(path.relative_to(folder)), path.stat().st_size) for path in Path(folder).rglob("*"))
