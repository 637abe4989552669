"""Names of the search API of Chroma's own service: they can be imported, but raise an error when used."""

from __future__ import annotations

from typing import Any

__all__ = ["K", "Knn", "Rrf", "Search"]


class _OfTheService:
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            f"{type(self).__name__} is of Chroma's own service: use query, or the engine's search(mode='hybrid')"
        )


class Search(_OfTheService):
    """A search in Chroma's service."""


class K(_OfTheService):
    """A field in Chroma's service."""


class Knn(_OfTheService):
    """A ranking in Chroma's service."""


class Rrf(_OfTheService):
    """A fusion in Chroma's service."""
