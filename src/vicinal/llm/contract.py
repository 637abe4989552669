"""The interface of language models, local or remote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from .messages import Messages
from .sampling import Completion, Sampling

__all__ = ["ChatModel"]


@runtime_checkable
class ChatModel(Protocol):
    """A language model for conversations; can be used wherever `vicinal.contract.LLM` can. Thread-safe.

    All calls raise ModelUnavailable if the model fails, and InvalidArgument if messages are invalid.
    """

    def generate(self, prompt: str) -> str:
        """Returns the most likely answer to one message of a user."""
        ...

    def chat(self, messages: Messages, sampling: Sampling | None = None) -> Completion:
        """Returns the next turn of a conversation."""
        ...

    def stream(self, messages: Messages, sampling: Sampling | None = None) -> Iterator[str]:
        """Yields the same in pieces, as they arrive. Closing the iterator stops the work."""
        ...

    def close(self) -> None:
        """Releases its resources. A second call does nothing."""
        ...
