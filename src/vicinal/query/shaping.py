"""How a search rearranges its best rows: the most diverse, some of each group, or in the order of a reranker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ..errors import InvalidArgument
from ..filters.where import parse_path
from ..inputs.unicode import check_unicode
from ..visible import shown
from .question import Grouping, Mmr

__all__ = ["POOL", "Shaping"]

POOL: Final = 100  # the default number of best rows considered; a constant, so that pages and prefixes are consistent
_EXCLUSIVE: Final = ("mmr", "group_by", "rerank")


@dataclass(frozen=True, slots=True)
class Shaping:
    """The arguments of `search` with these names, as given; see `Collection.search`."""

    mmr: Any = None
    fetch_k: Any = None
    group_by: Any = None
    group_size: Any = None
    rerank: Any = None

    @classmethod
    def of(cls, mmr: Any, fetch_k: Any, group_by: Any, group_size: Any, rerank: Any) -> Shaping | None:
        """None if none of them is given."""
        if mmr is None and fetch_k is None and group_by is None and group_size is None and rerank is None:
            return None
        return cls(mmr, fetch_k, group_by, group_size, rerank)

    def check(self, query: Any, k: int, offset: int) -> None:
        """Raises InvalidArgument for invalid combinations and values."""
        given = [name for name in _EXCLUSIVE if getattr(self, name) is not None]
        if len(given) > 1:
            raise InvalidArgument(
                f"{given[0]}= and {given[1]}= exclude each other",
                name=given[1],
                remedy="Leave one of them out: each makes an order of its own.",
            )
        if self.mmr is not None:
            _check_weight(self.mmr)
        self._check_group()
        self._check_pool(k, offset)
        if self.rerank is not None and not isinstance(query, str):
            raise InvalidArgument(
                "rerank= compares texts, and the query is none",
                name="query",
                value=query,
                remedy="Pass a text as query, and in hybrid search its vector as vector=.",
            )

    def pool(self, k: int, offset: int) -> int:
        """The number of best rows to consider."""
        return int(self.fetch_k) if self.fetch_k is not None else max(POOL, k + offset)

    def arrangement(self, k: int, offset: int) -> Mmr | Grouping | None:
        """The rearrangement to do before rows are read; reranking comes after."""
        if self.mmr is not None:
            return Mmr(float(self.mmr), self.pool(k, offset))
        if self.group_by is not None:
            return Grouping(parse_path(self.group_by), 1 if self.group_size is None else int(self.group_size))
        return None

    def _check_group(self) -> None:
        if self.group_by is not None and (not isinstance(self.group_by, str) or not self.group_by):
            raise InvalidArgument(
                f"group_by must name a field, not {shown(self.group_by)}",
                name="group_by",
                value=self.group_by,
                remedy="Write group_by='file', or 'author.name' for a field within a field.",
            )
        if self.group_by is not None:
            check_unicode(self.group_by, "the name of a field", "group_by")
        if self.group_size is None:
            return
        _check_count("group_size", self.group_size)
        if self.group_by is None:
            raise InvalidArgument(
                "group_size= is for group_by=", name="group_size", value=self.group_size, remedy="Add group_by='field'."
            )

    def _check_pool(self, k: int, offset: int) -> None:
        if self.fetch_k is None:
            return
        _check_count("fetch_k", self.fetch_k)
        if self.mmr is None and self.rerank is None:
            raise InvalidArgument(
                "fetch_k= is for mmr= and rerank=",
                name="fetch_k",
                value=self.fetch_k,
                remedy="Use k= for the number of hits.",
            )
        if self.fetch_k < k + offset:
            raise InvalidArgument(
                f"fetch_k={self.fetch_k} rows are fewer than the {k + offset} that k= and offset= ask for",
                name="fetch_k",
                value=self.fetch_k,
                remedy=f"Leave it out for {POOL} or more.",
            )


def _check_weight(weight: object) -> None:
    is_number = isinstance(weight, (int, float, np.number)) and not isinstance(weight, (bool, np.bool_))
    if not is_number or not 0 <= weight <= 1:  # type: ignore[operator]  # a number
        raise InvalidArgument(
            f"mmr must be a number from 0 to 1, not {shown(weight)}",
            name="mmr",
            value=weight,
            remedy="It is the weight of relevance: 1 for relevance alone, 0.5 for half of both.",
        )


def _check_count(name: str, count: object) -> None:
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 1:
        raise InvalidArgument(
            f"{name} must be a whole number of at least 1, not {shown(count)}",
            name=name,
            value=count,
            remedy="Leave it out for the default.",
        )
