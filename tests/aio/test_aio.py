"""Awaitable calls: they do not block the loop, can be cancelled, and behave like their synchronous twins."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vicinal import aio
from vicinal.errors import Closed, IdNotFound, InvalidArgument, Unreachable


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(work(), 60))


class Slow:
    """An encoder that waits until it is released."""

    dim = 2

    def __init__(self) -> None:
        self.begun, self.let_go, self.calls = threading.Event(), threading.Event(), 0

    def encode(self, texts: list[str]) -> np.ndarray:
        if any("slow" in text for text in texts):
            self.calls += 1
            self.begun.set()
            assert self.let_go.wait(20)
        return np.ones((len(texts), 2))


def test_a_call_holds_up_no_loop() -> None:
    async def work() -> None:
        slow = Slow()
        async with aio.connect(":memory:") as db:
            docs = await db.collection("docs", encoder=slow)
            adding = asyncio.create_task(docs.add(["a"], texts=["slow"]))
            await asyncio.to_thread(slow.begun.wait, 20)
            assert await docs.count() == 0  # meanwhile
            slow.let_go.set()
            assert await adding == ["a"]
            assert [await docs.count(), [row.id async for row in docs.scroll()]] == [1, ["a"]]

    run(work)


def test_who_stops_waiting_stops_the_call() -> None:
    """It ends at its next step: 100 batches are not encoded, nothing is half written, and nothing keeps running."""

    async def work() -> None:
        slow = Slow()
        async with aio.connect(":memory:") as db:
            docs = await db.collection("docs", encoder=slow)
            await docs.add(["there"], texts=["x"])
            adding = asyncio.create_task(docs.add(texts=[f"slow {i}" for i in range(12_800)]))
            await asyncio.to_thread(slow.begun.wait, 20)
            adding.cancel()
            asyncio.get_running_loop().call_later(0.05, slow.let_go.set)
            with pytest.raises(asyncio.CancelledError):
                await adding
            assert slow.let_go.is_set()  # it was waited for
            assert slow.calls < 10
            assert await docs.ids() == ["there"]
            assert await docs.add(["next"], texts=["y"]) == ["next"]

    run(work)


def test_a_time_limit_of_asyncio_is_one(tmp_path: Path) -> None:
    async def work() -> None:
        slow = Slow()
        async with aio.connect(tmp_path / "data") as db:
            docs = await db.collection("docs", encoder=slow)
            asyncio.get_running_loop().call_later(0.3, slow.let_go.set)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await docs.search("slow")
            assert await docs.count() == 0

    run(work)


def test_many_at_once_are_answered_rightly() -> None:
    async def work() -> None:
        async with aio.connect(":memory:") as db:
            docs = await db.collection("docs", metric="l2")
            await asyncio.gather(*(docs.upsert([i], vectors=[[1.0, float(i)]]) for i in range(100)))
            found = await asyncio.gather(*(docs.search([1.0, float(i)], k=1) for i in range(100)))
            assert [hits.ids for hits in found] == [[i] for i in range(100)]

    run(work)


def test_errors_and_warnings_are_those_of_the_twins() -> None:
    async def work() -> None:
        async with aio.connect(":memory:") as db:
            docs = await db.collection("docs")
            await docs.add(["a"], vectors=[[1.0]], metadata=[{"n": 1}])
            with pytest.raises(IdNotFound):
                await docs.update(["b"], metadata={"n": 2})
            with pytest.raises(InvalidArgument, match="Use k= instead"):
                await docs.search([1.0], n_results=3)  # type: ignore[call-arg]
            with warnings.catch_warnings(record=True) as heard:
                warnings.simplefilter("always")
                assert await docs.count({"n": "1"}) == 0
            assert [one.filename for one in heard] == [__file__]

    run(work)


def test_after_close_every_call_is_refused() -> None:
    async def work() -> None:
        db = aio.connect(":memory:")
        docs = await db.collection("docs")
        await db.close()
        await db.close()
        for call in (docs.count, db.collections):
            with pytest.raises(Closed):
                await call()
        assert "closed" in repr(db)

    run(work)


def test_a_scroll_that_is_left_holds_nothing() -> None:
    async def work() -> None:
        async with aio.connect(":memory:") as db:
            docs = await db.collection("docs")
            await docs.add(list(range(1000)), vectors=np.ones((1000, 1)))
            async for row in docs.scroll():
                assert row.id == 0
                break
            await docs.delete([1])
            assert len([row async for row in docs.scroll()]) == 999

    run(work)


def test_one_database_in_one_loop_after_another(tmp_path: Path) -> None:
    db = aio.connect(tmp_path / "data")

    async def add(id_: int) -> int:
        docs = await db.collection("docs")
        await docs.add([id_], vectors=[[1.0]])
        return await docs.count()

    assert [asyncio.run(add(i)) for i in range(3)] == [1, 2, 3]
    asyncio.run(db.close())


def test_nobody_there() -> None:
    from support.servers import free_port

    async def work() -> None:
        async with aio.connect(f"http://127.0.0.1:{free_port()}", retries=0) as db:
            with pytest.raises(Unreachable, match="cannot be reached"):
                await db.collections()

    run(work)


def test_a_server_is_asked_at_once_by_many_and_left_by_who_stops_waiting() -> None:
    pytest.importorskip("uvicorn", reason="uvicorn is not installed")
    from support.served import shared_server

    async def work() -> None:
        async with aio.connect(shared_server().url) as db:
            docs = await db.collection("aio", metric="l2")
            await asyncio.gather(*(docs.upsert([i], vectors=[[1.0, float(i)]]) for i in range(50)))
            found = await asyncio.gather(*(docs.search([1.0, float(i)], k=1) for i in range(50)))
            assert [hits.ids for hits in found] == [[i] for i in range(50)]
            waiting = asyncio.create_task(docs.add(texts=["x"] * 5000))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert await docs.count() in (50, 5050)  # as a whole or not at all
            await db.drop("aio")

    run(work)
