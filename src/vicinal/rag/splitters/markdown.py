"""Splits Markdown at its headings."""

from __future__ import annotations

from ...inputs.calls import for_users
from ..chunk import Chunk
from ..headings import markdown_headings
from .base import TextSplitter
from .breaks import separators
from .cut import Cutter
from .measure import Characters
from .packing import pack
from .recursive import SEPARATORS

__all__ = ["MarkdownTextSplitter"]


@for_users
class MarkdownTextSplitter(TextSplitter):
    """Packs whole sections into chunks of at most `chunk_size` characters.

    A section is a heading with everything up to the next one; headings in fenced code do not count. A section that is
    too long is split like any text, and only its parts overlap.
    """

    def _split(self, text: str) -> list[Chunk]:
        starts = [heading.start for heading in markdown_headings(text)]
        cutter = Cutter(text, Characters(), self.chunk_size, self.chunk_overlap)
        return pack(cutter, starts, separators(text, SEPARATORS))
