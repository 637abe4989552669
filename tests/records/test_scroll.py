"""Many rows, one by one: which ones, in which order, and what is kept in memory meanwhile."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import vicinal
from vicinal.records import scroll

FEW = 40


def _id(number: int) -> int | str | UUID:
    """Returns ids of all kinds, not in numeric order."""
    return (number - 50, f"t{number % 97}-{number}", UUID(int=number * 7919))[number % 3]


def _ordered(ids: list[Any]) -> list[Any]:
    kinds = (int, str, UUID)
    return sorted(ids, key=lambda id_: (next(i for i, kind in enumerate(kinds) if isinstance(id_, kind)), id_))


@pytest.fixture(params=["disk", "memory"])
def docs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[vicinal.Collection]:
    with vicinal.connect(tmp_path if request.param == "disk" else ":memory:") as database:
        docs = database.collection("docs")
        docs.add([_id(n) for n in range(300)], metadata=[{"n": n, "even": n % 2 == 0} for n in range(300)])
        yield docs


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scroll, "_PAGE_ROWS", 16)
    monkeypatch.setattr(scroll, "_SCANNED_AT_ONCE", 16)
    monkeypatch.setattr(scroll, "_SCANNED_MAX", 48)
    monkeypatch.setattr(scroll, "_HELD_IDS_MAX", FEW)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("where", [None, {"even": True}, {"n": {"$lt": FEW}}, {"n": {"$lt": FEW + 1}}, {"n": 500}])
def test_all_that_pass_come_once_in_the_order_of_their_ids(
    docs: vicinal.Collection, where: dict[str, Any] | None, descending: bool
) -> None:
    expected = _ordered(docs.ids(where))
    found = [row.id for row in docs.scroll(where, descending=descending)]
    assert found == (expected[::-1] if descending else expected)


def test_ids_whose_hashes_python_has_equal_are_told_apart(docs: vicinal.Collection) -> None:
    equal = [-1, -2, 2**61 - 2, 2**61 - 3, -(2**61), -(2**61) - 1]
    assert len({hash(id_) for id_ in equal}) < len(equal)
    docs.upsert(equal, metadata=[{"even": n % 2 == 0} for n in range(len(equal))])
    assert [row.id for row in docs.scroll({"even": True})] == _ordered(docs.ids({"even": True}))


def test_what_is_written_meanwhile_disturbs_nothing(docs: vicinal.Collection) -> None:
    """Rows are replaced, deleted and added between two pages, and the files are compacted."""
    there = set(docs.ids())
    moved, gone = [_id(n) for n in range(0, 300, 5)], {_id(n) for n in range(1, 300, 5)}
    rows = docs.scroll()
    first = [next(rows) for _ in range(20)]
    docs.upsert(moved, metadata=[{"moved": True}] * len(moved))
    docs.delete(list(gone))
    docs.add([f"{_id(n)}-new" for n in range(300)], metadata=[{}] * 300)
    docs.compact() if docs.stats().path != ":memory:" else None
    found = [row.id for row in [*first, *rows]]
    assert len(found) == len(set(found))
    assert there - gone <= set(found) <= there


def test_a_loop_that_adds_rows_comes_to_its_end(docs: vicinal.Collection) -> None:
    count = 0
    for row in docs.scroll({"even": True}):
        docs.add([f"{row.id}~"], metadata=[{"even": True}])
        count += 1
    assert count == 150


def test_a_part_of_the_rows_sees_no_others(docs: vicinal.Collection) -> None:
    part = docs.within({"even": True})
    rows = part.scroll()
    first = next(rows)
    left = next(id_ for id_ in docs.ids({"even": True}) if id_ != first.id)
    docs.update([left], metadata=[{"even": False}])  # it is none of theirs any more
    assert {row.id for row in [first, *rows]} == set(docs.ids({"even": True}))


def test_many_rows_take_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    with vicinal.connect(":memory:") as database:
        docs, count = database.collection("docs"), 50_000
        docs.add([f"the id of row {n:06}" for n in range(count)], metadata=[None] * count)
        tracemalloc.start()
        try:
            assert sum(1 for _ in docs.scroll()) == count
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 2 << 20
