"""Which rows a call selects by `where`, `ids` or both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..contract import Slots
from ..filters.cache import TreeCache
from ..filters.tree import And, IdIn, Node, check_limits
from ..filters.where import parse
from ..indexes.derived import View
from ..inputs.columns import id_list

_recent = TreeCache(parse)


def filter_of(where: Mapping[str, Any] | Node | None, ids: Any = None) -> Node | None:
    """The tree of `where`, which may already be one, restricted to `ids` if given; None for every row.

    Raises:
        InvalidArgument: see `filters.where.parse`.
    """
    tree = check_limits(where) if isinstance(where, Node) else None if where is None else _recent.tree(where)
    if ids is None:
        return tree
    named = IdIn(frozenset(id_list(ids)))
    return named if tree is None else And((named, tree))


def slots_in(view: View, now: int) -> Slots:
    """Slots of the visible rows that match, ascending, that is, in insertion order."""
    return np.flatnonzero(view.visible(now)).astype(np.uint32)
