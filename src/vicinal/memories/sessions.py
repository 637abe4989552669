"""The life of a session: stored, read for memories at once or in the background, deleted message by message."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence, Set
from functools import partial
from typing import Any

from ..contract import Collection
from ..errors import InvalidInput, NotAllowed
from ..metadata import dumps, loads
from ..types import Record
from .conversation import Message, Turn, moment, turns_of
from .extraction import Extracted, Extraction
from .memory import Session, Status
from .rows import (
    EVENT,
    PROFILE,
    SESSION,
    blank,
    change_row,
    event_id_of,
    event_row,
    memory_of,
    profile_row,
    session_row_id,
    who_of,
)
from .schemas import Schemas

__all__ = ["add_session", "erase_messages", "erase_user", "extract_session", "read_session", "waiting_sessions"]


def add_session(
    docs: Collection,
    schemas: Schemas,
    extraction: Extraction | None,
    session_id: str,
    messages: Sequence[Message],
    who: Mapping[str, Any],
    options: Mapping[str, Any],
    ttl: Any,
) -> str:
    """Stores a session and what the extraction finds in it; events of an earlier session with its id are deleted.

    Args:
        extraction: None if a language model will read it later.
        options: `types` to which extraction is limited, or None; and `within`, a filter that memories which a model
            finds later must match, or None.

    Returns:
        A token that identifies this version of the session.
    """
    token = secrets.token_hex(8)
    row = _session_row(session_id, messages, who, options, token, "processing" if extraction is None else "success")
    rows, gone = [row], list[str]()
    if extraction is not None:
        turns = turns_of(messages, _first(who["assistant_id"]))
        found = extraction.extract(turns, _limited(schemas, options.get("types")))
        memories, gone = memory_rows(docs, schemas, session_id, found, who, token)
        rows += memories
    docs.upsert(rows=_with_ttl(rows, ttl))
    docs.delete(where={"kind": EVENT, "session_id": session_id, "token": {"$ne": token}})
    if gone:
        docs.delete(gone)
    return token


def extract_session(
    docs: Collection,
    schemas: Schemas,
    extraction: Extraction,
    session_id: str,
    lock: Any,
    on_stored: Callable[[], None],
) -> None:
    """Extracts memories from a stored session; none if another process replaced, deleted or read it meanwhile."""
    row = _row(docs, session_id)
    if row is None or row.metadata["status"] != "processing":
        return
    told, token = row.metadata, row.metadata["token"]
    reached = docs.within(loads(told["within"])) if "within" in told else docs
    # A caller that may only write rows of some users could have put messages of others into the session.
    turns = [
        turn
        for turn in turns_of(_messages(told), _first(told["assistant_id"]))
        if turn.user_id in (None, *told["user_id"])
    ]
    try:
        found, error = extraction.extract(turns, _limited(schemas, told.get("types"))), ""
    except Exception as failure:  # raised by a model, or by a user's object: reported in the session's status
        found, error = Extracted(), f"{type(failure).__name__}: {failure}"
    with lock:
        now = _row(docs, session_id)
        if now is None or now.metadata["token"] != token or now.metadata["status"] != "processing":
            return
        who: dict[str, Any] = {name: told[name] for name in ("assistant_id", "group_id") if name in told}
        rows, gone = memory_rows(reached, schemas, session_id, found, who, token)
        try:
            if rows:
                reached.upsert(rows=_with_ttl(rows, row.expires_at))
        except (NotAllowed, InvalidInput) as refused:
            gone, error = [], f"{type(refused).__name__}: {refused}"
        if gone:
            reached.delete(gone)
        status: Status = "failed" if error else "success"
        changed = {"status": status, "error": error, "tokens": [found.input_tokens, found.output_tokens]}
        if docs.update([row.id], where={"token": token, "status": "processing"}, metadata=changed) == 0:
            docs.delete(where={"kind": EVENT, "session_id": session_id, "token": token})  # replaced by another process
        on_stored()


def memory_rows(
    docs: Collection, schemas: Schemas, session_id: str, found: Extracted, who: Mapping[str, Any], token: str
) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows of what was found, and ids of profiles that no longer hold. Facts known from a later time are kept."""
    rows, group = list[dict[str, Any]](), who.get("group_id")
    numbers: dict[tuple[int, str], int] = {}
    for event in found.events:
        turn = event.turn
        number = numbers[turn.first, event.type] = numbers.get((turn.first, event.type), -1) + 1
        about = who_of(*_concerned(turn, who), group, session_id, turn.time)
        id_ = event_id_of(session_id, turn, event.type, number)
        source = [turn.first, len(turn.messages)]
        rows.append(
            event_row(id_, schemas.event(event.type), event.info, about, turn.messages, token=token, source=source)
        )
    profiles: dict[str, tuple[dict[str, Any], bool]] = {}
    for profile in found.profiles:
        turn = profile.turn
        about = who_of(*_concerned(turn, who), group, session_id, turn.time)
        row = profile_row(schemas.profile(profile.type), profile.info, about)
        profiles[row["id"]] = (row, profile.holds)
    later = {
        record.id
        for record in docs.get(list(profiles))
        if record.metadata["time"] > profiles[str(record.id)][0]["metadata"]["time"]
    }
    rows += [row for id_, (row, holds) in profiles.items() if holds and id_ not in later]
    return rows, [id_ for id_, (_, holds) in profiles.items() if not holds and id_ not in later]


