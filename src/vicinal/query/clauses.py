"""A filter split into its conditions, with the number of rows that match each, for explanations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..explanation import ExplainedClause, FailedClause
from ..filters.bitmap import popcount
from ..filters.evaluate import value_at
from ..filters.pending import PendingFilter
from ..filters.select import Records
from ..filters.tree import And, Disc, GeoCircle, IdIn, Node, Not, OfRow, Or, leaves
from ..indexes.derived import DerivedIndex
from ..metadata import loads
from ..store.rows import Row, user_id
from ..types import Id

__all__ = ["PendingClauses", "clauses_for_row", "clauses_of_several", "joined_by_and"]


def joined_by_and(tree: Node) -> Iterator[Node]:
    """The conditions that must all be met, from left to right."""
    if isinstance(tree, And):
        for child in tree.children:
            yield from joined_by_and(child)
    else:
        yield tree


@dataclass(frozen=True, slots=True)
class PendingClauses:
    """Conditions at one point in time, to be evaluated without a lock.

    Attributes:
        clauses: the conditions, each with the rows that match it; None for those that should not be counted.
    """

    clauses: tuple[tuple[Node, PendingFilter | None], ...]

    def counted(self, records: Records) -> tuple[ExplainedClause, ...]:
        """Each condition with the number of rows that match it alone."""
        return tuple(
            ExplainedClause(repr(clause), None if rows is None else popcount(rows.bitmap(records)))
            for clause, rows in self.clauses
        )

    def failed(self, row: Row, records: Records) -> tuple[FailedClause, ...]:
        """The conditions that have no matching row, with the value of this row."""
        return tuple(
            FailedClause(repr(clause), _value(clause, row))
            for clause, rows in self.clauses
            if rows is not None and not rows.bitmap(records).any()
        )


def clauses_of_several(tree: Node | None, within: Node | None, index: DerivedIndex) -> PendingClauses:
    """The conditions of a filter that joins several by "and"; none for other filters.

    Args:
        within: the filter of a restricted handle; None for all rows.
    """
    clauses = [] if tree is None else list(joined_by_and(tree))
    if len(clauses) < 2:
        return PendingClauses(())
    return PendingClauses(tuple((one, _alone(one, within, index)) for one in clauses))


def clauses_for_row(tree: Node | None, id_: Id, index: DerivedIndex) -> PendingClauses:
    """The conditions of a filter, each restricted to the row with this id."""
    clauses = [] if tree is None else list(joined_by_and(tree))
    return PendingClauses(tuple((one, _pending(And((IdIn([id_]), one)), index)) for one in clauses))


def _alone(clause: Node, within: Node | None, index: DerivedIndex) -> PendingFilter | None:
    if any(isinstance(leaf, OfRow) for leaf in leaves(clause)):
        return None  # it would read every row
    return _pending(clause if within is None else And((within, clause)), index)


def _pending(tree: Node, index: DerivedIndex) -> PendingFilter:
    return index.columns.pending(tree, len(index.slots.view().live))


def _value(clause: Node, row: Row) -> Any:
    """The row's value for a condition on one field; None for any other condition."""
    while isinstance(clause, Not):
        clause = clause.child
    if isinstance(clause, OfRow):
        return user_id(row.id) if clause.part == "id" else row.text
    if isinstance(clause, IdIn):
        return user_id(row.id)
    if isinstance(clause, (And, Or, GeoCircle, Disc)):
        return None
    return value_at(loads(row.metadata or "{}"), clause.path)
