"""Limits of requests, so that no single one occupies a worker. Each error names the setting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from ..errors import LimitExceeded, Unsupported
from ..wire.arguments import Get, Handle, Peek, Recommend, Search, SearchMany, SearchRange, WhyNot
from ..wire.values import Matrix
from .settings import ServerSettings

__all__ = ["check_limits", "limited_get"]

_LISTS: Final = ("ids", "texts", "vectors", "metadata", "sparse", "rows")
_FLOATS_OF_BASE64: Final = 3 / 16  # four characters are three bytes, a number is four


def check_limits(settings: ServerSettings, arguments: Struct | None, held: Handle | None = None) -> None:
    """Raises LimitExceeded for arguments beyond a limit, before they are processed. The engine checks the rest."""
    filters = [] if held is None else held.filters_as_json()
    conditions = sum(max(1, _check_filter(settings, within)) for within in filters)
    _check("conditions of within", conditions, settings.filter_conditions_max, "filter_conditions_max")
    if arguments is None:
        return
    where = getattr(arguments, "where", None)
    if isinstance(where, dict):
        _check_filter(settings, where)
    for name in ("k", "fetch_k", "group_size"):
        _check(name, getattr(arguments, name, None), settings.k_max, "k_max")
    if isinstance(arguments, (Search, SearchRange, WhyNot, Recommend)):
        _check_hits(settings, getattr(arguments, "k", 0), getattr(arguments, "offset", 0))
        _check_text(settings, getattr(arguments, "query", None))
    elif isinstance(arguments, SearchMany):
        _check_many(settings, arguments)
    elif isinstance(arguments, Peek):
        _check("n", arguments.n, settings.rows_max, "rows_max")
    else:
        for name in _LISTS:
            _check(f"rows of {name}", _rows(getattr(arguments, name, None)), settings.rows_max, "rows_max")
    if isinstance(arguments, Get):
        _check("limit", arguments.limit, settings.rows_max, "rows_max")


def limited_get(settings: ServerSettings, arguments: Get) -> Get:
    """Sets the limit if there is none: one row more than may be read, to detect whether there are more."""
    if isinstance(arguments.limit, int):
        return arguments
    arguments.limit = settings.rows_max + 1
    return arguments


def _check_many(settings: ServerSettings, arguments: SearchMany) -> None:
    queries, k = _rows(arguments.queries), arguments.k if isinstance(arguments.k, int) else 10
    _check("queries", queries, settings.queries_max, "queries_max")
    _check_hits(settings, arguments.k, arguments.offset)
    _check("hits of all queries", k * queries, settings.hits_max, "hits_max")
    if isinstance(arguments.queries, list):
        for query in arguments.queries:
            _check_text(settings, query)


def _check_hits(settings: ServerSettings, k: Any, offset: Any) -> None:
    k, offset = (value if isinstance(value, int) else 0 for value in (k, offset))
    _check("k and offset", max(k, 0) + max(offset, 0), settings.k_max, "k_max")


def _check_text(settings: ServerSettings, text: object) -> None:
    if isinstance(text, str):
        _check("query of characters", len(text), settings.query_chars_max, "query_chars_max")


def _rows(values: Any) -> int:
    if isinstance(values, Matrix):
        return int(len(values.float32) * _FLOATS_OF_BASE64 / values.dimension)
    return len(values) if isinstance(values, list) else 0


def _check_filter(settings: ServerSettings, where: dict[str, Any]) -> int:
    """Checks depth, conditions and values of a filter as JSON, in any syntax. Returns the number of conditions."""
    conditions = values = 0
    is_tree = "$tree" in where
    level: list[Any] = [where]
    for _ in range(settings.filter_depth_max):
        below: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                conditions += len(one)
                below += one.values()
                _check_regex(settings, one, is_tree)
            elif isinstance(one, list):
                values += len(one)
                below += (part for part in one if isinstance(part, (dict, list)))
        _check("conditions of a filter", conditions, settings.filter_conditions_max, "filter_conditions_max")
        _check("values of a filter", values, settings.filter_values_max, "filter_values_max")
        level = below
        if not level:
            return conditions
    if any(isinstance(one, (dict, list)) for one in level):
        _check("levels of a filter", settings.filter_depth_max + 1, settings.filter_depth_max, "filter_depth_max")
    return conditions


def _check_regex(settings: ServerSettings, part: Mapping[str, Any], is_tree: bool) -> None:
    if settings.allow_regex or not ("$regex" in part or (is_tree and part.get("kind") == "Regex")):
        return
    raise Unsupported(
        "this server takes no regular expressions, because a malicious one never ends",
        name="where",
        value=part.get("$regex", part.get("pattern")),
        remedy="Use $contains or $startswith, or start the server with allow_regex.",
    )


def _check(what: str, found: object, most: int, setting: str) -> None:
    if isinstance(found, int) and not isinstance(found, bool) and found > most:
        raise LimitExceeded(
            f"{what}: {found:,}, and this server takes at most {most:,}",
            name=what.split()[0],
            value=found,
            remedy=f"Request less at a time, or raise {setting} of the server.",
        )
