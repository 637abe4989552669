"""Splits documents into chunks that an encoder can read, following their structure."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from ..encoders import as_encoder, resolve
from .chunk import Chunk
from .definitions import block_starts
from .document import Document
from .splitters.base import checked_sizes
from .splitters.breaks import separators
from .splitters.code import SEPARATORS as CODE_SEPARATORS
from .splitters.cut import Cutter
from .splitters.measure import Characters, Measure
from .splitters.packing import pack
from .splitters.recursive import SEPARATORS
from .splitters.tokens import Count, token_measure

__all__ = ["DocumentSplitter"]

# A few paragraphs: long enough to answer a question, short enough to be about one thing.
_TOKENS = 200
_CHARACTERS = 1000


class DocumentSplitter:
    """Splits documents at pages, headings and definitions, and parts that are too long like any text.

    Args:
        encoder: the name of an encoder, or an encoder, whose tokens are counted if it supports that.
        chunk_size: maximum size of a chunk, in these tokens, else in characters; by default 200 tokens or 1,000
            characters.
        chunk_overlap: overlap within a part that is too long; by default a tenth of the chunk size.
    """

    def __init__(self, encoder: Any = None, chunk_size: int | None = None, chunk_overlap: int | None = None) -> None:
        found = None if encoder is None else resolve(encoder) if isinstance(encoder, str) else as_encoder(encoder)
        counter = None if found is None else found.token_counter()
        self._count: Count | None = None if counter is None else counter.count_tokens
        usual = _CHARACTERS if counter is None else min(_TOKENS, counter.max_tokens)
        size = usual if chunk_size is None else chunk_size
        overlap = size // 10 if chunk_overlap is None else chunk_overlap
        self.chunk_size, self.chunk_overlap = checked_sizes(size, overlap)

    @property
    def unit(self) -> str:
        """ "characters" or "tokens"."""
        return "characters" if self._count is None else "tokens"

    def split(self, document: Document) -> list[Chunk]:
        """Returns the chunks, in order, without those that contain no letter or digit.

        `document.place(chunk.start)` describes where one is.
        """
        text = document.text
        if not text:
            return []
        measure: Measure = Characters() if self._count is None else token_measure(text, self._count, self.chunk_size)
        cutter = Cutter(text, measure, self.chunk_size, self.chunk_overlap)
        kinds = separators(text, CODE_SEPARATORS if document.kind == "code" else SEPARATORS)
        starts = [part.start for part in document.parts]
        if document.kind == "pdf":  # a chunk is from one page, so that the page is known
            bounds = [0, *starts[1:], len(text)]
            chunks = [chunk for start, end in pairwise(bounds) for chunk in cutter.chunks(start, end, kinds)]
        else:
            chunks = pack(cutter, block_starts(text, document.language) if document.language else starts, kinds)
        return [chunk for chunk in chunks if any(map(str.isalnum, chunk.text))]

    def __repr__(self) -> str:
        return f"DocumentSplitter({self.chunk_size} {self.unit}, {self.chunk_overlap} shared)"
