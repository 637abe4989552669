"""What `Collection.duplicates` returns: pairs of rows that are nearly the same, and the groups that they form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

from . import notebook
from .types import Id, to_json
from .visible import counted, shown, visible

__all__ = ["Duplicates", "Pair"]

_SHOWN_MAX = 20


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rows that are near each other.

    Attributes:
        first, second: their ids; `first` was stored first.
        score, distance: as for hits.
    """

    first: Id
    second: Id
    score: float
    distance: float

    def to_dict(self) -> dict[str, Any]:
        """Ids, score and distance."""
        return {"first": self.first, "second": self.second, "score": self.score, "distance": self.distance}


class Duplicates(Sequence[Pair]):
    """Pairs of rows, nearest first; ties in insertion order.

    Attributes:
        metric: what scores and distances mean.
        rows: how many rows were compared.
        groups: ids of rows that are connected by pairs, in insertion order; the largest group first.
    """

    __slots__ = ("_pairs", "groups", "metric", "rows")

    def __init__(self, pairs: Sequence[Pair], groups: Sequence[Sequence[Id]], metric: str, rows: int) -> None:
        self._pairs = list(pairs)
        self.groups = tuple(map(tuple, groups))
        self.metric = metric
        self.rows = rows

    @property
    def extra(self) -> list[Id]:
        """All ids of each group but the first: `docs.delete(docs.duplicates().extra)` keeps one row of each."""
        return [id_ for group in self.groups for id_ in group[1:]]

    @overload
    def __getitem__(self, index: int) -> Pair: ...
    @overload
    def __getitem__(self, index: slice) -> list[Pair]: ...
    def __getitem__(self, index: int | slice) -> Pair | list[Pair]:
        return self._pairs[index]

    def __len__(self) -> int:
        return len(self._pairs)

    def __iter__(self) -> Iterator[Pair]:
        return iter(self._pairs)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Duplicates):
            return NotImplemented
        mine = (self._pairs, self.groups, self.metric, self.rows)
        return mine == (other._pairs, other.groups, other.metric, other.rows)

    __hash__ = None  # type: ignore[assignment]  # it holds pairs

    def to_dict(self) -> dict[str, Any]:
        """Pairs, groups, metric and rows as dicts and lists."""
        return {
            "pairs": [pair.to_dict() for pair in self],
            "groups": [list(group) for group in self.groups],
            "metric": self.metric,
            "rows": self.rows,
        }

    def to_json(self) -> str:
        """`to_dict()` as JSON."""
        return to_json(self.to_dict())

    def __repr__(self) -> str:
        groups = counted(len(self.groups), "group")
        head = f"Duplicates({counted(len(self), 'pair')} in {groups} of {counted(self.rows, 'row')}, {self.metric})"
        lines = [f"  {pair.score:>8.4f}  {shown(pair.first)}  {shown(pair.second)}" for pair in self[:_SHOWN_MAX]]
        rest = len(self) - len(lines)
        more = [f"  ... and {rest:,} more"] if rest else []
        return "\n".join(map(visible, [head, *lines, *more]))

    def _repr_html_(self) -> str:
        rows = [
            (f"{pair.score:.4f}", notebook.code(pair.first), notebook.code(pair.second)) for pair in self[:_SHOWN_MAX]
        ]
        rest = len(self) - len(rows)
        title = f"{counted(len(self), 'pair')} of near duplicates in {counted(len(self.groups), 'group')}"
        return notebook.table(title, [f"score ({self.metric})", "", ""], rows, f"and {rest:,} more" if rest else "")
