"""A collection on an engine with the store interface that `records` uses: states, readers and transactions."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Final, TypeVar
from urllib.parse import quote
from uuid import UUID

import numpy as np

from ..contract import FloatMatrix, FloatVector
from ..errors import CollectionDropped
from ..locks import new_lock
from ..store.rows import Row, StoredId, user_id
from ..store.state import State
from ..store.writing import NewRow
from .conditions import All, Condition, No, NumberIs
from .engine import Engine, NoSuchPoints, Point
from .payloads import PARTS_OF_ROW, PARTS_OF_VECTOR, direction_of, key_of, payload_of, row_of, vector_of

__all__ = ["EngineStore", "first_place_of", "state_of", "visible_at"]

T = TypeVar("T")

_TRIES: Final = 3
_PARTS_WITH_VECTOR: Final = (*PARTS_OF_ROW, *PARTS_OF_VECTOR)
_NAME_CHARS_MAX: Final = 160


def visible_at(now: int) -> Condition:
    """Rows that have not expired."""
    return No(NumberIs(("", "expires"), "lte", float(now)))


def first_place_of(state: State) -> str:
    """The name of a collection's points. A collection that is recreated under the same name has another."""
    named = quote(state.name, safe="")[:_NAME_CHARS_MAX]
    return f"{named}-{UUID(bytes=state.uuid).hex[:12]}"


def written(state: State, points: str) -> dict[str, Any]:
    """A state as the engine stores it."""
    known = {**asdict(state), "uuid": state.uuid.hex(), "trimmed_nonce": state.trimmed_nonce.hex()}
    return {"name": state.name, "points": points, "state": json.dumps(known)}


def state_of(what: Mapping[str, Any]) -> State:
    """The inverse of `written`."""
    known = json.loads(what["state"])
    nonce = bytes.fromhex(known["trimmed_nonce"])
    return State(**{**known, "uuid": bytes.fromhex(known["uuid"]), "trimmed_nonce": nonce})


class Reader:
    """Reads current rows."""

    def __init__(self, store: EngineStore, points: str, state: State) -> None:
        self.state = state
        self._store = store
        self._points = points
        self._vectors: dict[int, FloatVector] = {}

    def rows_by_id(self, ids: Sequence[StoredId]) -> dict[StoredId, Row]:
        keys = [key_of(user_id(id_)) for id_ in dict.fromkeys(ids)]
        found = self._store.engine.at(self._points, keys, _PARTS_WITH_VECTOR, vectors=True)
        rows = map(self.row, found.values())
        return {row.id: row for row in rows}

    def slots_of(self, ids: Sequence[StoredId]) -> dict[StoredId, tuple[int, int | None]]:
        keys = [key_of(user_id(id_)) for id_ in dict.fromkeys(ids)]
        found = self._store.engine.at(self._points, keys, ("id", "order", "expires"), vectors=False)
        rows = [row_of(point.payload, self._store.place) for point in found.values()]
        return {row.id: (row.slot, row.expires_at) for row in rows}

    def row(self, point: Point) -> Row:
        row = row_of(point.payload, self._store.place)
        if point.vector is not None:
            self._vectors[row.slot] = vector_of(point.vector, point.payload)
        return row

    def vector(self, row: Row) -> FloatVector | None:
        return self._vectors.get(row.slot)


