"""Splitting source code at its functions and classes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...errors import InvalidArgument
from ..chunk import Chunk
from .base import TextSplitter
from .breaks import separators
from .cut import Cutter
from .measure import Characters
from .packing import pack

__all__ = ["CodeTextSplitter"]

SEPARATORS = ("\n\n", "\n}\n", "\r\n\r\n", "\r\n}\r\n", "\n", "; ", " ")

_C_LIKE = r"class |(?=[^\n]*\()(?=[^\n]*\))(?=[^\n]*\b(?:public|private|protected|static|void|int)\b)"
_SCRIPT = r"(?:export |async |default )*(?:function\b|class |const |let |interface |type |enum )|export "
# What a line begins with that begins a block, after its indentation.
_BLOCKS = {
    "c": _C_LIKE + r"|struct |enum |union |typedef ",
    "cpp": _C_LIKE + r"|struct |enum |union |typedef |namespace |template",
    "go": r"func |type |struct |var \(|const \(",
    "java": _C_LIKE + r"|(?:public |private |protected |static |final |abstract )*(?:class|interface|enum|record) ",
    "javascript": _SCRIPT,
    "python": r"(?:async )?def |class ",
    "rust": r"(?:pub(?:\([^)\n]*\))? )?(?:async |const |unsafe )*(?:fn|struct|enum|impl|trait|mod|union) |impl<",
    "typescript": _SCRIPT,
}
_OTHER = r"(?:pub |export |async )*(?:fn|function|def|class|struct|interface|module|func|sub) "
# Lines that belong to the block below them: comments, decorators, attributes.
_ABOVE = re.compile(r"[ \t]*+(?:@\w|#\[|//|#(?!include|define|if|endif|else|pragma)|\*|/\*)")


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
        """A splitter of the same sizes for a language; this one stays as it is.

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
        if self.language is None:
            return Cutter(text, Characters(), self.chunk_size, self.chunk_overlap).chunks(0, len(text), kinds)
        starts = list(_block_starts(text, _BLOCKS.get(self.language.lower(), _OTHER)))
        return pack(text, starts, kinds, self.chunk_size, self.chunk_overlap)

    def __repr__(self) -> str:
        language = "" if self.language is None else f".with_language({self.language!r})"
        return super().__repr__() + language


def _block_starts(text: str, pattern: str) -> Iterator[int]:
    lowest = 0
    for found in re.finditer(rf"^[ \t]*+(?:{pattern})", text, re.MULTILINE):
        yield _with_lines_above(text, found.start(), lowest)
        lowest = found.start() + 1


def _with_lines_above(text: str, start: int, lowest: int) -> int:
    """`start`, or where the comments and decorators above it begin, but nothing before `lowest`."""
    while start > lowest:
        above = text.rfind("\n", 0, start - 1) + 1
        if above < lowest or not _ABOVE.match(text, above, start):
            break
        start = above
    return start
