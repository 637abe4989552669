"""Splits at paragraphs, else lines, else sentences, else words, else anywhere."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import InvalidArgument
from ...inputs.calls import for_users
from ..chunk import Chunk
from .base import TextSplitter
from .breaks import separators
from .cut import Cutter
from .measure import Characters

__all__ = ["RecursiveCharacterTextSplitter"]

# The best first. Chinese and Japanese sentences end without a blank.
SEPARATORS = ("\n\n", "\r\n\r\n", "\n", ". ", "! ", "? ", "。", "！", "？", " ")


@for_users
class RecursiveCharacterTextSplitter(TextSplitter):
    """Packs paragraphs into chunks of at most `chunk_size` characters; long ones are cut at lines, sentences, words.

    Each chunk but the first begins with exactly the last `chunk_overlap` characters of the one before it.

    Args:
        separators: where a text may be cut, the best first; each stays at the end of the part that it ends.
    """

    def __init__(self, chunk_size: int, chunk_overlap: int = 0, *, separators: Sequence[str] = SEPARATORS) -> None:
        super().__init__(chunk_size, chunk_overlap)
        if isinstance(separators, str) or not all(isinstance(kind, str) and kind for kind in separators):
            raise InvalidArgument(
                "separators must be a list of texts that are not empty", name="separators", value=separators
            )
        self._separators = tuple(separators)

    def _split(self, text: str) -> list[Chunk]:
        cutter = Cutter(text, Characters(), self.chunk_size, self.chunk_overlap)
        return cutter.chunks(0, len(text), separators(text, self._separators))
