"""Hits grouped by the value of a field, as returned by `search(group_by=...)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .types import Hit, Hits
from .visible import counted, shown, visible

__all__ = ["Group", "GroupedHits"]

_GROUPS_SHOWN_MAX = 20


@dataclass(frozen=True, slots=True)
class Group:
    """The best hits with one value.

    Attributes:
        value: the value of the field; None for rows without one.
        hits: best first.
    """

    value: Any
    hits: Hits

    def to_dict(self) -> dict[str, Any]:
        """The value, and one dict per hit."""
        return {"value": self.value, "hits": self.hits.to_list()}


class GroupedHits(Hits):
    """Hits ordered by group, the group with the best hit first.

    Attributes:
        field: the field by which they are grouped.
    """

    __slots__ = ("_groups", "field")

    def __init__(
        self, hits: Sequence[Hit], metric: str, change: int, field: str, groups: Sequence[tuple[Any, int]]
    ) -> None:
        """Args:
        groups: the value of each group and the number of its hits, in order.
        """
        super().__init__(hits, metric, change)
        self.field = field
        self._groups = tuple(groups)

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups, the one with the best hit first."""
        found, start = [], 0
        for value, count in self._groups:
            found.append(Group(value, self[start : start + count]))
            start += count
        return tuple(found)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (list(self), self.metric, self.change, self.field, self._groups)

    def __repr__(self) -> str:
        lines = [f"GroupedHits({counted(len(self), 'hit')} in {counted(len(self._groups), 'group')} by {self.field})"]
        for group in self.groups[:_GROUPS_SHOWN_MAX]:
            lines.append(f"  {shown(group.value)}")
            lines += [f"    {hit.score:>8.4f}  {shown(hit.id)}" for hit in group.hits]
        rest = len(self._groups) - _GROUPS_SHOWN_MAX
        return "\n".join(map(visible, [*lines, *([f"  ... and {rest:,} more"] if rest > 0 else [])]))
