"""The filter of the engine for the memories that a call refers to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypedDict

from ..errors import InvalidArgument
from .conversation import milliseconds
from .rows import EVENT, PROFILE
from .schemas import Schemas

__all__ = ["Moment", "Names", "Scope", "checked_names", "condition_of"]

Names = str | Sequence[str]
Moment = datetime | int


class Scope(TypedDict, total=False):
    """The arguments that select memories.

    Attributes:
        user_id, assistant_id: whose memories; at least one of the two. Of several names any one matches.
        types: types of events or profiles.
        since, until: both inclusive.
        primary_key: of profiles, as "topic=home".
    """

    user_id: Names | None
    assistant_id: Names | None
    group_id: Names | None
    session_id: Names | None
    types: Names | None
    since: Moment | None
    until: Moment | None
    primary_key: str | None


_KNOWN: Final = frozenset(Scope.__annotations__)


def condition_of(
    scope: Mapping[str, Any], schemas: Schemas, kinds: Sequence[str], *, of_vectors: bool = False
) -> dict[str, Any]:
    """Returns the filter for a scope.

    Args:
        of_vectors: for a vector search: sessions have no vectors, so no condition is needed to exclude them.

    Raises:
        InvalidArgument: neither user nor assistant is given, so that it would select the memories of everybody.
    """
    unknown = sorted(scope.keys() - _KNOWN)
    if unknown:
        listed = f"There are {', '.join(sorted(_KNOWN))}."
        remedy = "Write k=, which says how many." if unknown[0] in ("limit", "n_results", "top_k") else listed
        raise InvalidArgument(f"there is no argument {unknown[0]!r:.80}", name=unknown[0], remedy=remedy)
    given = {name: value for name, value in scope.items() if value is not None}
    if "user_id" not in given and "assistant_id" not in given:
        message = "the owner of the memories is missing"
        raise InvalidArgument(message, name="user_id", remedy="Give user_id=, assistant_id= or both.")
    where: dict[str, Any] = {} if of_vectors and len(kinds) > 1 else {"kind": _any_of(kinds)}
    for name in ("user_id", "group_id", "session_id"):
        if name in given:
            where[name] = _any_of(checked_names(given[name], name))
    if "assistant_id" in given:
        where |= _assistants(checked_names(given["assistant_id"], "assistant_id"), "user_id" in given, kinds)
    if "types" in given:
        named = checked_names(given["types"], "types")
        where["type"] = _any_of([stored for name in named for stored in schemas.names(name)])
    if "primary_key" in given:
        [where["primary_key"]] = checked_names(given["primary_key"], "primary_key")
    times = {
        op: milliseconds(given[name], name) for name, op in (("since", "$gte"), ("until", "$lte")) if name in given
    }
    return where | ({"time": times} if times else {})


def checked_names(value: Any, name: str) -> list[str]:
    """Returns one name or several as a list."""
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, Sequence) or not found or not all(isinstance(one, str) and one for one in found):
        raise InvalidArgument(f"{name} is a text, or a list of texts", name=name, value=value)
    return list(found)


def _any_of(values: Sequence[str]) -> Any:
    """Comparing with one value is faster than with several."""
    return values[0] if len(values) == 1 else {"$in": list(values)}


def _assistants(names: list[str], has_user: bool, kinds: Sequence[str]) -> dict[str, Any]:
    """A user's profiles that are shared by all assistants belong to each of them."""
    own = {"assistant_id": _any_of(names)}
    if not has_user or PROFILE not in kinds:
        return own
    shared = {"kind": PROFILE, "assistant_id": {"$exists": False}}
    return {"$or": [own, shared]} if EVENT in kinds else {"$or": [own, {"assistant_id": {"$exists": False}}]}
