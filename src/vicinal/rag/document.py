"""A document as plain text, with the structure of the original."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

__all__ = ["Document", "Part", "outlined"]


class Part(NamedTuple):
    """A range of a document that ends where the next part begins.

    Attributes:
        start: offset of its first character.
        headings: the headings above it, outermost first.
        page: counted from 1; None if there are no pages.
    """

    start: int
    headings: tuple[str, ...] = ()
    page: int | None = None


@dataclass(frozen=True)
class Document:
    """A loaded file.

    Attributes:
        text: all of its text.
        kind: "text", "markdown", "code", "html", "pdf" or "docx".
        title: its title, or "".
        parts: ascending by `start`.
        language: of source code, as `CodeTextSplitter.with_language` takes it.
        verbatim: whether `text` is the file's own text, so that line numbers agree.
    """

    text: str
    kind: str
    title: str = ""
    parts: tuple[Part, ...] = field(default=(), repr=False)
    language: str | None = None
    verbatim: bool = False

    def place(self, offset: int) -> dict[str, Any]:
        """Describes an offset: `offset`, and `page`, `headings` and `line` (from 1) if the document has them."""
        place: dict[str, Any] = {"offset": offset}
        if self.verbatim:
            place["line"] = bisect_right(self._line_starts, offset)
        index = bisect_right(self._part_starts, offset) - 1
        if index >= 0:
            part = self.parts[index]
            if part.page is not None:
                place["page"] = part.page
            if part.headings:
                place["headings"] = list(part.headings)
        return place

    @cached_property
    def _part_starts(self) -> list[int]:
        return [part.start for part in self.parts]

    @cached_property
    def _line_starts(self) -> list[int]:
        starts = [0]
        for line in self.text.split("\n")[:-1]:
            starts.append(starts[-1] + len(line) + 1)
        return starts


def outlined(headings: Iterable[tuple[int, int, str]]) -> Iterator[Part]:
    """Parts from headings: start, level, title. A heading is below those before it with a smaller level."""
    open_ones: list[tuple[int, str]] = []
    for start, level, title in headings:
        while open_ones and open_ones[-1][0] >= level:
            open_ones.pop()
        open_ones.append((level, title))
        yield Part(start, tuple(name for _, name in open_ones if name))
