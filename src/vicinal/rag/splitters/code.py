"""Splits source code at its functions and classes."""

from __future__ import annotations

from ...errors import InvalidArgument
from ...inputs.calls import for_users
from ..chunk import Chunk
from ..definitions import block_starts
from .base import TextSplitter
from .breaks import separators
from .cut import Cutter
from .measure import Characters
from .packing import pack

__all__ = ["CodeTextSplitter"]

SEPARATORS = ("\n\n", "\n}\n", "\r\n\r\n", "\r\n}\r\n", "\n", "; ", " ")


@for_users
class CodeTextSplitter(TextSplitter):
    """Packs whole functions and classes into chunks of at most `chunk_size` characters.

    Without a language it cuts at blank lines, closing braces, lines, and so on. With one, a block begins at a line
    that defines something, with the comments and decorators directly above it; a block that is too long is cut as
    without a language, and only its parts overlap.
    """

    def __init__(self, chunk_size: int, chunk_overlap: int = 0) -> None:
        super().__init__(chunk_size, chunk_overlap)
        self.language: str | None = None

    def with_language(self, language: str) -> CodeTextSplitter:
        """Returns a splitter of the same sizes for a language; this one does not change.

        Args:
            language: "rust", "python", "javascript", "typescript", "java", "c", "cpp" or "go". Any other name
                stands for a language whose definitions begin with a word such as "function", "def" or "class".
        """
        if not isinstance(language, str):
            raise InvalidArgument(
                f"a language is a str, not {type(language).__name__}", name="language", value=language
            )
        other = CodeTextSplitter(self.chunk_size, self.chunk_overlap)
        other.language = language
        return other

    def _split(self, text: str) -> list[Chunk]:
        kinds = separators(text, SEPARATORS)
        cutter = Cutter(text, Characters(), self.chunk_size, self.chunk_overlap)
        if self.language is None:
            return cutter.chunks(0, len(text), kinds)
        return pack(cutter, block_starts(text, self.language), kinds)

    def __repr__(self) -> str:
        language = "" if self.language is None else f".with_language({self.language!r})"
        return super().__repr__() + language
