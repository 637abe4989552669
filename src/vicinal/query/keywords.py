"""Parses the text of a keyword query: plain text as people and models write it, or with operators."""

from __future__ import annotations

import re
from itertools import islice
from typing import Final, cast, get_args

from ..contract import Syntax
from ..indexes.text_query import Clause, Sign, TextQuery

__all__ = ["SYNTAXES", "WORDS_MAX", "parse"]

SYNTAXES: Final = get_args(Syntax)

_PHRASE: Final = re.compile(r'([+-]?)"((?:[^"\\]|\\.)*)"', re.DOTALL)
_WORD: Final = re.compile(r"([+-]?)((?:\\.|\S)+)", re.DOTALL)
_SPACE: Final = re.compile(r"\s*")
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)

# A phrase in plain text: within one line, with only space or punctuation around the quotes. Anything longer is a
# passage, which no other text repeats word for word.
_QUOTED: Final = re.compile(
    r"(?<!\w)(?:\"([^\"\n]{1,200})\"|\u201c([^\u201c\u201d\n]{1,200})\u201d|\u201e([^\u201c\u201d\u201e\n]{1,200})[\u201c\u201d]"
    r"|\u00ab([^\u00ab\u00bb\n]{1,200})\u00bb)(?!\w)"
)
_QUOTED_MAX: Final = 32  # further ones are plain words only: each costs a lookup of positions in texts

# More than any query of the judged sets has. A pasted text has thousands of words, and each costs a posting list.
WORDS_MAX: Final = 256

# These occur in questions without being their subject, and are rare in texts, so BM25 would give them the most weight.
_EMPTY: Final = re.compile(r"(?<![\w.])(?:e\. ?g|i\. ?e)\.(?!\w)", re.IGNORECASE)
_WORDS: Final = re.compile(r"\w")


def parse(text: str, syntax: Syntax) -> TextQuery:
    """The parsed query; every text is valid, whatever the syntax.

    Args:
        syntax: "plain": each word is optional (of a long text, only the `WORDS_MAX` most significant), and a phrase in
            quotation marks raises the rows that contain it; "e.g." and "i.e." count only if there are no other words;
            "operators": see `_with_operators`.
    """
    return _with_operators(text) if syntax == "operators" else _plain(text)


def _plain(text: str) -> TextQuery:
    told = _EMPTY.sub(" ", text)
    if _WORDS.search(told):
        text = told
    clauses: list[Clause] = []
    at = 0
    for found in islice(_QUOTED.finditer(text), _QUOTED_MAX):
        clauses += map(Clause, text[at : found.start()].split())
        clauses.append(Clause(next(filter(None, found.groups())), phrase=True))
        at = found.end()
    return TextQuery((*clauses, *map(Clause, text[at:].split())), most=WORDS_MAX)


def _with_operators(text: str) -> TextQuery:
    r"""Words, phrases and operators.

    Parts are separated by white space. `"a b"` searches for these words in a row, `+a` for rows that contain a, `-a`
    for rows that do not; `-"a b"` excludes a phrase. A sign is an operator only at the start of a part that continues
    after it, so `state-of-the-art` and `c++` are plain words. A quote is an operator only at the start of a part or
    right after a sign, and only if a closing one follows; otherwise it is a plain character. `\` makes the following
    character literal: `\-1`, `\"`.
    """
    clauses: list[Clause] = []
    at = _end(_SPACE.match(text, 0))
    while at < len(text):
        phrase = _PHRASE.match(text, at)
        found = phrase or cast(re.Match[str], _WORD.match(text, at))  # not white space, so at least a word matches
        content = _ESCAPED.sub(r"\1", found[2])
        if content:
            sign = found[1] or ("+" if phrase else "")
            clauses.append(Clause(content, cast(Sign, sign), phrase is not None))
        at = _end(_SPACE.match(text, found.end()))
    return TextQuery(tuple(clauses))


def _end(match: re.Match[str] | None) -> int:
    assert match is not None  # `\s*` matches anywhere
    return match.end()
