"""The filter of a handle: the only rows that there are for it. See `Collection.within`."""

from __future__ import annotations

from ..errors import NotAllowed
from ..metadata import loads
from ..store.rows import Row, user_id
from ..types import Id
from .evaluate import matches
from .tree import And, Node, check_limits

__all__ = ["check_within", "is_within", "joined"]


def joined(outer: Node, inner: Node) -> Node:
    """Both filters, side by side: however many there come to be, they are no deeper than the deepest.

    Raises:
        LimitExceeded: they are more than one filter may have.
    """
    before = outer.children if isinstance(outer, And) else (outer,)
    return check_limits(And((*before, inner)))


def is_within(row: Row, within: Node | None) -> bool:
    """Whether a handle with this filter sees the row; None sees all."""
    return within is None or matches(within, loads(row.metadata or "{}"), user_id(row.id), row.text)


def check_within(within: Node | None, id_: Id | None, metadata: str | None, text: str | None, place: str) -> None:
    """Refuses a row that the handle which writes it would not see.

    Args:
        id_: None where the collection will make one.

    Raises:
        NotAllowed: nothing was changed.
    """
    if within is not None and not matches(within, loads(metadata or "{}"), "" if id_ is None else id_, text):
        raise NotAllowed(
            f"rows that may be written here pass the filter {within!r}, and this one does not",
            name="rows",
            value=id_,
            place=place,
            remedy="Give it metadata that passes; nothing was changed.",
        )
