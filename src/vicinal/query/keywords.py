"""The language of keyword queries: words, "phrases in a row", +required and -excluded."""

from __future__ import annotations

import re
from typing import Final, cast

from ..indexes.text_query import Clause, Sign, TextQuery

__all__ = ["parse"]

_PHRASE: Final = re.compile(r'([+-]?)"((?:[^"\\]|\\.)*)"', re.DOTALL)
_WORD: Final = re.compile(r"([+-]?)((?:\\.|\S)+)", re.DOTALL)
_SPACE: Final = re.compile(r"\s*")
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


def parse(text: str) -> TextQuery:
    r"""What a query asks for. Every text is a query.

    Parts are separated by white space. `"a b"` asks for these words in a row, `+a` for rows that have a, `-a` for
    rows that do not; `-"a b"` excludes a phrase. A sign counts only at the start of a part with something behind it,
    so `state-of-the-art` and `c++` are plain words. A quote counts only at the start of a part or right after a sign,
    and only if another one closes it; else it is a plain character. `\` takes any meaning from the character behind
    it: `\-1`, `\"`.
    """
    clauses: list[Clause] = []
    at = _end(_SPACE.match(text, 0))
    while at < len(text):
        phrase = _PHRASE.match(text, at)
        found = phrase or cast(re.Match[str], _WORD.match(text, at))  # not white space, so a word at least
        content = _ESCAPED.sub(r"\1", found[2])
        if content:
            clauses.append(Clause(content, cast(Sign, found[1]), phrase is not None))
        at = _end(_SPACE.match(text, found.end()))
    return TextQuery(tuple(clauses))


def _end(match: re.Match[str] | None) -> int:
    assert match is not None  # `\s*` matches anywhere
    return match.end()
