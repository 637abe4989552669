"""A logged search, as returned by `Collection.slow_queries`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from . import notebook
from .types import to_json
from .visible import counted, one_line, visible

__all__ = ["LoggedQuery"]

_SHOWN_CHARS_MAX = 80


@dataclass(frozen=True, slots=True)
class LoggedQuery:
    """One search.

    Attributes:
        at: when it began, in UTC.
        call: "search", "search_many", "search_range" or "recommend".
        seconds: its duration, including encoding and reranking.
        mode: "dense", "keyword" or "hybrid".
        k: the number of hits requested; None for a range search.
        query: the text, shortened if it is long; for a vector, its dimension.
        where: the filter, as Vicinal parsed it; "" if there is none.
        hits: the number of hits.
    """

    at: datetime
    call: str
    seconds: float
    mode: str
    k: int | None
    query: str
    where: str
    hits: int

    def to_dict(self) -> dict[str, Any]:
        """All attributes as a dict."""
        return asdict(self)

    def to_json(self) -> str:
        """`to_dict()` as JSON."""
        return to_json(self.to_dict())

    def __repr__(self) -> str:
        k = "" if self.k is None else f", k={self.k}"
        where = f" where {one_line(self.where, _SHOWN_CHARS_MAX)}" if self.where else ""
        asked = f"{self.call}({one_line(self.query, _SHOWN_CHARS_MAX)}{k}, {self.mode}){where}"
        taken = f"{self.seconds * 1e3:.2f} ms, {counted(self.hits, 'hit')}"
        return visible(f"LoggedQuery({self.at:%Y-%m-%d %H:%M:%S} UTC, {taken}: {asked})")

    def _repr_html_(self) -> str:
        values = {"at": self.at.isoformat(), "took": f"{self.seconds * 1e3:.2f} ms", "query": self.query}
        values |= {"where": self.where, "mode": self.mode, "hits": f"{self.hits:,}"}
        return notebook.card(f"Logged {self.call}", {name: value for name, value in values.items() if value})
