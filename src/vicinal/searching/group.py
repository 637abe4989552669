"""Hits that an engine returned group by group, with the value that each group shares."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from ..filters.evaluate import value_at
from ..filters.values import sort_key
from ..filters.where import parse_path
from ..groups import GroupedHits
from ..types import Hits
from .parts import with_parts

__all__ = ["group_of", "grouped"]


def grouped(hits: Hits, field: str, select: Sequence[str] | None) -> GroupedHits:
    """The same hits with their groups; a list or dict does not count as a value."""
    path = parse_path(field)
    values = [value_at(hit.metadata, path) for hit in hits]
    groups: list[tuple[Any, int]] = []
    for key, same in groupby(values, key=group_of):
        mine = list(same)
        groups.append((None if key is None else mine[0], len(mine)))
    return GroupedHits(list(with_parts(hits, select)), hits.metric, hits.change, field, groups)


def group_of(value: Any) -> Any:
    """A key for a field's value, equal for values that the engine puts in one group."""
    return None if isinstance(value, (list, dict)) else sort_key(value)
