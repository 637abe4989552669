"""The messages of a conversation, as many as fit into a model's context."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..errors import InvalidArgument
from .splitters.base import checked_size

__all__ = ["ConversationMemory", "Message", "estimated_tokens"]

SYSTEM = "system"


class Message(NamedTuple):
    """One message; the role is usually "system", "user" or "assistant"."""

    role: str
    content: str


def estimated_tokens(text: str) -> int:
    """Approximate number of tokens of a text: 1.3 per word, rounded down. English prose is close to that."""
    return 13 * len(text.split()) // 10


class ConversationMemory:
    """The latest messages of a conversation, as many as fit.

    When a message is added, the oldest ones whose role is not "system" are dropped until the rest fits. System messages
    and the newest message are always kept, even if they alone exceed the limit.

    Args:
        max_tokens: limit for the contents of all messages together.
        token_estimator: returns the tokens of a text; by default estimated from words.
            `encoder.count_tokens([text])[0]` and the tokenizer of the language model are exact.
    """

    def __init__(self, max_tokens: int, *, token_estimator: Callable[[str], int] = estimated_tokens) -> None:
        self.max_tokens = checked_size("max_tokens", max_tokens, 0)
        self._estimate = token_estimator
        self._messages: list[tuple[Message, int]] = []
        self._tokens = 0

    @property
    def messages(self) -> list[Message]:
        """The remembered messages, oldest first."""
        return [message for message, _ in self._messages]

    def token_count(self) -> int:
        """Number of tokens of all contents."""
        return self._tokens

    def add_message(self, role: str, content: str) -> None:
        """Adds a message, and drops old ones if they no longer fit."""
        for name, value in (("role", role), ("content", content)):
            if not isinstance(value, str):
                raise InvalidArgument(f"{name} must be a str, not {type(value).__name__}", name=name, value=value)
        tokens = self._estimate(content)
        self._messages.append((Message(role, content), tokens))
        self._tokens += tokens
        oldest = 0
        while self._tokens > self.max_tokens and oldest < len(self._messages) - 1:
            if self._messages[oldest][0].role == SYSTEM:
                oldest += 1
            else:
                self._tokens -= self._messages.pop(oldest)[1]

    def format_messages(self) -> str:
        """Returns all messages as one text: "role: content", separated by blank lines."""
        return "\n\n".join(f"{role}: {content}" for (role, content), _ in self._messages)

    def to_list(self) -> list[dict[str, str]]:
        """Returns all messages in the form of chat models: dicts with `role` and `content`."""
        return [{"role": role, "content": content} for (role, content), _ in self._messages]

    def clear(self) -> None:
        """Removes all messages, including system messages."""
        self._messages = []
        self._tokens = 0

    def __len__(self) -> int:
        return len(self._messages)

    def __repr__(self) -> str:
        return f"ConversationMemory(messages={len(self)}, tokens={self.token_count()}, max_tokens={self.max_tokens})"
