"""The messages of a session, as they are given, and the user that each concerns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from ..errors import InvalidArgument

__all__ = ["Message", "Turn", "checked_messages", "checked_session_id", "milliseconds", "moment", "turns_of"]

MESSAGES_MAX: Final = 1000
_ID: Final = re.compile(r"[A-Za-z0-9_]{1,128}")
_ROLES: Final = ("user", "assistant", "system")
# Years 1 to 9999, the range of datetime.
_FIRST: Final = -62_135_596_800_000
_LAST: Final = 253_402_300_799_999


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a session.

    Attributes:
        role: "user", "assistant" or "system".
        speaker: id of the speaker.
        time: milliseconds since 1970.
        owner: the user who said it or to whom it was said; the last user who spoke before.
    """

    role: str
    content: str
    speaker: str | None
    name: str | None
    time: int
    owner: str | None

    def to_dict(self) -> dict[str, Any]:
        found = {"role": self.role, "content": self.content, "role_id": self.speaker, "role_name": self.name}
        return {name: value for name, value in found.items() if value is not None} | {"time": self.time}


@dataclass(frozen=True, slots=True)
class Turn:
    """A message of a user and the answers to it.

    Attributes:
        first: position of its first message in the session.
    """

    first: int
    user_id: str | None
    assistant_id: str | None
    messages: tuple[Message, ...]

    @property
    def said(self) -> str:
        return "\n".join(message.content for message in self.messages if message.role == "user")

    @property
    def answered(self) -> str:
        return "\n".join(message.content for message in self.messages if message.role == "assistant")

    @property
    def time(self) -> int:
        return self.messages[0].time


def checked_session_id(value: Any) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        message = "a session's id has 1 to 128 letters, digits and '_'"
        raise InvalidArgument(message, name="session_id", value=value)
    return value


def checked_messages(given: Any, user_id: str | None, assistant_id: str | None, time: int) -> list[Message]:
    """Returns messages from dicts with `role` and `content`, and optionally `role_id`, `role_name` and `time`."""
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Sequence):
        raise InvalidArgument("messages are a list of dicts", name="messages", value=given)
    if not 1 <= len(given) <= MESSAGES_MAX:
        raise InvalidArgument(
            f"a session has 1 to {MESSAGES_MAX:,} messages",
            name="messages",
            value=len(given),
            remedy="Begin another session.",
        )
    found: list[Message] = []
    owner = user_id
    for place, one in enumerate(given):
        message = _message(one, f"messages[{place}]", user_id, assistant_id, time, owner)
        owner = message.owner
        found.append(message)
    return found


def turns_of(messages: Sequence[Message], assistant_id: str | None) -> list[Turn]:
    """Splits messages at each message of a user; messages before the first one form a turn as well."""
    begins = [place for place, message in enumerate(messages) if message.role == "user" or place == 0]
    found = []
    for begin, end in zip(begins, [*begins[1:], len(messages)], strict=True):
        part = tuple(messages[begin:end])
        speaks = [message.speaker for message in part if message.role == "assistant" and message.speaker]
        found.append(Turn(begin, part[-1].owner, speaks[0] if speaks else assistant_id, part))
    return found


def milliseconds(value: Any, name: str) -> int:
    """Converts a time to milliseconds since 1970: an int of milliseconds, or a datetime; naive means UTC."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return round(aware.timestamp() * 1000)
    if isinstance(value, date):
        return milliseconds(datetime(value.year, value.month, value.day, tzinfo=UTC), name)
    if isinstance(value, bool) or not isinstance(value, int) or not _FIRST <= value <= _LAST:
        message = f"{name} is a datetime, or milliseconds since 1970 as an int"
        raise InvalidArgument(message, name=name, value=value)
    return value


def moment(value: int) -> datetime:
    return datetime.fromtimestamp(value / 1000, UTC)


def _message(
    given: Any, place: str, user_id: str | None, assistant_id: str | None, time: int, owner: str | None
) -> Message:
    if not isinstance(given, Mapping):
        raise InvalidArgument("a message is a dict with role and content", name="messages", value=given, place=place)
    role = given.get("role")
    if role not in _ROLES:
        raise InvalidArgument(f"role is one of {', '.join(_ROLES)}", name="role", value=role, place=place)
    speaker = _text(given, "role_id", place) or {"user": user_id, "assistant": assistant_id}.get(role)
    when = time if given.get("time") is None else milliseconds(given["time"], "time")
    content = _content(given.get("content"), place)
    owner = (speaker or user_id) if role == "user" else owner
    return Message(role, content, speaker, _text(given, "role_name", place), when, owner)


def _content(value: Any, place: str) -> str:
    """Returns a text, or the texts of a list of parts; images are ignored."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(part, Mapping) for part in value):
        texts = [part.get("text") for part in value if part.get("type") in ("text", "input_text")]
        if all(isinstance(text, str) for text in texts):
            return "\n".join(texts)
    raise InvalidArgument("content is a text, or a list of parts", name="content", value=value, place=place)


def _text(given: Mapping[str, Any], name: str, place: str) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidArgument(f"{name} is a text", name=name, value=value, place=place)
    return value or None
