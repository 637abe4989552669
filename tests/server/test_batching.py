"""Searches that share a pass: what they have in common, and that they do not block others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

import vicinal
from vicinal.deadline import Deadline
from vicinal.errors import DeadlineExceeded, LimitExceeded
from vicinal.server.batching import SearchBatcher
from vicinal.server.kinds import Kinds
from vicinal.server.pool import Pool
from vicinal.server.settings import ServerSettings
from vicinal.wire.arguments import Search


@pytest.fixture
def docs() -> Any:
    with vicinal.connect(":memory:") as database:
        docs = database.collection("docs", dimension=2)
        docs.add(ids=["a", "b"], vectors=[[1, 0], [0, 1]])
        yield docs


def test_searches_that_differ_in_their_vector_are_of_one_kind() -> None:
    kinds = Kinds(ServerSettings(path="unused"))
    first = kinds.of(Search(query=[1.0], k=3, where={"a": 1}))
    assert first is not None
    assert kinds.of(Search(query=[2.0], k=3, where={"a": 1})) is first
    others = [Search(query=[1.0], k=4, where={"a": 1}), Search(query=[1.0], k=3, where={"a": 2}), Search(query=[1.0])]
    assert all(found is not None and found != first for found in map(kinds.of, others))


@pytest.mark.parametrize("alone", [{"query": "text"}, {"query": None}, {"mode": "hybrid"}, {"mmr": 0.5}, {"id": 1}])
def test_what_search_many_does_not_take_is_of_no_kind(alone: dict[str, Any]) -> None:
    assert Kinds(ServerSettings(path="unused")).of(Search(**{"query": [1.0], **alone})) is None


def test_a_kind_is_within_the_limits_each_time() -> None:
    kinds = Kinds(ServerSettings(path="unused", k_max=5, filter_conditions_max=1))
    for _ in range(2):
        for beyond in ({"k": 6}, {"where": {"a": 1, "b": 1}}):
            with pytest.raises(LimitExceeded):
                kinds.of(Search(query=[1.0], **beyond))


def test_no_more_kinds_are_kept_than_fit() -> None:
    kinds = Kinds(ServerSettings(path="unused", k_max=10_000))
    first = kinds.of(Search(query=[1.0], k=1))
    for k in range(2, 1500):
        kinds.of(Search(query=[1.0], k=k))
    assert len(kinds._known) <= 1000
    assert kinds.of(Search(query=[1.0], k=1)) == first  # forgotten, and the same when it is met again


def _held(docs: Any, order: list[str]) -> tuple[Callable[[Any], Any], threading.Event, threading.Event]:
    """Returns a `use` whose passes set one event when they begin and wait for another."""
    begun, may_go = threading.Event(), threading.Event()

    def use(work: Callable[[Any], Any]) -> Any:
        begun.set()
        assert may_go.wait(60)
        order.append("pass")
        return work(docs)

    return use, begun, may_go


def test_passes_leave_the_only_thread_to_a_call_that_waits(docs: Any) -> None:
    order: list[str] = []

    async def main() -> list[str]:
        pool = Pool(1, 10)
        shared, (use, begun, may_go) = SearchBatcher(pool), _held(docs, order)

        def search(vector: list[float]) -> asyncio.Task[bytes]:
            return asyncio.create_task(shared.search("kind", use, vector, {"k": 1}, Deadline(60), []))

        tasks: list[asyncio.Task[Any]] = [search([1.0, 0.0])]
        await asyncio.to_thread(begun.wait, 60)
        tasks += [asyncio.create_task(pool.run(Deadline(60), lambda: order.append("other"))), search([0.0, 1.0])]
        await asyncio.sleep(0)  # both have begun to wait
        may_go.set()
        found = await asyncio.gather(*tasks)
        assert await pool.stop()
        return [msgspec.json.decode(found[i])["hits"][0]["id"] for i in (0, 2)]

    assert asyncio.run(main()) == ["a", "b"]
    assert order == ["pass", "other", "pass"]


def test_a_stop_ends_the_passes_and_whoever_waits_for_one(docs: Any) -> None:
    async def main() -> list[Any]:
        pool = Pool(1, 10)
        shared, (use, begun, may_go) = SearchBatcher(pool), _held(docs, [])

        def search() -> asyncio.Task[bytes]:
            return asyncio.create_task(shared.search("kind", use, [1.0, 0.0], {"k": 1}, Deadline(600), []))

        tasks = [search()]
        await asyncio.to_thread(begun.wait, 60)
        tasks.append(search())
        await asyncio.sleep(0)
        stopping = asyncio.create_task(pool.stop())
        await asyncio.sleep(0)
        may_go.set()
        assert await stopping
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    found = asyncio.run(main())
    assert isinstance(found[1], DeadlineExceeded)  # the running pass may or may not have finished its last step
    assert isinstance(found[0], (bytes, DeadlineExceeded))
