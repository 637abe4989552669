"""The turns of a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from ..errors import InvalidArgument

__all__ = ["Messages", "as_dicts"]

# Role and content of each; vicinal.rag.Message is such a pair.
Messages: TypeAlias = Sequence[tuple[str, str]]
_ROLES: Final = ("system", "user", "assistant")


def as_dicts(messages: Messages) -> list[dict[str, str]]:
    """Returns the messages in the form that models take.

    Raises:
        InvalidArgument: the list is empty, or a message is not a pair of a role and a text.
    """
    given: Any = messages
    if isinstance(given, (str, bytes)) or not isinstance(given, Sequence) or not given:
        raise InvalidArgument(
            f"messages must be a list of pairs of role and text, not {messages!r:.80}",
            name="messages",
            value=messages,
            remedy='Write [("user", "...")].',
        )
    return [_as_dict(message) for message in messages]


def _as_dict(message: Any) -> dict[str, str]:
    pair = message if isinstance(message, (tuple, list)) and len(message) == 2 else (None, None)
    role, content = pair
    if role not in _ROLES or not isinstance(content, str):
        raise InvalidArgument(
            f"a message is a role ({', '.join(_ROLES)}) and a text, not {message!r:.80}",
            name="messages",
            value=message,
            remedy='Write ("user", "..."), or use vicinal.rag.Message.',
        )
    return {"role": role, "content": content}
