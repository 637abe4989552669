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

# In a loop the same code runs as in threads, and behind a server the engine itself: those take their time in CI only.
# So do engines, which are slow when there is little to do.
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
    """A test that asks for what its database lacks is skipped, if the list of such tests has it for that reason."""
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
    """Everything that a refused call must leave as it was: rows, last commit, bytes of every file."""

    def look() -> tuple[object, ...]:
        rows = [
            (row.id, row.text, row.metadata, None if row.vector is None else row.vector.tobytes(), row.expires_at)
            for row in docs.get(vectors=True)
        ]
        stats = docs.stats()
        return rows, docs.count(), stats.change, stats.dead_slots, stats.dimension, _files(world, stats.path)

    return look


def _files(world: World, folder: str) -> list[tuple[str, int]]:
    """Names and sizes; nothing is opened, since closing a plain handle of SQLite's files drops this process's locks."""
    if not world.on_disk:
        return []
    return sorted((str(path.relative_to(folder)), path.stat().st_size) for path in Path(folder).rglob("*"))
