"""A part of a text, and its position in the text."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Chunk"]


class Chunk(NamedTuple):
    """A part of a text, verbatim: `text == source[start:end]`.

    A tuple, because a splitter makes hundreds of thousands of them.

    Attributes:
        start: offset of its first character in the text.
        end: offset after its last character.
    """

    text: str
    start: int
    end: int
