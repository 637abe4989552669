"""Expired rows are invisible immediately, for every call."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest

from support.worlds import Clock, World
from vicinal import Collection
from vicinal.errors import DuplicateId, IdNotFound, InvalidArgument


@pytest.fixture
def two(clock: Clock, docs: Collection) -> Collection:
    """Row "short" lives ten seconds."""
    docs.add(["short", "long"], vectors=[[1.0, 0.0], [0.0, 1.0]], ttl=[10, None])
    return docs


def test_before_the_end_the_row_is_there(clock: Clock, two: Collection) -> None:
    clock.advance(9.9)
    assert two.count() == 2
    assert two.search([1.0, 0.0], k=9).ids == ["short", "long"]


def test_after_it_the_row_is_gone_for_every_call(clock: Clock, world: World, two: Collection) -> None:
    clock.advance(10)
    for find in (lambda: two, world.again):
        docs = find()
        assert [row.id for row in docs.get()] == ["long"]
        assert docs.get(["short", "long"])[0].id == "long"
        assert [row.id for row in docs.peek()] == ["long"]
        assert docs.count() == 1
        assert "short" not in docs
        assert docs.search([1.0, 0.0], k=9).ids == ["long"]
        assert docs.search(id="long", k=9).ids == []
        assert docs.search_many([[1.0, 0.0]], k=1)[0].ids == ["long"]
        stats = docs.stats()
        assert (stats.rows, stats.expired) == (1, 1)
        with pytest.raises(IdNotFound):
            docs.search(id="short")
        with pytest.raises(IdNotFound):
            docs.update(["short"], metadata={"n": 1})


def test_k_is_filled_from_what_is_alive(clock: Clock, docs: Collection) -> None:
    docs.add(list(range(20)), vectors=np.ones((20, 1)), ttl=[5 if i % 2 else None for i in range(20)])
    clock.advance(6)
    assert docs.search([1.0], k=10).ids == list(range(0, 20, 2))


def test_a_delete_of_an_expired_row_deletes_nothing(clock: Clock, two: Collection) -> None:
    clock.advance(10)
    assert two.delete(["short"]) == 0
    assert two.delete(["short", "long"]) == 1


@pytest.mark.parametrize("operation", ["add", "upsert"])
def test_the_id_of_an_expired_row_is_free(clock: Clock, world: World, two: Collection, operation: str) -> None:
    with pytest.raises(DuplicateId):
        two.add(["short"], vectors=[[1.0, 1.0]])
    clock.advance(10)
    getattr(two, operation)(["short"], vectors=[[-1.0, 0.0]])
    docs = world.again()
    assert [row.id for row in docs.get()] == ["long", "short"]
    assert docs.search([-1.0, 0.0], k=9).ids == ["short", "long"]
    clock.advance(1e9)
    assert docs.count() == 2


def test_a_new_ttl_in_place_counts(clock: Clock, world: World, two: Collection) -> None:
    assert two.update(["short", "long"], ttl=[100, 5]) == 2
    clock.advance(50)
    assert two.search([1.0, 1.0], k=9).ids == ["short"]
    assert [row.id for row in world.again().get()] == ["short"]


def test_an_update_of_something_else_keeps_the_ttl(clock: Clock, two: Collection) -> None:
    two.update(["short"], metadata={"n": 1})
    two.update(["short"], vectors=[[1.0, 1.0]])
    clock.advance(10)
    assert [row.id for row in two.get()] == ["long"]


@pytest.mark.parametrize(
    ("ttl", "seconds"),
    [
        (10, 10.0),
        (0.5, 0.5),
        (np.int64(10), 10.0),
        (np.float32(0.5), 0.5),
        (timedelta(minutes=1), 60.0),
        (datetime.fromtimestamp(1_700_000_060, UTC), 60.0),
        (datetime.fromtimestamp(1_700_000_060, UTC).replace(tzinfo=None), 60.0),
        (datetime.fromtimestamp(1_700_000_060, timezone(timedelta(hours=5))), 60.0),
        (pd.Timestamp(1_700_000_060, unit="s", tz="Asia/Tokyo"), 60.0),
    ],
    ids=str,
)
def test_every_way_to_say_it(clock: Clock, docs: Collection, ttl: Any, seconds: float) -> None:
    docs.add(["one"], texts=["x"], ttl=ttl)
    docs.add(["list"], texts=["x"], ttl=[ttl])
    docs.add(rows=[{"id": "row", "text": "x", "ttl": ttl}])
    expected = datetime.fromtimestamp(1_700_000_000 + seconds, UTC)
    assert [row.expires_at for row in docs.get()] == [expected] * 3
    clock.advance(seconds - 0.001)
    assert docs.count() == 3
    clock.advance(0.002)
    assert docs.count() == 0


@pytest.mark.parametrize("far", [datetime.max, datetime.max.replace(tzinfo=timezone(-timedelta(hours=12)))])
def test_the_end_of_time_can_be_read_back(docs: Collection, far: datetime) -> None:
    docs.add(["a"], texts=["x"], ttl=far)
    assert docs.get("a")[0].expires_at == datetime.max.replace(tzinfo=UTC)


def test_a_time_in_the_past_makes_a_row_that_nobody_sees(docs: Collection) -> None:
    for i, past in enumerate([datetime(2001, 1, 1), datetime(1969, 1, 1, tzinfo=UTC), datetime.min]):
        docs.add([i], texts=["x"], ttl=past)
    assert docs.count() == 0
    assert docs.get() == []


@pytest.mark.parametrize(
    "bad",
    [0, -1, float("nan"), -float("inf"), 1e11, True, "10", date(2030, 1, 1), timedelta(0), pd.NaT, np.float32("nan")],
    ids=str,
)
def test_what_is_no_time_to_live_is_refused(docs: Collection, bad: Any) -> None:
    docs.add(["there"], texts=["x"])
    for call in (
        lambda: docs.add(["a"], texts=["x"], ttl=bad),
        lambda: docs.add(["a", "b"], texts=["x", "y"], ttl=[5, bad]),
        lambda: docs.upsert(["a"], texts=["x"], ttl=bad),
        lambda: docs.update(["there"], ttl=bad),
    ):
        with pytest.raises(InvalidArgument, match="ttl"):
            call()
    assert docs.count() == 1
    assert docs.get("there")[0].expires_at is None


def test_a_list_of_another_length_is_refused(docs: Collection) -> None:
    with pytest.raises(InvalidArgument, match="ttl has 3 entries for 2 rows"):
        docs.add(["a", "b"], texts=["x", "y"], ttl=[1, 2, 3])
    assert docs.count() == 0
