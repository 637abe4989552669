"""Columns against the referee: whatever the rows, the filter and what happened to them, the same set."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vicinal.filters.bitmap import popcount, unpack
from vicinal.filters.cells import TEXT_CHARS_KEPT
from vicinal.filters.columns import Columns
from vicinal.filters.evaluate import matches
from vicinal.filters.tree import (
    And,
    Compare,
    Contains,
    Disc,
    Exists,
    GeoCircle,
    IdIn,
    In,
    Node,
    Not,
    Or,
    Regex,
    StartsWith,
)
from vicinal.metadata import dumps, loads
from vicinal.types import Id


class World:
    """Rows in plain dicts beside the columns that are told of them."""

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
        """Saved, mapped read-only, loaded."""
        arrays = self.columns.save()
        for array in arrays.values():
            assert array.ndim == 1
            assert array.dtype != object
            array.flags.writeable = False
        self.columns = Columns()
        self.columns.load(arrays)

    def metadata(self, slots: Any) -> list[dict[str, Any]]:
        return [self.rows[slot] for slot in slots.tolist()]

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


def id_of(slot: int) -> Id:
    return f"row {slot}" if slot % 2 else slot


# Few distinct values, and each in several forms, so that rows and filters meet.
NUMBERS = st.sampled_from(
    [
        *(0, -0.0, 1, 1.0, Decimal("1.0"), 2, 2.5, Decimal("2.5"), 0.1, Decimal("0.1"), -3, 300, 70_000, 1e308, 5e-324),
        *(2**53, float(2**53), 2**53 + 1, Decimal(2**53 + 1), 2**63 - 1, 2**63, float(2**63), -(2**63), -(2**63) - 1),
        *(10**400, Decimal("1e400"), Decimal("1e-400"), Decimal("1e999999")),
    ]
)
LONG = "long " * (TEXT_CHARS_KEPT // 5)
TEXTS = st.sampled_from(
    [
        *("", "a", "ab", "abc", "b", "ba", "é", "\U0001f600", "\uffff", "\x00"),
        *("1", "1.0", "10", "-3", "1e1", " 1", "1_0", "٣", "9" * 5000),
        *(LONG, LONG + " of it", LONG + "z" * 50),
    ]
)
PLUS_TWO = timezone(timedelta(hours=2))
INSTANTS = st.sampled_from(
    [
        *(date(2024, 5, 1), datetime(2024, 5, 1), datetime(2024, 5, 1, tzinfo=UTC)),
        *(datetime(2024, 5, 1, 2, tzinfo=PLUS_TWO), datetime(2024, 5, 1, 0, 0, 0, 1)),
        *(date(1, 1, 1), datetime(1, 1, 1, tzinfo=PLUS_TWO), datetime.max),
    ]
)
UUIDS = st.sampled_from([UUID(int=1), UUID(int=2), UUID(int=2**127 + 5)])
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS, INSTANTS, UUIDS)
KEYS = st.sampled_from(["x", "y", "a.b", "$k", "", "n"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)
ROWS = st.none() | st.dictionaries(KEYS, VALUES, max_size=4)
PATHS = st.lists(KEYS, min_size=1, max_size=2).map(tuple)
ORDERED = NUMBERS | TEXTS | INSTANTS | UUIDS
COMPARES = st.one_of(
    st.builds(Compare, PATHS, st.just("eq"), VALUES, st.booleans()),
    st.builds(Compare, PATHS, st.sampled_from(["gt", "gte", "lt", "lte"]), ORDERED, st.booleans()),
)
DEGREES = st.sampled_from([0, 1, 2.5, -3])
LEAVES = st.one_of(
    COMPARES,
    st.builds(In, PATHS, st.lists(VALUES, max_size=12).map(tuple)),
    st.builds(Contains, PATHS, VALUES),
    st.builds(StartsWith, PATHS, TEXTS),
    st.builds(Regex, PATHS, st.sampled_from(["^a", "b$", "[0-9]+", "", "long .*z"])),
    st.builds(Exists, PATHS),
    st.builds(GeoCircle, PATHS, PATHS, DEGREES, DEGREES, st.sampled_from([0, 150_000, 1e6, 3e7])),
    st.builds(
        Disc, PATHS, PATHS, NUMBERS.filter(lambda n: abs(n) < 1e300), DEGREES, st.sampled_from([0, 1, 2.5, 1e300])
    ),
    st.lists(st.integers(0, 12).map(id_of)).map(IdIn),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda nodes: And(tuple(nodes))),
        st.lists(inner, max_size=3).map(lambda nodes: Or(tuple(nodes))),
        inner.map(Not),
    ),
    max_leaves=6,
)
SLOW_ALLOWED = settings(deadline=None, suppress_health_check=list(HealthCheck))


def check(world: World, trees: Sequence[Node]) -> None:
    for tree in trees:
        assert world.found(tree) == world.expected(tree), tree


@settings(SLOW_ALLOWED, max_examples=300)
@given(st.lists(ROWS, min_size=1, max_size=8), st.lists(TREES, min_size=1, max_size=4))
def test_columns_find_what_the_referee_finds(rows: list[Any], trees: list[Node]) -> None:
    world = World()
    world.apply(rows)
    check(world, trees)
    world.reopen()
    check(world, trees)


@settings(SLOW_ALLOWED, max_examples=300)
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
