"""Logging of searches: the query and the duration. Without logging, a search only checks a flag."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import numpy as np

from ..errors import InvalidArgument, NotAllowed
from ..filters.tree import Node
from ..logged_query import LoggedQuery
from ..query.arguments import SearchArguments
from ..records.context import Context
from ..records.selection import filter_of
from ..store.query_log import LogSettings, QueryLog
from ..types import Hits
from ..visible import counted, shown
from .where import Where

__all__ = ["check_logging", "log_queries", "logged", "logged_queries", "slow_queries"]

T = TypeVar("T")

_TEXT_CHARS_MAX: Final = 500
_KEEP_MAX: Final = 10_000_000
_SHOWN_MAX: Final = 1 << 31


def logged(context: Context, call: str, arguments: SearchArguments, where: Where, work: Callable[[], T]) -> T:
    """Returns the result of `work`, and adds an entry to the log."""
    at, start = datetime.now(UTC), time.perf_counter()
    found = work()
    seconds = time.perf_counter() - start
    k = None if call == "search_range" else min(int(arguments.k), 2**63 - 1)
    entry = LoggedQuery(at, call, seconds, str(arguments.mode), k, _asked(arguments), _filter(where), _count(found))
    context.store.query_log.note(entry)
    return found


def log_queries(context: Context, on: Any, keep: Any, slower_than: Any) -> None:
    """Starts or stops logging."""
    log = _log_of(context, "log_queries")
    check_logging(on, keep, slower_than)
    log.switch(LogSettings(int(keep), float(slower_than)) if on else None)


def check_logging(on: Any, keep: Any, slower_than: Any) -> None:
    """Raises InvalidArgument for invalid settings of the log."""
    if not isinstance(on, (bool, np.bool_)):
        raise InvalidArgument(f"on must be True or False, not {shown(on)}", name="on", value=on)
    _check_count("keep", keep, _KEEP_MAX)
    is_number = isinstance(slower_than, (int, float, np.number)) and not isinstance(slower_than, (bool, np.bool_))
    if not is_number or not 0 <= slower_than < math.inf:
        raise InvalidArgument(
            f"slower_than must be seconds, at least 0, not {shown(slower_than)}",
            name="slower_than",
            value=slower_than,
            remedy="Leave it out for every search.",
        )


def logged_queries(context: Context, n: Any) -> list[LoggedQuery]:
    """The newest entries, newest first."""
    return _log_of(context, "logged_queries").newest(_check_count("n", n, _SHOWN_MAX))


def slow_queries(context: Context, n: Any) -> list[LoggedQuery]:
    """The slowest entries, slowest first."""
    return _log_of(context, "slow_queries").slowest(_check_count("n", n, _SHOWN_MAX))


def _log_of(context: Context, call: str) -> QueryLog:
    """Raises NotAllowed for a restricted handle: the log contains the queries of all users."""
    if context.within is not None:
        raise NotAllowed(
            f"{call} is about the searches of everybody, and this handle sees only rows that match {context.within!r}",
            name=call,
            remedy="Call it on the collection itself.",
        )
    log: QueryLog = context.store.query_log
    return log


def _check_count(name: str, count: Any, most: int) -> int:
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or not 1 <= count <= most:
        raise InvalidArgument(
            f"{name} must be a whole number from 1 to {most:,}, not {shown(count)}",
            name=name,
            value=count,
            remedy="Leave it out for the default.",
        )
    return int(count)


def _asked(arguments: SearchArguments) -> str:
    """The query as a text of bounded length."""
    if arguments.examples is not None:
        positive, negative = arguments.examples
        unlike = f", unlike {counted(len(negative), 'example')}" if negative else ""
        return f"like {counted(len(positive), 'example')}{unlike}"
    if arguments.id is not None:
        return f"neighbours of {shown(arguments.id)}"
    first = _query(arguments.queries[0]) if arguments.queries else "nothing"
    return first if arguments.single else f"{len(arguments.queries):,} queries, the first: {first}"


def _query(query: Any) -> str:
    if isinstance(query, str):
        return query if len(query) <= _TEXT_CHARS_MAX else f"{query[: _TEXT_CHARS_MAX - 3]}..."
    return "a sparse vector" if query is None else f"a vector of {np.size(query):,}"


def _filter(where: Where) -> str:
    tree: Node | None = filter_of(where)
    return "" if tree is None else shown(tree, _TEXT_CHARS_MAX)


def _count(found: Any) -> int:
    if isinstance(found, Hits):
        return len(found)
    answers: Sequence[Hits] = found
    return sum(map(len, answers))
