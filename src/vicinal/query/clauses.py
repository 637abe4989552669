"""A filter taken apart: what each of its conditions lets through, for whoever explains a search."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..explanation import ExplainedClause, FailedClause
from ..filters.bitmap import popcount
from ..filters.evaluate import value_at
from ..filters.tree import And, Disc, GeoCircle, IdIn, Node, Not, OfRow, Or, leaves
from ..indexes.derived import DerivedIndex, RowsAt
from ..metadata import loads
from ..store.reading import Reader
from ..store.rows import Row, user_id
from ..types import Id

__all__ = ["counted_clauses", "failed_clauses", "failing", "joined_by_and"]


def joined_by_and(tree: Node) -> Iterator[Node]:
    """The conditions that must all hold, from left to right."""
    if isinstance(tree, And):
        for child in tree.children:
            yield from joined_by_and(child)
    else:
        yield tree


def counted_clauses(
    tree: Node | None, within: Node | None, index: DerivedIndex, reader: Reader
) -> tuple[ExplainedClause, ...]:
    """The conditions of a filter of several, each with the rows that pass it alone, under the lock of the index.

    Args:
        within: the only rows that there are for who asks; None for all.
    """
    clauses = [] if tree is None else list(joined_by_and(tree))
    if len(clauses) < 2:
        return ()
    return tuple(ExplainedClause(_text(one), _count(one, within, index, reader)) for one in clauses)


def failing(tree: Node, id_: Id, index: DerivedIndex, reader: Reader) -> list[Node]:
    """Those conditions that the row of an id does not meet, under the lock of the index."""
    return [one for one in joined_by_and(tree) if not _passing(And((IdIn([id_]), one)), index, reader)]


def failed_clauses(failed: list[Node], row: Row) -> tuple[FailedClause, ...]:
    """The conditions with what the row has there."""
    return tuple(FailedClause(_text(one), _value(one, row)) for one in failed)


def _count(clause: Node, within: Node | None, index: DerivedIndex, reader: Reader) -> int | None:
    if any(isinstance(leaf, OfRow) for leaf in leaves(clause)):
        return None  # a read of every row, while everybody waits
    return _passing(clause if within is None else And((within, clause)), index, reader)


def _passing(tree: Node, index: DerivedIndex, reader: Reader) -> int:
    slots = index.slots.view()
    return popcount(index.columns.evaluate(tree, len(slots.live), RowsAt(reader, slots.change)))


def _text(clause: Node) -> str:
    return repr(clause)


def _value(clause: Node, row: Row) -> Any:
    """What the row has where a condition on one field looks; None for any other condition."""
    while isinstance(clause, Not):
        clause = clause.child
    if isinstance(clause, OfRow):
        return user_id(row.id) if clause.part == "id" else row.text
    if isinstance(clause, IdIn):
        return user_id(row.id)
    if isinstance(clause, (And, Or, GeoCircle, Disc)):
        return None
    return value_at(loads(row.metadata or "{}"), clause.path)
