"""What a language model can do, wherever it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from .messages import Messages
from .sampling import Completion, Sampling

__all__ = ["ChatModel"]


@runtime_checkable
class ChatModel(Protocol):
    """A language model that holds conversations; it serves wherever `vicinal.contract.LLM` does. Thread-safe.

    All calls raise ModelUnavailable where the model fails, and InvalidArgument where messages are none.
    """

    def generate(self, prompt: str) -> str:
        """The answer to one message of a user, its likeliest words."""
        ...

    def chat(self, messages: Messages, sampling: Sampling | None = None) -> Completion:
        """The next turn of a conversation."""
        ...

    def stream(self, messages: Messages, sampling: Sampling | None = None) -> Iterator[str]:
        """The same in pieces, as they come. Closing it ends the work."""
        ...

    def close(self) -> None:
        """Gives back what it holds. The second time it does nothing."""
        ...
