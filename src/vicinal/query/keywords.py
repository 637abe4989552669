"""What a text asks for by words: plain text as people and models write it, or with operators."""

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

# A phrase of plain text: within one line, with nothing but space or punctuation around the quotes. What is longer is
# a passage, which no other text repeats word by word.
_QUOTED: Final = re.compile(
    r"(?<!\w)(?:\"([^\"\n]{1,200})\"|\u201c([^\u201c\u201d\n]{1,200})\u201d|\u201e([^\u201c\u201d\u201e\n]{1,200})[\u201c\u201d]"
    r"|\u00ab([^\u00ab\u00bb\n]{1,200})\u00bb)(?!\w)"
)
_QUOTED_MAX: Final = 32  # further ones are plain words only: each costs a look at places in texts

# No question of the judged sets has as many. A pasted text has thousands, and each costs a look at its posting list.
WORDS_MAX: Final = 256

# Said in a question, they are of no subject, and few texts have them, so that BM25 would give them the most weight.
_EMPTY: Final = re.compile(r"(?<![\w.])(?:e\. ?g|i\. ?e)\.(?!\w)", re.IGNORECASE)
_WORDS: Final = re.compile(r"\w")


def parse(text: str, syntax: Syntax) -> TextQuery:
    """What a query asks for; every text is a query, whatever its syntax.

    Args:
        syntax: "plain": each word may be there, of a long text the `WORDS_MAX` that tell most, and a phrase in
            quotation marks raises the rows that have it; "e.g." and "i.e." count only where nothing else is asked for;
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
    r"""Words, phrases and signs.

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
            sign = found[1] or ("+" if phrase else "")
            clauses.append(Clause(content, cast(Sign, sign), phrase is not None))
        at = _end(_SPACE.match(text, found.end()))
    return TextQuery(tuple(clauses))


def _end(match: re.Match[str] | None) -> int:
    assert match is not None  # `\s*` matches anywhere
    return match.end()
