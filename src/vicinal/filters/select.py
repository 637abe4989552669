"""Evaluates a tree to the slots that match it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from ..contract import Slots
from ..deadline import check_deadline
from ..types import Id
from .bitmap import BoolArray
from .cells import MISSING
from .column import Column
from .evaluate import holds, value_at
from .geo import coordinates, discs, geo_circles
from .scan import FieldLeaf, scan
from .tree import And, Disc, GeoCircle, IdIn, Node, Not, OfRow, OfType, Or, Path

_ASKED_AT_ONCE = 4096


class Records(Protocol):
    """Access to what columns do not store. All calls must see the records as of the columns' commit."""

    def metadata(self, slots: Slots) -> Sequence[Mapping[str, Any]]:
        """The metadata of rows, in the order of their slots."""
        ...

    def ids_and_texts(self, slots: Slots) -> Sequence[tuple[Id, str | None]]:
        """The ids and texts of rows, in the order of their slots."""
        ...

    def slots_of(self, ids: Collection[Id]) -> Slots:
        """The slots of those ids that have a row, in any order."""
        ...


def select(tree: Node, columns: Mapping[Path, Column], among: BoolArray, records: Records) -> BoolArray:
    """The slots in `among` that match `tree`.

    `among` narrows from condition to condition, so no record is read that another condition has already excluded.
    """
    check_deadline()
    match tree:
        case And():
            for child in tree.children:
                among = select(child, columns, among, records)
            return among
        case Or():
            found = np.zeros_like(among)
            for child in tree.children:
                found |= select(child, columns, among & ~found, records)
            return found
        case Not():
            return among & ~select(tree.child, columns, among, records)
        case IdIn():
            slots = records.slots_of(tree.ids)
            flags = np.zeros_like(among)
            flags[slots[slots < len(among)]] = True
            return among & flags
        case OfRow():
            slots = np.flatnonzero(among).astype(np.uint32)
            flags = np.zeros_like(among)
            for start in range(0, len(slots), _ASKED_AT_ONCE):
                check_deadline()
                part = slots[start : start + _ASKED_AT_ONCE]
                own = 0 if tree.part == "id" else 1
                flags[part] = [holds(tree.condition, row[own]) for row in records.ids_and_texts(part)]
            return flags
        case OfType():
            column = columns.get(tree.path)
            if column is None:
                return np.zeros_like(among)
            return among & column.by_slot(column.cells().of(tree.classes), len(among))
        case GeoCircle():
            latitude = coordinates(columns.get(tree.latitude_path), len(among))
            longitude = coordinates(columns.get(tree.longitude_path), len(among))
            return among & geo_circles(tree, latitude, longitude)
        case Disc():
            x = coordinates(columns.get(tree.x_path), len(among))
            return among & discs(tree, x, coordinates(columns.get(tree.y_path), len(among)))
        case _:
            return _select_by_field(tree, columns.get(tree.path), among, records)


def ask(records: Records, slots: Slots, path: Path) -> Iterator[Any]:
    """Values at a path, read from the records."""
    for start in range(0, len(slots), _ASKED_AT_ONCE):
        check_deadline()
        part = slots[start : start + _ASKED_AT_ONCE]
        for _, metadata in zip(part, records.metadata(part), strict=True):
            yield value_at(metadata, path)


def _select_by_field(leaf: FieldLeaf, column: Column | None, among: BoolArray, records: Records) -> BoolArray:
    holds_for_null = holds(leaf, None)
    if column is None:
        return among if holds_for_null else np.zeros_like(among)
    found = scan(leaf, column)
    yes = column.by_slot(found.yes, len(among))
    if holds_for_null:
        yes |= ~column.by_slot(column.cells().kinds != MISSING, len(among))
    yes &= among
    if found.ask.any():
        slots = np.flatnonzero(column.by_slot(found.ask, len(among)) & among & ~yes).astype(np.uint32)
        yes[slots] = [holds(leaf, value) for value in ask(records, slots, leaf.path)]
    return yes
