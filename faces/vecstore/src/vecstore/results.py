"""The results of a query."""

from __future__ import annotations

from typing import Any

from vicinal import Hit
from vicinal.inputs import checks


class SearchResult:
    """One record that a query found.

    Args:
        id: of the record.
        score: higher is better: the cosine, in [-1, 1]; for a hybrid query, in [0, 1].
        metadata: of the record; the same dict at each access.
    """

    __slots__ = ("_id", "_metadata", "_score")

    def __init__(self, id: str, score: float, metadata: dict[str, Any] | None = None) -> None:
        self._id = checks.text("id", id)
        self._score = checks.number("score", score)
        if metadata is not None and not isinstance(metadata, dict):
            raise TypeError(f"metadata must be a dict or None, not {type(metadata).__name__}")
        self._metadata = {} if metadata is None else metadata

    @classmethod
    def of(cls, hit: Hit) -> SearchResult:
        return cls(str(hit.id), hit.score, hit.metadata)

    @property
    def id(self) -> str:
        return self._id

    @property
    def score(self) -> float:
        return self._score

    @property
    def metadata(self) -> dict[str, Any]:
        return self._metadata

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SearchResult):
            return NotImplemented
        return (self._id, self._score, self._metadata) == (other._id, other._score, other._metadata)

    __hash__ = None  # type: ignore[assignment]  # it holds a dict

    def __repr__(self) -> str:
        return f"SearchResult(id={self._id!r}, score={self._score:.3f})"
