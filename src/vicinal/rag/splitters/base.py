"""The base class of splitters: checks sizes and returns chunks or texts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from numbers import Integral

from ...errors import InvalidArgument
from ...inputs.calls import for_users
from ..chunk import Chunk

__all__ = ["TextSplitter", "checked_size", "checked_sizes"]


@for_users
class TextSplitter(ABC):
    """Splits texts into chunks that are exact slices: nothing is trimmed or rewritten, and together they cover the
    text.

    Args:
        chunk_size: maximum size of a chunk, in characters unless the splitter says otherwise.
        chunk_overlap: how much of its end a chunk shares with the next one; less than `chunk_size`.

    Raises:
        InvalidArgument: a size is invalid.
    """

    def __init__(self, chunk_size: int, chunk_overlap: int = 0) -> None:
        self.chunk_size, self.chunk_overlap = checked_sizes(chunk_size, chunk_overlap)

    def split(self, text: str) -> list[Chunk]:
        """Returns the chunks with their offsets, in order; an empty text has none."""
        if not isinstance(text, str):
            raise InvalidArgument(
                f"a text to split must be a str, not {type(text).__name__}", name="text", remedy="Decode it first."
            )
        return self._split(text) if text else []

    def split_text(self, text: str) -> list[str]:
        """Returns the texts of the chunks."""
        return [chunk.text for chunk in self.split(text)]

    @abstractmethod
    def _split(self, text: str) -> list[Chunk]:
        """Returns the chunks of a non-empty text."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(chunk_size={self.chunk_size}, chunk_overlap={self.chunk_overlap})"


def checked_sizes(chunk_size: object, chunk_overlap: object) -> tuple[int, int]:
    """Returns both as numbers.

    Raises:
        InvalidArgument: one is not a number, or they do not fit together.
    """
    size, overlap = checked_size("chunk_size", chunk_size, 1), checked_size("chunk_overlap", chunk_overlap, 0)
    if overlap >= size:
        raise InvalidArgument(
            f"chunk_overlap ({overlap}) must be less than chunk_size ({size})",
            name="chunk_overlap",
            value=chunk_overlap,
            remedy="A tenth of chunk_size is usual.",
        )
    return size, overlap


def checked_size(name: str, value: object, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise InvalidArgument(
            f"{name} must be a whole number of at least {least}, not {value!r:.80}", name=name, value=value
        )
    return int(value)
