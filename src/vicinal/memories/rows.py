"""Memories as rows of a collection: one row each, of the kinds event, profile and session."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from ..contract import Collection
from ..errors import IdNotFound, InvalidArgument
from ..types import Hit, Record
from .conversation import Message, Turn, moment
from .memory import Kind, Memory
from .schemas import EventType, ProfileType, text_of

__all__ = [
    "BLANK",
    "EVENT",
    "PROFILE",
    "SESSION",
    "blank",
    "change_row",
    "checked_id",
    "event_id_of",
    "event_row",
    "memory_of",
    "needed_row",
    "primary_key_of",
    "profile_id_of",
    "profile_row",
    "session_row_id",
    "who_of",
]

EVENT: Final = "event"
PROFILE: Final = "profile"
SESSION: Final = "session"
# Each row has all fields that filters use, null if it has no value: a filter on an unknown field warns.
BLANK: Final = dict.fromkeys(
    ("type", "user_id", "assistant_id", "group_id", "session_id", "time", "primary_key", "token", "status", "revision")
)


def blank() -> dict[str, Any]:
    """Metadata of a row that is being written: `revision` changes with every write."""
    return {**BLANK, "revision": secrets.token_hex(8)}


def change_row(docs: Collection, row: Record, metadata: Mapping[str, Any], text: str | None = None) -> bool:
    """Changes a row if it is still as it was read; False if another process has changed or deleted it meanwhile.

    Args:
        text: None keeps the text.
    """
    where = {"revision": row.metadata.get("revision")}  # None in rows of versions without revisions
    given = {**metadata, "revision": secrets.token_hex(8)}
    return docs.update([row.id], where=where, texts=[text], metadata=[given]) == 1


def session_row_id(session_id: str) -> str:
    return f"session-{session_id}"


def event_id_of(session_id: str, turn: Turn, kind: str, number: int) -> str:
    """The same whenever the same session is read again, so that no memory is stored twice."""
    return f"event-{_digest(session_id, str(turn.first), kind, str(number))}"


def profile_id_of(kind: ProfileType, users: Sequence[str], assistants: Sequence[str], key: str) -> str:
    """A user has one profile per type and key, so its id follows from them."""
    return f"profile-{_digest(kind.name, *users, *(assistants if kind.isolated else ()), '', key)}"


def primary_key_of(kind: ProfileType, info: Mapping[str, Any]) -> str:
    return "&".join(f"{name}={info[name]}" for name in kind.keys if name in info)


def event_row(
    id_: str,
    kind: EventType,
    info: dict[str, Any],
    who: Mapping[str, Any],
    messages: Iterable[Message] = (),
    **more: Any,
) -> dict[str, Any]:
    """Returns the row of an event.

    Args:
        who: user_id, assistant_id, group_id, session_id and time, as metadata.
    """
    told = [message.to_dict() for message in messages]
    extra = {"messages": json.dumps(told, ensure_ascii=False)} if told else {}
    metadata = {**blank(), "kind": EVENT, "type": kind.name, "info": info, **who, **extra, **more}
    return {"id": id_, "text": _text(kind, info), "metadata": metadata}


def profile_row(kind: ProfileType, info: dict[str, Any], who: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    key = primary_key_of(kind, info)
    id_ = profile_id_of(kind, who["user_id"], who["assistant_id"], key)
    stored = dict(who) if kind.isolated else {name: value for name, value in who.items() if name != "assistant_id"}
    metadata = {**blank(), "kind": PROFILE, "type": kind.name, "info": info, "primary_key": key, **stored, **more}
    return {"id": id_, "text": _text(kind, info), "metadata": metadata}


def who_of(
    user_ids: Sequence[str], assistant_ids: Sequence[str], group_id: str | None, session_id: str | None, time: int
) -> dict[str, Any]:
    """Returns the metadata that says whom a memory concerns."""
    found: dict[str, Any] = {"user_id": list(user_ids), "assistant_id": list(assistant_ids), "time": time}
    named = {"group_id": group_id, "session_id": session_id}
    return found | {name: value for name, value in named.items() if value is not None}


def memory_of(row: Record | Hit, *, similarity: float = 0.0, score: float | None = None, fresh: float = 0.0) -> Memory:
    told = row.metadata
    kind: Kind = told["kind"]
    return Memory(
        id=str(row.id),
        kind=kind,
        type=told["type"],
        info=told["info"],
        text=row.text,
        user_ids=tuple(told["user_id"]),
        assistant_ids=tuple(told["assistant_id"] or ()),
        group_id=told.get("group_id"),
        session_id=told.get("session_id"),
        time=moment(told["time"]),
        primary_key=told["primary_key"] or "",
        messages=tuple(json.loads(told.get("messages", "[]"))),
        score=similarity if score is None else score,
        similarity=similarity,
        freshness=fresh,
    )


def needed_row(rows: Sequence[Record], id_: Any, kind: str) -> Record:
    """Returns the row; raises IdNotFound if no row of this kind exists."""
    if rows and rows[0].metadata.get("kind") == kind:
        return rows[0]
    raise IdNotFound(f"there is no {kind} {id_!r:.140}", name=f"{kind}_id", value=id_)


def checked_id(id_: Any, name: str) -> str:
    if not isinstance(id_, str) or not id_:
        raise InvalidArgument(f"{name} is a text", name=name, value=id_)
    return id_


def _text(kind: EventType | ProfileType, info: Mapping[str, Any]) -> str:
    text = text_of(kind, info)
    if text is None:
        names = ", ".join(prop.name for prop in kind.properties)
        raise InvalidArgument(
            f"a memory of the type {kind.name!r} has nothing to be found by",
            name="memory_info",
            value=dict(info),
            remedy=f"Give one of {names}.",
        )
    return text


def _digest(*parts: str) -> str:
    joined = "/".join(quote(part, safe="") for part in parts)
    return hashlib.blake2b(joined.encode(errors="surrogatepass"), digest_size=16).hexdigest()
