"""Finds headings of Markdown texts: their position, level and title."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Heading", "markdown_headings"]

# CommonMark 0.31, sections 4.2, 4.3, 4.5: up to three blanks of indentation, then 1 to 6 marks and a blank or nothing.
# The end of a title is not part of the pattern, which would try every blank of a long line. Looking ahead for the first
# significant character makes blank lines fast.
_LINE = re.compile(
    r"^(?= {0,3}[`~#=-]) {0,3}(?:"
    r"(?P<fence>`{3,}(?=[^`\n]*$)|~{3,})"
    r"|(?P<marks>\#{1,6})(?P<title>[ \t][^\n]*)?\r?$"
    r"|(?P<rule>=+|-{2,})[ \t]*\r?$"
    r")",
    re.MULTILINE,
)
_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n.*?^(?:---|\.\.\.)[ \t]*\r?$", re.MULTILINE | re.DOTALL)
# What an underline cannot turn into a heading: nothing, a quotation, a list item, a table, another heading.
_NO_TITLE = re.compile(r"[ \t]*(?:$|[>#|=]|[-*+][ \t]|\d+[.)][ \t]|`{3}|~{3}|-{2,}[ \t]*$)| {4}|\t")


class Heading(NamedTuple):
    """A heading.

    Attributes:
        start: offset of its line.
        level: from 1 to 6.
        title: without marks.
    """

    start: int
    level: int
    title: str


def markdown_headings(text: str) -> Iterator[Heading]:
    """Yields headings in order, except in fenced code and front matter."""
    front = _FRONT_MATTER.match(text)
    fence = ""
    for found in _LINE.finditer(text, front.end() if front else 0):
        if found["fence"]:
            if not fence:
                fence = found["fence"]
            elif found["fence"].startswith(fence) and not text[found.end() : _line_end(text, found.end())].strip():
                fence = ""
        elif fence:
            continue
        elif found["marks"]:
            yield Heading(found.start(), len(found["marks"]), _title(found["title"] or ""))
        elif heading := _underlined(text, found):
            yield heading


def _title(written: str) -> str:
    """Removes closing marks that follow a blank."""
    title = written.removesuffix("\r").rstrip(" \t")
    unclosed = title.rstrip("#")
    return (unclosed if unclosed[-1:] in " \t" else title).strip()


def _underlined(text: str, rule: re.Match[str]) -> Heading | None:
    """The line above `rule` as a heading, if it can be one."""
    if rule.start() == 0:
        return None
    start = text.rfind("\n", 0, rule.start() - 1) + 1
    line = text[start : rule.start() - 1].rstrip("\r")
    if _NO_TITLE.match(line):
        return None
    return Heading(start, 1 if rule["rule"][0] == "=" else 2, line.strip())


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end
