"""Packing whole blocks, such as sections or functions, and cutting those that alone are too long."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ..chunk import Chunk
from .breaks import Breaks
from .cut import Cutter
from .measure import Characters

__all__ = ["pack"]


def pack(text: str, starts: Sequence[int], kinds: Sequence[Breaks], size: int, overlap: int) -> list[Chunk]:
    """Chunks of as many whole blocks as fit. Only the parts of a block that is too long overlap.

    Args:
        starts: where blocks begin, ascending; what stands before the first is a block too.
        kinds: where a block that is too long is cut.
        size, overlap: in characters.
    """
    cutter = Cutter(text, Characters(), size, overlap)
    bounds = sorted({0, *starts, len(text)})
    chunks: list[Chunk] = []
    packed = 0
    for start, end in pairwise(bounds):
        if end - packed <= size:
            continue
        if start > packed:
            chunks.append(Chunk(text[packed:start], packed, start))
            packed = start
        if end - start > size:
            chunks += cutter.chunks(start, end, kinds)
            packed = end
    if packed < len(text):
        chunks.append(Chunk(text[packed:], packed, len(text)))
    return chunks
