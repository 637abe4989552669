"""Properties of profiles that are computed from a user's events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from ..contract import Collection
from ..errors import DuplicateId
from .conversation import milliseconds
from .rows import EVENT, PROFILE, change_row, primary_key_of, profile_id_of, profile_row, who_of
from .schemas import Aggregate, ProfileType, text_of

__all__ = ["update_aggregates"]


def update_aggregates(docs: Collection, types: Sequence[ProfileType], user_id: str, until: int | None, now: int) -> int:
    """Computes a user's profiles of these types from all their events up to a time. Returns the number of profiles.

    A key property takes the value of the event's property of the same name, so there is one profile per value. If no
    event is left, the values computed from events are removed, and with them a profile that has no others.

    Another process may store an event and its aggregates after events were read here and before the results are stored.
    So events are read again: whichever process stores last has seen all of them.
    """
    rows, changed, stored = list[dict[str, Any]](), 0, None
    while (found := [_worked_out(docs, kind, user_id, until) for kind in types]) != stored:
        rows, gone, is_whole = _stored(docs, types, found, user_id, until, now)
        stored, changed = found if is_whole else None, changed + gone
    return len(rows) + changed


def _stored(
    docs: Collection,
    types: Sequence[ProfileType],
    found: Sequence[Sequence[dict[str, Any]]],
    user_id: str,
    until: int | None,
    now: int,
) -> tuple[list[dict[str, Any]], int, bool]:
    """Stores the computed profiles.

    Returns:
        Rows that now have the computed values, how many others had values from events of which none is left, and
            whether
        everything was stored: another process may have changed or created a profile since it was read here.
    """
    rows, new, changed, is_whole = list[dict[str, Any]](), list[dict[str, Any]](), 0, True
    for kind, infos in zip(types, found, strict=True):
        begin = len(rows)
        for info in infos:
            id_ = profile_id_of(kind, [user_id], [], primary_key_of(kind, info))
            known = docs.get([id_])
            told = (known[0].metadata["info"] if known else {}) | info
            row = profile_row(kind, told, who_of([user_id], [], None, None, now))
            rows.append(row)
            if not known:
                new.append(row)
            elif not change_row(docs, known[0], row["metadata"], row["text"]):
                is_whole = False
        changed += _without_events(docs, kind, user_id, until, {row["id"] for row in rows[begin:]})
    if new:
        try:
            docs.add(rows=new)
        except DuplicateId:
            is_whole = False
    return rows, changed, is_whole


def _without_events(docs: Collection, kind: ProfileType, user_id: str, until: int | None, kept: set[str]) -> int:
    """The number of profiles that had values from events of which none is left."""
    derived = {prop.name for prop in kind.properties if prop.aggregate is not None}
    if until is not None or not derived or not len(docs):
        return 0
    where = {"kind": PROFILE, "type": kind.name, "user_id": user_id}
    stale = [row for row in docs.get(where=where) if row.id not in kept and derived & row.metadata["info"].keys()]
    for row in stale:
        told = {name: value for name, value in row.metadata["info"].items() if name not in derived}
        if told.keys() <= set(kind.keys):
            docs.delete([row.id])
        else:
            docs.update([row.id], texts=[text_of(kind, told)], metadata=[{"info": told}])
    return len(stale)


def _worked_out(docs: Collection, kind: ProfileType, user_id: str, until: int | None) -> list[dict[str, Any]]:
    groups: dict[tuple[tuple[str, Any], ...], dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for prop in kind.properties:
        if prop.aggregate is None:
            continue
        where: dict[str, Any] = {"kind": EVENT, "type": prop.aggregate.event_type, "user_id": user_id}
        if until is not None:
            where["time"] = {"$lte": milliseconds(until, "until")}
        for row in docs.scroll(where):
            info = row.metadata["info"]
            key = tuple((name, info[name]) for name in kind.keys if name in info)
            value = info.get(prop.aggregate.event_property)
            if value is not None and len(key) == len(kind.keys):
                groups[key][prop.name].append(value)
    aggregates = {prop.name: prop.aggregate for prop in kind.properties if prop.aggregate is not None}
    types = {prop.name: prop.type for prop in kind.properties}
    return [
        dict(key) | {name: _typed(types[name], _value(aggregates[name], values)) for name, values in found.items()}
        for key, found in groups.items()
    ]


def _value(aggregate: Aggregate, values: list[float]) -> float:
    if aggregate.operation == "COUNT":
        return len(values)
    if aggregate.operation == "MAX":
        return max(values)
    total = sum(values)
    return total if aggregate.operation == "SUM" else total / len(values)


def _typed(kind: str, value: float) -> Any:
    return round(value) if kind == "int64" else float(value) if kind == "float32" else str(value)