class Transaction(Reader):
    """Collects the writes of a call and makes them at its end: new rows first, then deletions."""

    def __init__(self, store: EngineStore, points: str, state: State) -> None:
        super().__init__(store, points, state)
        self._seen: dict[int, StoredId] = {}
        self._ended: set[StoredId] = set()
        self._new: dict[StoredId, Point] = {}
        self._touched: list[Point] = []
        self._gone: list[str] = []

    def rows_by_id(self, ids: Sequence[StoredId]) -> dict[StoredId, Row]:
        found = super().rows_by_id(ids)
        self._seen.update({row.slot: id_ for id_, row in found.items()})
        return found

    def slots_of(self, ids: Sequence[StoredId]) -> dict[StoredId, tuple[int, int | None]]:
        found = super().slots_of(ids)
        self._seen.update({slot: id_ for id_, (slot, _) in found.items()})
        return found

    def vector(self, row: Any) -> Any:
        """The vector of a row, given the row or its slot."""
        return self._vectors[row] if isinstance(row, int) else super().vector(row)

    def fix_dimension(self, dimension: int) -> None:
        self.state = replace(self.state, dimension=dimension)

    def end(self, slots: Sequence[int]) -> None:
        self._ended.update(self._seen[slot] for slot in slots)

    def append(self, rows: Sequence[NewRow], block: FloatMatrix | None) -> None:
        for i, (new, slot) in enumerate(zip(rows, self._store.next_slots(len(rows)), strict=True)):
            row = Row(slot, new.id, 0, new.expires_at, new.space, new.sparse, new.metadata, new.text)
            vector = None if new.space is None or block is None else block[i]
            self._new[new.id] = self._point(row, vector)

    def passing(self, where: Condition) -> list[Row]:
        """Rows that match, with their vectors."""
        found = self._store.engine.passing(self._points, where, _PARTS_WITH_VECTOR, vectors=True)
        return list(map(self.row, found))

    def keys_passing(self, where: Condition) -> list[str]:
        return [point.key for point in self._store.engine.passing(self._points, where, ("order",), vectors=False)]

    def gone(self, keys: Sequence[str]) -> None:
        """Marks these points for deletion."""
        self._gone += keys

    def touch(self, row: Row, *, metadata: str | None, expires_at: int | None) -> None:
        changed = replace(row, metadata=metadata, expires_at=expires_at)
        self._touched.append(self._point(changed, self._vectors.get(row.slot)))

    def touch_all(self, changed: Iterable[tuple[Row, str | None, int | None]]) -> None:
        for row, metadata, expires_at in changed:
            self.touch(row, metadata=metadata, expires_at=expires_at)

    def _point(self, row: Row, vector: FloatVector | None) -> Point:
        payload = payload_of(row)
        direction = None
        if vector is not None:
            direction, more = direction_of(np.ascontiguousarray(vector), self.state.metric)
            payload |= more
        return Point(key_of(user_id(row.id)), payload, direction)

    def finish(self) -> None:
        points = self._store.place_for(self.state)
        self._store.engine.put(points, list(self._new.values()))
        if self._touched:
            self._store.engine.change(points, self._touched)
        gone = [*self._gone, *(key_of(user_id(id_)) for id_ in self._ended if id_ not in self._new)]
        if gone:
            self._store.engine.remove(points, gone)


class EngineStore:
    """A collection's points and its stored state.

    Args:
        state, points: as the engine stores them now.
    """

    def __init__(self, engine: Engine, state: State, points: str) -> None:
        self.engine = engine
        self.place = f"collection {state.name!r} on {engine.place}"
        self._lock = new_lock()
        self._writing = new_lock()
        self._state = state
        self._points = points
        self._last_slot = 0

    def known(self) -> State:
        return self._state

    def current(self) -> State:
        """The newest state. Once the dimension is known it never changes."""
        if self._state.dimension is None:
            self._refresh()
        return self._state

    def _refresh(self) -> None:
        what = self.engine.remembered(self._state.name)
        state = None if what is None else state_of(what)
        if what is None or state is None or state.uuid != self._state.uuid:
            raise self._dropped()
        with self._lock:
            self._state, self._points = state, what["points"]

    def _dropped(self) -> CollectionDropped:
        return CollectionDropped(
            "the collection was dropped", name="collection", place=self.place, remedy="Open it again to make a new one."
        )

    def on_points(self, work: Callable[[str, State], T]) -> T:
        """Returns the result of `work` for the points' name and the state; runs it again if the points have moved."""
        for _ in range(_TRIES):
            points, state = self._points, self._state
            try:
                return work(points, state)
            except NoSuchPoints:
                self._refresh()
                if self._points == points:
                    break
        raise self._dropped()

    def reader(self, points: str, state: State) -> Any:
        """Takes the place of a reader of files."""
        return Reader(self, points, state)

    def read(self, ask: Callable[[Any], T]) -> T:
        return self.on_points(lambda points, state: ask(Reader(self, points, state)))

    def write(self, plan: Callable[[Any], T], **options: Any) -> T:
        """Plans and writes, one call of a handle at a time; concurrent writes of others are not seen."""
        with self._writing:

            def attempt(points: str, state: State) -> T:
                transaction = Transaction(self, points, state)
                done = plan(transaction)
                transaction.finish()
                return done

            self.current()
            return self.on_points(attempt)

    def place_for(self, state: State) -> str:
        """Returns the points for a state whose dimension has just become known."""
        if state.dimension == self._state.dimension:
            return self._points
        moved = f"{first_place_of(state)}-{state.dimension}"
        self.engine.make(moved, state.dimension, state.metric)
        rows = list(self.engine.passing(self._points, All(()), (*PARTS_OF_ROW, "terms", "parts"), vectors=False))
        self.engine.put(moved, rows)  # none of them has a vector
        self.engine.remember(state.name, written(state, moved))
        self.engine.drop(self._points)
        with self._lock:
            self._state, self._points = state, moved
        return moved

    def next_slots(self, count: int) -> range:
        """Numbers that grow with time, so that rows of all programs are ordered: microseconds since 1970."""
        with self._lock:
            first = max(self._last_slot + 1, time.time_ns() // 1000)
            self._last_slot = first + count - 1
        return range(first, first + count)
