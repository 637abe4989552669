"""`search_range`: all rows above a score or within a distance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from ..arguments import RangeOptions
from ..errors import InvalidArgument
from ..inputs.calls import right_name
from ..query.arguments import SearchArguments
from ..query.range_search import Bounds, within
from ..records.context import Context
from ..records.insert import until_encoder_stays
from ..types import Hits
from ..visible import shown
from .query_log import logged
from .search import question_of
from .where import Where

__all__ = ["range_arguments", "search_range"]

_OPTIONS: Final = frozenset(RangeOptions.__optional_keys__)
_NAMES: Final = ("query", "where", "min_score", "max_distance", *sorted(_OPTIONS))


def search_range(
    context: Context, query: Any, where: Where, min_score: Any, max_distance: Any, options: Mapping[str, Any]
) -> Hits:
    """All rows in range."""
    arguments, bounds = range_arguments(query, min_score, max_distance, options)

    def find() -> Hits:
        return until_encoder_stays(lambda: within(context.store, question_of(context, arguments, where), bounds))

    return logged(context, "search_range", arguments, where, find) if context.lease.logs_queries else find()


def range_arguments(
    query: Any, min_score: Any, max_distance: Any, options: Mapping[str, Any]
) -> tuple[SearchArguments, Bounds]:
    """The query, and the bounds of the range.

    Raises:
        InvalidArgument: no collection could answer this.
    """
    for name in options:
        if name not in _OPTIONS:
            raise InvalidArgument(
                f"search_range takes no argument {shown(name)}", name=name, remedy=right_name(name, _NAMES)
            )
    bounds = Bounds(_checked("min_score", min_score), _checked("max_distance", max_distance))
    if min_score is None and max_distance is None:
        raise InvalidArgument(
            "search_range needs a limit",
            name="min_score",
            remedy="Pass min_score= or max_distance=; search gives the k best.",
        )
    arguments = SearchArguments.of(query, 1, {**options, "exact": True})
    arguments.check()
    return arguments, bounds


def _checked(name: str, value: Any) -> float | None:
    if value is None:
        return None
    is_number = isinstance(value, (int, float, np.number)) and not isinstance(value, (bool, np.bool_))
    try:
        if is_number and not math.isnan(float(value)):
            return float(value)
    except OverflowError:  # an int beyond float64
        pass
    raise InvalidArgument(
        f"{name} must be a number, not {shown(value)}",
        name=name,
        value=value,
        remedy="Hits have both: hit.score, which is higher for the better row, and hit.distance.",
    )
