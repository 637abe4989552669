"""Analyzers with one field and a rule or two: those of other programs, and the usual simple ones."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar, Final

from .base import Field, Group, Placed, QueryWord, Terms

FIELDS: Final = (Field("terms", 1.0),)
DROPPED: Final = Terms(((),), 0)
TERM_MAX: Final = 100
_KEPT: Final = 60


class PlainAnalyzer:
    """One term per raw word, in one field; a query searches for the terms of its raw words.

    Args:
        language: only stored: the rules are the same for all languages.
    """

    name: str
    fields = FIELDS
    version: ClassVar[str] = "1"

    def __init__(self, language: str = "en") -> None:
        self.language = language

    def __repr__(self) -> str:
        return f"<analyzer {self.name}>"

    @property
    def fingerprint(self) -> str:
        return f"{self.name}/{self.version} unicode={unicodedata.unidata_version}"

    def split(self, text: str) -> list[str]:
        raise NotImplementedError

    def terms(self, word: str) -> Terms:
        return Terms((((bounded(word), 0),),), 1) if word else DROPPED

    def query(self, text: str) -> tuple[QueryWord, ...]:
        found = ((word, self.terms(word).fields[0]) for word in self.split(text))
        return tuple(QueryWord(word, (Group(0, terms),)) for word, terms in found if terms)

    def phrase(self, text: str) -> QueryWord | None:
        terms = tuple(placed(map(self.terms, self.split(text))))
        return QueryWord(text, (Group(0, terms),)) if terms else None


def bounded(word: str) -> str:
    """The word; if it is too long to be a term, its beginning and a digest of the whole word."""
    if len(word) <= TERM_MAX:
        return word
    digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    return f"{word[:_KEPT]}…{digest}"


def placed(words: Iterable[Terms]) -> Iterator[tuple[str, int]]:
    """The terms of adjacent words, in the first field."""
    position = 0
    for word in words:
        yield from ((term, position + offset) for term, offset in word.fields[0])
        position += word.width


def from_zero(terms: Placed) -> Placed:
    """The same distances, counted from the first term."""
    first = min(offset for _, offset in terms)
    return tuple((term, offset - first) for term, offset in terms)


class WhitespaceAnalyzer(PlainAnalyzer):
    """Anything between white space, unchanged: case, punctuation and accents are significant."""

    name = "whitespace"

    def split(self, text: str) -> list[str]:
        return text.split()


class SimpleAnalyzer(PlainAnalyzer):
    """Runs of letters, in lower case. Digits, marks and everything else separate words."""

    name = "simple"
    _letters: Callable[[str], list[str]] = staticmethod(re.compile(r"[^\W\d_]+").findall)

    def split(self, text: str) -> list[str]:
        return self._letters(text.lower())


class VecstoreAnalyzer(PlainAnalyzer):
    """Lower case; only Unicode white space and ASCII punctuation separate words. No stop words, no stemming.

    The specification of vecstore leaves these rules to the program.
    """

    name = "vecstore"
    # White space by the Unicode property; Python's \s includes four more control characters.
    _words: Callable[[str], list[str]] = staticmethod(
        re.compile(
            r"[^\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000!-/:-@\[-`{-~]+",
        ).findall
    )

    def split(self, text: str) -> list[str]:
        return self._words(text.lower())


class CourseAnalyzer(PlainAnalyzer):
    """The preprocessing for TF-IDF in the course: lower case; only ASCII letters, digits and white space are kept.

    So `don't` is one word, `dont`, and letters outside ASCII vanish from their words.
    """

    name = "course"
    _deleted: Callable[[str, str], str] = staticmethod(re.compile(r"[^a-zA-Z0-9\s]").sub)

    def split(self, text: str) -> list[str]:
        return self._deleted("", text.lower()).split()
