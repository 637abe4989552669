"""A deadline stops the work itself, in every long step, and leaves nothing half done."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import Collection
from vicinal.deadline import Deadline, check_deadline, in_a_hurry, time_left, within
from vicinal.errors import DeadlineExceeded


class Steps(Deadline):
    """Expires after a number of checks: no test waits for a clock."""

    def __init__(self, steps: int) -> None:
        super().__init__(1e6)
        self.steps = steps

    def check(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            self.cancel()
        super().check()


def test_without_one_nothing_is_checked() -> None:
    check_deadline()
    assert not in_a_hurry()
    assert time_left(5.0) == 5.0


def test_it_holds_in_its_block_and_in_its_thread_only() -> None:
    seen: list[bool] = []
    with within(Deadline(100.0)):
        thread = threading.Thread(target=lambda: seen.append(in_a_hurry()))
        thread.start()
        thread.join()
        assert in_a_hurry()
        assert 0 < time_left(1e9) <= 100.0
    assert seen == [False]
    assert not in_a_hurry()


def test_one_that_is_over_or_cancelled_says_so() -> None:
    over = Deadline(0.0)
    time.sleep(0.001)
    cancelled = Deadline(100.0)
    cancelled.cancel()
    for one in (over, cancelled):
        assert one.left() == 0.0
        with within(one), pytest.raises(DeadlineExceeded, match="stopped after its"):
            check_deadline()


@pytest.fixture
def docs() -> Collection:
    databases[:] = [vicinal.connect(":memory:")]
    made = databases[0].collection("docs", encoder="hashing:16")
    count = 2500
    made.add(
        list(range(count)),
        texts=[f"text {i} of many" for i in range(count)],
        metadata=[{"n": i} for i in range(count)],
    )
    return made


databases: list[vicinal.Database] = []

WORK: dict[str, Callable[[Collection], Any]] = {
    "search_many": lambda c: c.search_many(np.ones((64, 16)) + np.eye(64, 16), k=3),
    "search by words, whose index is built first": lambda c: c.search("many", mode="keyword"),
    "hybrid searches": lambda c: c.search_many(["text 5"] * 8, mode="hybrid"),
    "a filter that reads texts": lambda c: c.count({"$text": {"$contains": "2499"}}),
    "scroll": lambda c: list(c.scroll()),
    "texts that are encoded": lambda c: c.add(texts=[f"new {i}" for i in range(600)]),
    "a write": lambda c: c.update([1], metadata={"n": 0}),
    "compact": lambda c: c.compact(),
}

QUICKER_AGAIN = ("search by words, whose index is built first", "a filter that reads texts", "hybrid searches")


@pytest.mark.parametrize("name", WORK)
def test_work_stops_between_its_steps_and_changes_nothing(docs: Collection, name: str) -> None:
    work, before = WORK[name], docs.stats().change
    with within(Steps(0)), pytest.raises(DeadlineExceeded):
        work(docs)
    assert docs.stats().change == before
    counting = Steps(10**6)
    with within(counting):
        work(docs)
    looks = 10**6 - counting.steps
    for steps in sorted({looks // 2, looks - 1}):
        change = docs.stats().change
        with within(Steps(steps)):
            try:
                work(docs)
            except DeadlineExceeded:
                assert docs.stats().change == change
            else:
                assert name in QUICKER_AGAIN
    assert docs.search("text 7 of many", k=1).ids == [7]


def test_an_answer_in_steps_is_the_answer(docs: Collection) -> None:
    queries = np.random.default_rng(3).normal(size=(50, 16))
    whole = docs.search_many(queries, k=5)
    with within(Deadline(1000.0)):
        assert docs.search_many(queries, k=5) == whole


def test_whoever_waits_for_a_writer_waits_no_longer(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs")
        docs.add(["a"], vectors=[[1.0]])
        begun, done = threading.Event(), threading.Event()

        def hold() -> None:
            def plan(transaction: Any) -> None:
                begun.set()
                done.wait(60)

            docs._context.store.write(plan, timeout=60.0, durability="full")

        thread = threading.Thread(target=hold)
        thread.start()
        try:
            assert begun.wait(60)
            started = time.monotonic()
            with within(Deadline(0.05)), pytest.raises(DeadlineExceeded):
                docs.add(["b"], vectors=[[2.0]])
            assert time.monotonic() - started < 20  # and not the 30 s of the handle
        finally:
            done.set()
            thread.join()
        assert docs.ids() == ["a"]


def test_a_write_whose_time_ends_while_it_is_made_changes_nothing(docs: Collection) -> None:
    before, ending = docs.stats().change, Deadline(1000.0)

    def plan(transaction: Any) -> None:
        transaction.note("owner", {"key": b"value"})
        ending.cancel()

    with within(ending), pytest.raises(DeadlineExceeded):
        docs._context.store.write(plan, timeout=30.0, durability="full")
    assert docs.stats().change == before
    assert dict(docs.notes("owner")) == {}
