"""Packs whole blocks, such as sections or functions, and cuts blocks that are too long."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ..chunk import Chunk
from .breaks import Breaks
from .cut import Cutter

__all__ = ["pack"]


def pack(cutter: Cutter, starts: Sequence[int], kinds: Sequence[Breaks]) -> list[Chunk]:
    """Chunks of as many whole blocks as fit. Only the parts of a block that is too long overlap.

    Args:
        starts: where blocks begin, ascending; text before the first is a block too.
        kinds: where a block that is too long is cut.
    """
    end_of_text = len(cutter.text)
    bounds = sorted({0, *starts, end_of_text})
    chunks: list[Chunk] = []
    packed = 0
    for start, end in pairwise(bounds):
        if cutter.fits(packed, end):
            continue
        if start > packed:
            chunks.append(cutter.chunk(packed, start))
            packed = start
        if not cutter.fits(start, end):
            chunks += cutter.chunks(start, end, kinds)
            packed = end
    if packed < end_of_text:
        chunks.append(cutter.chunk(packed, end_of_text))
    return chunks
