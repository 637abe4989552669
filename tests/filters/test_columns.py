"""Columns compared with the reference: the same rows for any rows, filters and changes."""

from __future__ import annotations

import itertools
import random
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.filtering import INSTANTS, LONG, ORDERED, PATHS, ROWS, TEXTS, TREES, UUIDS, id_of
from vicinal.filters import column as column_module
from vicinal.filters import presence
from vicinal.filters import texts as texts_module
from vicinal.filters.bitmap import pack, popcount, unpack
from vicinal.filters.cells import TEXT_CHARS_KEPT
from vicinal.filters.columns import Columns
from vicinal.filters.evaluate import matches, value_at
from vicinal.filters.growable import GrowableArray
from vicinal.filters.tree import (
    And,
    Compare,
    Contains,
    Exists,
    In,
    Node,
    Not,
    OfType,
    Path,
    StartsWith,
)
from vicinal.filters.values import CLASSES, from_instant, instant, sort_key
from vicinal.metadata import dumps, loads
from vicinal.types import Id


class World:
    """Rows in plain dicts, and the columns that are updated with them."""

    def __init__(self) -> None:
        self.rows: dict[int, dict[str, Any]] = {}
        self.slot_count = 0
        self.columns = Columns()

    def apply(
        self,
        added: Sequence[Mapping[str, Any] | None] = (),
        dead: Collection[int] = (),
        touched: Mapping[int, Mapping[str, Any]] | None = None,
    ) -> None:
        first, self.slot_count = self.slot_count, self.slot_count + len(added)
        for slot in dead:
            del self.rows[slot]
        texts = [dumps(row) if row is not None else None for row in added]
        new = {first + i: loads(text or "{}") for i, text in enumerate(texts)}
        changed = {slot: dumps(row) for slot, row in (touched or {}).items()}
        self.rows |= new | {slot: loads(text) for slot, text in changed.items()}
        self.columns.apply(
            self.slot_count,
            np.array(list(dead), dtype=np.uint32),
            np.array(list(new), dtype=np.uint32),
            texts,
            np.array(list(changed), dtype=np.uint32),
            list(changed.values()),
        )

    def reopen(self) -> None:
        """Saves, maps read-only, and loads."""
        arrays = self.columns.snapshot()()
        for array in arrays.values():
            assert array.ndim == 1
            assert array.dtype != object
            array.flags.writeable = False
        self.columns = Columns()
        self.columns.load(arrays, len(arrays["rows"]))

    def metadata(self, slots: Any) -> list[dict[str, Any]]:
        return [self.rows[slot] for slot in slots.tolist()]

    def ids_and_texts(self, slots: Any) -> list[tuple[Id, str | None]]:
        return [(id_of(slot), None) for slot in slots.tolist()]

    def slots_of(self, ids: Collection[Id]) -> Any:
        return np.array([slot for slot in self.rows if id_of(slot) in ids], dtype=np.uint32)

    def found(self, tree: Node) -> list[int]:
        words = self.columns.evaluate(tree, self.slot_count, self)
        assert len(words) == -(-self.slot_count // 64)
        found = np.flatnonzero(unpack(words, self.slot_count)).tolist()
        assert popcount(words) == len(found) == self.columns.count(tree, self)
        return found

    def expected(self, tree: Node) -> list[int]:
        return sorted(slot for slot, row in self.rows.items() if matches(tree, row, id_of(slot)))


SLOW_ALLOWED = settings(deadline=None, suppress_health_check=list(HealthCheck))


def check(world: World, trees: Sequence[Node]) -> None:
    for tree in trees:
        assert world.found(tree) == world.expected(tree), tree


@pytest.mark.parametrize("as_elements", [False, True])
def test_every_scalar_against_every_other(as_elements: bool) -> None:
    """Exhaustive, because random values hardly ever hit the boundaries between types of numbers."""
    world = World()
    world.apply([{"x": [value] if as_elements else value} for value in (None, True, False, *ORDERED)])
    for value in (None, True, False, *ORDERED):
        check(world, [Compare(("x",), "eq", value), In(("x",), (value, "no such text")), Contains(("x",), value)])
        check(world, [Compare(("x",), "eq", value, coerce=True)])
    for value in ORDERED:
        for operator in ("gt", "gte", "lt", "lte"):
            check(world, [Compare(("x",), operator, value)])  # type: ignore[arg-type]  # it is one of them
    check(world, [StartsWith(("x",), text) for text in TEXTS])


def test_every_class_of_values_among_rows_of_which_some_died() -> None:
    world = World()
    values = [None, True, 1, 2.5, 2**80, Decimal("0.1"), "a", LONG, *INSTANTS[:2], UUIDS[0], [1], {"y": 1}]
    world.apply([*({"x": value} for value in values), {}, None])
    trees = [OfType(("x",), frozenset({one})) for one in sorted(CLASSES)]
    check(world, [*trees, OfType(("x",), CLASSES), OfType(("x", "y"), CLASSES), *map(Not, trees)])
    assert sum(len(world.found(tree)) for tree in trees) == len(values)
    world.apply(dead=range(0, len(values), 2))
    check(world, [*trees, OfType(("x",), CLASSES), *map(Not, trees)])
    world.reopen()
    check(world, trees)


@settings(SLOW_ALLOWED, max_examples=200)
@given(st.lists(ROWS, min_size=1, max_size=8), st.lists(TREES, min_size=1, max_size=4))
def test_columns_find_what_the_referee_finds(rows: list[Any], trees: list[Node]) -> None:
    world = World()
    world.apply(rows)
    check(world, trees)
    world.reopen()
    check(world, trees)


@settings(SLOW_ALLOWED, max_examples=200)
@given(st.data())
def test_after_any_changes_too(data: st.DataObject) -> None:
    world = World()
    for _ in range(data.draw(st.integers(1, 5))):
        mine = data.draw(st.lists(st.sampled_from(sorted(world.rows)), unique=True)) if world.rows else []
        cut = data.draw(st.integers(0, len(mine)))
        world.apply(
            data.draw(st.lists(ROWS, max_size=4)), mine[:cut], {slot: data.draw(ROWS) or {} for slot in mine[cut:]}
        )
        if data.draw(st.booleans()):
            world.reopen()
        check(world, data.draw(st.lists(TREES, max_size=2)))


@settings(SLOW_ALLOWED, max_examples=80)
@given(st.lists(ROWS, min_size=1, max_size=10), PATHS, TREES, st.booleans())
def test_summaries_are_those_of_the_values(rows: list[Any], path: Path, tree: Node, reopened: bool) -> None:
    world = World()
    world.apply(rows)
    if reopened:
        world.reopen()
    allowed = world.columns.evaluate(tree, world.slot_count, world)
    slots = world.expected(tree)
    values = [value_at(world.rows[slot], path) for slot in slots]
    counts = counted(values)
    by_count = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    facets = world.columns.facets(path, world, allowed)
    assert [(sort_key(value), count) for value, count in facets] == [(shown(key), count) for key, count in by_count]
    assert list(map(sort_key, world.columns.distinct(path, world, allowed))) == list(map(shown, sorted(counts)))
    keys = [key for value in values if (key := sort_key(value)) is not None]
    bounds = world.columns.min_max(path, world, allowed)
    assert list(map(sort_key, bounds or ())) == ([shown(min(keys)), shown(max(keys))] if keys else [])
    ranked, ranks = world.columns.ranks(path, allowed, world)
    assert ranked.tolist() == slots
    by_rank = dict(zip(ranked.tolist(), ranks.tolist()))
    assert {slot for slot, rank in by_rank.items() if rank < 0} == {
        slot for slot, value in zip(slots, values) if sort_key(value) is None
    }
    for one, other in itertools.combinations([slot for slot in slots if by_rank[slot] >= 0], 2):
        mine, its = sort_key(values[slots.index(one)]), sort_key(values[slots.index(other)])
        assert mine is not None
        assert its is not None
        assert (by_rank[one] < by_rank[other], by_rank[one] == by_rank[other]) == (mine < its, mine == its)


def shown(key: Any) -> Any:
    """Returns a point in time in UTC, which may be outside the years that Python supports."""
    is_instant = key[0] == sort_key(date(2024, 5, 1))[0]  # type: ignore[index]
    return (key[0], instant(from_instant(key[1]))) if is_instant else key


def counted(values: list[Any]) -> dict[Any, int]:
    counts: dict[Any, int] = {}
    for value in values:
        elements = value if isinstance(value, list) else [value]
        for key in {sort_key(element) for element in elements} - {None}:
            counts[key] = counts.get(key, 0) + 1
    return counts


def some_row(rng: random.Random) -> dict[str, Any]:
    """Returns a row with keys that nearly all, some and few rows have, and with unique and frequent texts."""
    row: dict[str, Any] = {"x": rng.choice([rng.randrange(100), rng.random()]), "y": f"topic {rng.randrange(9)}"}
    if rng.random() < 0.3:
        row["n"] = [f"tag {rng.randrange(6)}" for _ in range(rng.randrange(4))]
    if rng.random() < 0.01:
        row["$k"] = {"a.b": f"{rng.getrandbits(64):x}"}
    return row | {"a.b": f"{rng.getrandbits(64):x}"}


SOME_TREES: list[Node] = [
    Compare(("x",), "gte", 50),
    Compare(("y",), "eq", "topic 3"),
    Not(Compare(("n",), "eq", "tag 2")),
    And((Compare(("x",), "lt", 0.5), StartsWith(("a.b",), "f"))),
    Contains(("a.b",), "ab"),
    Exists(("$k", "a.b")),
    Not(Compare(("$k", "a.b"), "gt", "8")),
    In(("y",), tuple(f"topic {i}" for i in range(3, 20))),
]


@pytest.mark.parametrize("values", [[0.5, -2.5, 0.25, None, 1e300, 0.5], [3, -7, 0, None, -7, 2**40]])
def test_rows_rank_by_fractions_and_by_numbers_below_zero(values: list[Any]) -> None:
    world = World()
    world.apply([{"x": value} for value in values])
    slots, ranks = world.columns.ranks(("x",), pack(np.ones(len(values), np.bool_)), world)
    numbers = sorted({value for value in values if value is not None})
    assert slots.tolist() == list(range(len(values)))
    assert ranks.tolist() == [-1 if value is None else numbers.index(value) for value in values]


def test_many_rows_through_many_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns change from pairs to arrays and back, texts are sorted and forgotten, arrays widen, maps are copied."""
    monkeypatch.setattr(column_module, "GARBAGE_MIN", 50)
    monkeypatch.setattr(texts_module, "_UNSORTED_MIN", 20)
    rng = random.Random(1)
    world = World()
    for step in range(30):
        added = [some_row(rng) for _ in range(rng.choice([1, 5, 300]))]
        mine = rng.sample(sorted(world.rows), min(len(world.rows), rng.choice([0, 1, 40])))
        half = len(mine) // 2
        world.apply(added, mine[:half], {slot: some_row(rng) for slot in mine[half:]})
        if step % 7 == 3:
            world.reopen()
        check(world, SOME_TREES)
    world.apply(dead=list(world.rows))
    check(world, SOME_TREES)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None, max_examples=100)
@given(st.lists(ROWS, max_size=8), st.lists(TREES, min_size=1, max_size=3), st.data())
def test_a_filter_that_is_taken_finds_what_was_there_then(
    rows: list[Any], trees: list[Node], data: st.DataObject
) -> None:
    """The snapshot is taken; rows are added, changed and deleted and texts forgotten before its rows are computed."""
    world = World()
    world.apply(rows)
    before = World()
    before.apply(rows)
    taken = [world.columns.pending(tree, world.slot_count) for tree in trees]
    for _ in range(2):
        alive = sorted(world.rows)
        changes = st.dictionaries(st.sampled_from(alive), ROWS.map(lambda row: row or {})) if alive else st.just({})
        touched = data.draw(changes)
        dead = [slot for slot in alive if slot not in touched][:1]
        world.apply(data.draw(st.lists(ROWS, max_size=4)), dead, touched)
        for column in world.columns._columns.values():
            column._forget_lists()
            column._forget_texts()
    for tree, pending in zip(trees, taken):
        assert np.flatnonzero(unpack(pending.bitmap(before), before.slot_count)).tolist() == before.expected(tree)
        assert world.found(tree) == world.expected(tree)  # nothing of then is remembered as of now


@pytest.mark.parametrize("newer_max", [3, 4096])
def test_an_update_asks_only_columns_that_may_have_its_row(monkeypatch: pytest.MonkeyPatch, newer_max: int) -> None:
    """Columns become dense and sparse again, empty and new; rows are deleted, and added with keys that others have."""
    monkeypatch.setattr(presence, "_FEW", 0)
    monkeypatch.setattr(presence, "_NEWER_MAX", newer_max)
    monkeypatch.setattr(column_module, "_SPARSE_SHARE", 4)
    random_ = random.Random(5)
    world = World()

    def row() -> dict[str, Any]:
        return {f"key {random_.randint(0, 30)}": random_.randint(0, 3) for _ in range(random_.randint(0, 4))}

    for step in range(150):
        alive = list(world.rows)
        chosen = random_.sample(alive, min(len(alive), 5))
        world.apply([row() for _ in range(random_.choice([0, 1, 7]))], chosen[:1], {slot: row() for slot in chosen[1:]})
        for key in random_.sample(range(31), 4):
            path, value = (f"key {key}",), random_.randint(0, 3)
            assert world.found(Compare(path, "eq", value)) == world.expected(Compare(path, "eq", value))
            assert world.found(Exists(path)) == world.expected(Exists(path))
        if step == 75:
            world.reopen()


def test_a_column_that_is_sparse_again_is_known_by_all_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "_FEW", 0)
    world = World()
    world.apply([{"key": 1}] * 10)
    world.apply(touched={3: {"key": 2}})  # looked up: the column is dense
    world.apply([{"other": 1}] * 4990)
    world.apply([{"key": 3}])
    assert world.columns._columns[("key",)].slots is not None
    world.apply(touched={4: {"other": 2}})
    assert world.found(Exists(("key",))) == world.expected(Exists(("key",)))


def test_an_update_among_ten_thousand_keys_asks_few_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.apply([{f"key {i}": 1, "all": 1} for i in range(2_000)])
    asked: list[Any] = []
    erase = column_module.Column.erase
    monkeypatch.setattr(
        column_module.Column, "erase", lambda column, slots: asked.append(slots) or erase(column, slots)
    )
    world.apply(touched={7: {"key 8": 2, "all": 2}})
    world.apply(touched={7: {"key 9": 3}, 9: {"all": 1}})
    assert len(asked) <= 2 + 4
    assert world.found(Exists(("key 8",))) == [8]


def test_memory_does_not_grow_with_the_number_of_updates() -> None:
    world = World()
    world.apply([{"x": "", "n": []}] * 4)
    for i in range(3000):
        world.apply(touched={i % 4: {"x": f"text {i}", "n": [i, f"element {i}"], f"key {i}": 1}})
    arrays = world.columns.snapshot()()
    assert sum(array.nbytes for array in arrays.values()) < 300_000
    assert len(list(world.columns.known_paths())) == 6  # x, n, and the key of each row


def test_a_path_for_each_row_takes_little() -> None:
    world = World()
    count = 3000
    world.apply([{f"key {i}": i} for i in range(count)])
    assert sum(array.nbytes for array in world.columns.snapshot()().values()) < count * 250
    world.reopen()
    assert world.found(Compare(("key 77",), "eq", 77)) == [77]


def test_a_text_of_any_length_is_found_and_long_ones_are_not_kept() -> None:
    world = World()
    world.apply([{"x": "a" * (TEXT_CHARS_KEPT + i)} for i in range(-1, 3)] + [{"x": "b" * 100_000}])
    assert world.found(Compare(("x",), "eq", "a" * (TEXT_CHARS_KEPT + 1))) == [2]
    assert world.found(Contains(("x",), "b" * 99_999)) == [4]
    assert sum(array.nbytes for array in world.columns.snapshot()().values()) < 2000


def test_only_rows_that_may_match_are_read_from_the_records(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.apply([{"x": i, "y": "long " * 100 + str(i)} for i in range(100)])
    asked: list[int] = []
    monkeypatch.setattr(world, "metadata", lambda slots: asked.extend(slots) or World.metadata(world, slots))
    assert world.found(And((Compare(("x",), "lt", 3), Contains(("y",), "long 2")))) == [2]
    assert set(asked) == {0, 1, 2}


def test_known_paths_are_those_that_a_row_has() -> None:
    world = World()
    world.apply([{"x": {"y": 1}}, {"n": None}, {"a.b": [{"k": 1}]}])
    assert set(world.columns.known_paths()) == {("x",), ("x", "y"), ("n",), ("a.b",)}
    world.apply(dead=[0], touched={2: {"z": 1}})
    known = world.columns.known_paths()
    assert set(known) == {("n",), ("z",)}
    assert ("x",) not in known
    assert len(known) == 2


def test_fewer_slots_than_were_applied_can_be_asked_for() -> None:
    world = World()
    world.apply([{"x": 1}] * 100)
    words = world.columns.evaluate(Not(Exists(("y",))), 70, world)
    assert unpack(words, 128).tolist() == [True] * 70 + [False] * 58


@given(st.lists(st.booleans(), max_size=200))
def test_bitmaps_hold_one_bit_a_slot(flags: list[bool]) -> None:
    words = pack(np.array(flags, dtype=np.bool_))
    assert words.dtype == np.uint64
    assert popcount(words) == sum(flags)
    assert unpack(words, len(flags)).tolist() == flags
    assert [bool(int(words[i // 64]) >> i % 64 & 1) for i in range(len(flags))] == flags


def test_what_is_frozen_stays_as_it_is() -> None:
    growing = GrowableArray(np.arange(5, dtype=np.int8))
    growing.append(np.array([5, 6], dtype=np.int8))
    frozen = growing.frozen()
    growing.append(np.array([7], dtype=np.int8))
    assert np.shares_memory(frozen, growing.array), "what comes behind it needs no copy"
    growing.put(np.array([1, 7]), np.array([-1, -7], dtype=np.int8))
    growing.put(slice(0, 1), np.array([-9], dtype=np.int8))
    assert frozen.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert growing.array.tolist() == [-9, -1, 2, 3, 4, 5, 6, -7]
