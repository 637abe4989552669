"""Finds definitions in source code, such as functions and classes, by how lines begin."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Definition", "block_starts", "definitions"]

_C_LIKE = r"class |(?=[^\n]*\()(?=[^\n]*\))(?=[^\n]*\b(?:public|private|protected|static|void|int)\b)"
_SCRIPT = r"(?:export |async |default )*(?:function\b|class |const |let |interface |type |enum )|export "
# What the first line of a block begins with, after its indentation.
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
_TITLE_CHARS_MAX = 100


class Definition(NamedTuple):
    """A line that defines something.

    Attributes:
        start: offset of the line.
        indent: characters before its first one.
        title: the line without what opens the body.
    """

    start: int
    indent: int
    title: str


def definitions(text: str, language: str) -> Iterator[Definition]:
    """Yields definitions in order."""
    for found in _lines(text, language):
        start = found.start()
        line = text[start : start + 2 * _TITLE_CHARS_MAX].split("\n", 1)[0]
        yield Definition(start, len(line) - len(line.lstrip()), line.strip().rstrip("{: ")[:_TITLE_CHARS_MAX])


def block_starts(text: str, language: str) -> list[int]:
    """Returns the offsets where blocks begin: at definitions, or at the comments and decorators directly above them."""
    starts = []
    lowest = 0
    for found in _lines(text, language):
        starts.append(_with_lines_above(text, found.start(), lowest))
        lowest = found.start() + 1
    return starts


def _lines(text: str, language: str) -> Iterator[re.Match[str]]:
    pattern = _BLOCKS.get(language.lower(), _OTHER)
    return re.finditer(rf"^[ \t]*+(?:{pattern})", text, re.MULTILINE)


def _with_lines_above(text: str, start: int, lowest: int) -> int:
    """Returns `start`, or where the comments and decorators above it begin, but not before `lowest`."""
    while start > lowest:
        above = text.rfind("\n", 0, start - 1) + 1
        if above < lowest or not _ABOVE.match(text, above, start):
            break
        start = above
    return start
