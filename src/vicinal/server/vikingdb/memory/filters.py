"""Filters of the memory service as arguments of `vicinal.memories`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ....errors import InvalidArgument
from .answers import bad_filter

__all__ = ["scope_of"]

_OF_SEARCH: Final = {
    "user_id": "user_id",
    "assistant_id": "assistant_id",
    "group_id": "group_id",
    "session_id": "session_id",
    "memory_type": "types",
    "start_time": "since",
    "end_time": "until",
    "primary_key": "primary_key",
}
_OF_DELETION: Final = {
    **{name: name for name in ("user_id", "assistant_id", "group_id", "session_id")},
    "event_type": "types",
    "profile_type": "types",
    "start_time": "since",
    "end_time": "until",
}


def scope_of(given: Mapping[str, Any] | None, *, deletion: bool = False) -> dict[str, Any]:
    """Converts a filter to arguments. An unknown name is rejected: ignoring it would match more rows."""
    known = _OF_DELETION if deletion else _OF_SEARCH
    found = {}
    for name, value in (given or {}).items():
        if value is None:
            continue
        if name not in known:
            raise bad_filter(f"a filter has no {name!r:.80}", "filter", name, f"It has {', '.join(known)}.")
        found[known[name]] = value
    if "user_id" not in found and "assistant_id" not in found:
        raise bad_filter("a filter names user_id or assistant_id", "filter", dict(given or {}))
    return found


def refused(error: InvalidArgument) -> Exception:
    """Returns the error of a filter that the engine rejected."""
    return bad_filter(error.message, error.name, error.value, error.remedy)