def read_session(docs: Collection, session_id: str) -> Session | None:
    row = _row(docs, session_id)
    if row is None:
        return None
    told = row.metadata
    events = docs.get(where={"kind": EVENT, "session_id": session_id})
    return Session(
        id=session_id,
        status=told["status"],
        error=told["error"],
        time=moment(told["time"]),
        user_ids=tuple(told["user_id"]),
        assistant_ids=tuple(told["assistant_id"]),
        group_id=told.get("group_id"),
        messages=tuple(message.to_dict() for message in _messages(told) if message.role),
        events=tuple(sorted(map(memory_of, events), key=lambda event: event.time)),
        input_tokens=told["tokens"][0],
        output_tokens=told["tokens"][1],
    )


def waiting_sessions(docs: Collection, session_id: str | None = None) -> dict[str, str]:
    """Returns the sessions that a model has not read yet, all or one by its id, with the token of each."""
    rows = docs.get(where={"kind": SESSION, "status": "processing"}) if session_id is None else [_row(docs, session_id)]
    return {
        row.metadata["session_id"]: row.metadata["token"]
        for row in rows
        if row is not None and row.metadata["status"] == "processing"
    }


def erase_messages(docs: Collection, events: Sequence[Record]) -> None:
    """Erases the messages that events were extracted from in their sessions."""
    sources: dict[str, set[int]] = {}
    for event in events:
        if "source" in event.metadata:
            first, count = event.metadata["source"]
            sources.setdefault(event.metadata["session_id"], set()).update(range(first, first + count))
    for session_id, places in sources.items():
        row = _row(docs, session_id)
        if row is not None:
            _keep(docs, row, partial(_is_elsewhere, places))


def erase_user(docs: Collection, user_id: str) -> int:
    """Erases what a user said and was answered in all sessions. Returns the number of these."""
    rows = docs.get(where={"kind": SESSION, "user_id": user_id})
    for row in rows:
        _keep(docs, row, lambda _, message: message.owner != user_id)
    return len(rows)


def _is_elsewhere(places: Set[int], place: int, _: Message) -> bool:
    return place not in places


def _keep(docs: Collection, row: Record, keeps: Callable[[int, Message], bool]) -> None:
    """Erases messages of a session; the others keep their positions, and the token stays unless a model is reading it.

    Another process may erase other messages at the same time: then the session is read again, so that none reappears.
    """
    now: Record | None = row
    while now is not None and not _is_kept(docs, now, keeps):
        now = _row(docs, row.metadata["session_id"])


def _is_kept(docs: Collection, row: Record, keeps: Callable[[int, Message], bool]) -> bool:
    """False if the session has changed meanwhile."""
    told = row.metadata
    places = enumerate(_messages(told))
    messages = [message if keeps(place, message) else _ERASED for place, message in places]
    owners = {message.owner for message in messages if message.role}
    if not owners:
        docs.delete([row.id])
        return True
    changed: dict[str, Any] = {"messages": _dumped(messages)}
    changed["user_id"] = [user for user in told["user_id"] if user in owners]
    if told["status"] == "processing":
        changed |= {
            "status": "failed",
            "error": "messages were deleted before they were read",
            "token": "",
            "tokens": [0, 0],
        }
    return change_row(docs, row, changed)


_ERASED = Message("", "", None, None, 0, None)


def _session_row(
    session_id: str,
    messages: Sequence[Message],
    who: Mapping[str, Any],
    options: Mapping[str, Any],
    token: str,
    status: str,
) -> dict[str, Any]:
    owners = dict.fromkeys(message.owner for message in messages if message.owner is not None)
    speaking = dict.fromkeys(message.speaker for message in messages if message.role == "assistant" and message.speaker)
    metadata = {
        **blank(),
        "kind": SESSION,
        **who_of(
            list(owners or dict.fromkeys(who["user_id"])),
            list(speaking or dict.fromkeys(who["assistant_id"])),
            who.get("group_id"),
            session_id,
            who["time"],
        ),
        "messages": _dumped(messages),
        "status": status,
        "error": "",
        "token": token,
        "tokens": [0, 0],
    }
    if options.get("types") is not None:
        metadata["types"] = list(options["types"])
    if options.get("within") is not None:
        metadata["within"] = dumps(options["within"])
    return {"id": session_row_id(session_id), "metadata": metadata}


def _row(docs: Collection, session_id: str) -> Record | None:
    return next(iter(docs.get([session_row_id(session_id)])), None)


def _dumped(messages: Sequence[Message]) -> str:
    return json.dumps([[m.role, m.content, m.speaker, m.name, m.time, m.owner] for m in messages], ensure_ascii=False)


def _messages(told: Mapping[str, Any]) -> list[Message]:
    return [Message(*one) for one in json.loads(told["messages"])]


def _concerned(turn: Turn, who: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    return [turn.user_id] if turn.user_id else [], [turn.assistant_id] if turn.assistant_id else who["assistant_id"]


def _limited(schemas: Schemas, types: Sequence[str] | None) -> Schemas:
    if types is None:
        return schemas
    names = {stored for name in types for stored in schemas.names(name)}
    events = [kind for name, kind in schemas.events.items() if name in names]
    return Schemas(events, [kind for name, kind in schemas.profiles.items() if name in names])


def _with_ttl(rows: list[dict[str, Any]], ttl: Any) -> list[dict[str, Any]]:
    """Sessions and events expire; what is known about a user is kept."""
    if ttl is None:
        return rows
    return [row | {"ttl": ttl} if row["metadata"]["kind"] != PROFILE else row for row in rows]


def _first(names: Sequence[str]) -> str | None:
    return names[0] if names else None
