"""The filter of a restricted handle, outside which rows do not exist for it. See `Collection.within`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import NotAllowed
from ..metadata import loads
from ..store.rows import Row, user_id
from ..types import Id
from .evaluate import matches, value_at
from .tree import And, Compare, In, Node, Not, Or, check_limits, path_text
from .values import equal

__all__ = ["check_within", "is_within", "joined"]


def joined(outer: Node, inner: Node) -> Node:
    """Both filters combined by "and", without deeper nesting than the deeper of the two.

    Raises:
        LimitExceeded: together they are larger than one filter may be.
    """
    before = outer.children if isinstance(outer, And) else (outer,)
    return check_limits(And((*before, inner)))


def is_within(row: Row, within: Node | None) -> bool:
    """Whether a handle with this filter sees the row; with None, it sees all rows."""
    return within is None or matches(within, loads(row.metadata or "{}"), user_id(row.id), row.text)


def check_within(within: Node | None, id_: Id | None, metadata: str | None, text: str | None, place: str) -> None:
    """Rejects a row that the handle writing it would not see, or that handles with another value could see too.

    A list matches an equality by any of its elements: ["a", "b"] would be visible for b as well, ["a"] only for a.

    Args:
        id_: None if the collection will generate one.

    Raises:
        NotAllowed: nothing was changed.
    """
    if within is None:
        return
    found = loads(metadata or "{}")
    if not matches(within, found, "" if id_ is None else id_, text):
        raise NotAllowed(
            f"rows written here must match the filter {within!r}, and this one does not",
            name="rows",
            value=id_,
            place=place,
            remedy="Give it metadata that matches; nothing was changed.",
        )
    for leaf in _equalities(within):
        value, wanted = value_at(found, leaf.path), leaf.values if isinstance(leaf, In) else (leaf.value,)
        if isinstance(value, list) and not _is_among(value, wanted):
            raise NotAllowed(
                f"rows written here must have a single value of {path_text(leaf.path)}, and this one has a list with "
                "others, which would match other filters too",
                name="rows",
                value=id_,
                place=place,
                remedy="Give it the one value; nothing was changed.",
            )


def _is_among(value: list[Any], wanted: Sequence[Any]) -> bool:
    """Whether a list, or each of its elements, is a value in the filter, so that no other value can match it."""
    return any(equal(value, one) for one in wanted) or all(
        any(equal(element, one) for one in wanted) for element in value
    )


def _equalities(tree: Node, negated: bool = False) -> Iterator[Compare | In]:
    """The conditions that a list meets if one of its elements does; under negation, if none does."""
    if isinstance(tree, (And, Or)):
        for child in tree.children:
            yield from _equalities(child, negated)
    elif isinstance(tree, Not):
        yield from _equalities(tree.child, not negated)
    elif not negated and (isinstance(tree, In) or (isinstance(tree, Compare) and tree.operator == "eq")):
        yield tree
