"""What an analyzer owes the text index: raw words of a text, terms of a raw word, and what a query asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

Placed = tuple[tuple[str, int], ...]
"""Terms, each with its offset in positions."""


class Field(NamedTuple):
    """One of the fields into which an analyzer puts terms; BM25 is computed in each, and summed with these weights.

    Attributes:
        alone: the weight in a query of a single word, where it is another.
    """

    name: str
    weight: float
    alone: float | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What one raw word of a document becomes.

    Attributes:
        fields: for each field of the analyzer, terms with their offsets, counted from the position of the word.
        width: positions that the word takes. The next raw word begins so much later, and the length of a document is
            the sum of these, in each field. 0: the word leaves neither terms nor a gap, as a stop word does.
    """

    fields: tuple[Placed, ...]
    width: int


class Group(NamedTuple):
    """Terms of one field that a document must all hold, each at the same distance from the first as here.

    A group of one term is an ordinary term.

    Attributes:
        field: index into the analyzer's fields.
        terms: not empty; the first has offset 0.
        weight: multiplies the weight of the field.
    """

    field: int
    terms: Placed
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class QueryWord:
    """One word of a query.

    A document has the word if it has at least one of the groups. Its score is the sum, over the groups that it has, of
    `field weight * group weight * sum of the scores of the group's terms in that field`.

    Attributes:
        text: the word as it was written, but for compatibility forms.
        groups: not empty, all different.
        otherwise: words to search for instead where no document of the collection has this one: pieces of it.
    """

    text: str
    groups: tuple[Group, ...]
    otherwise: tuple[QueryWord, ...] = ()


class Analyzer(Protocol):
    """Makes terms of texts. Pure: equal input and equal `fingerprint`, equal output. Thread-safe.

    Attributes:
        name: the name by which `analyzer` finds it.
        fields: at least one.
        fingerprint: all that the terms depend on: name, rules, options, language, how the stemmer behaves, version of
            Unicode. Terms of another fingerprint cannot be searched with this analyzer.
    """

    @property
    def name(self) -> str: ...

    @property
    def fields(self) -> tuple[Field, ...]: ...

    @property
    def fingerprint(self) -> str: ...

    def split(self, text: str) -> list[str]:
        """The raw words of a document, in order. Most texts share most of them: keep what `terms` makes of each."""
        ...

    def terms(self, word: str) -> Terms:
        """What a raw word becomes. Depends on nothing but the word."""
        ...

    def query(self, text: str) -> tuple[QueryWord, ...]:
        """The words that a query asks for. A document that has any of them matches."""
        ...

    def phrase(self, text: str) -> QueryWord | None:
        """One word that documents have which hold the words of `text` in this order with nothing between them.

        None where `text` holds no word.
        """
        ...


def joined(analyzer: Analyzer, text: str) -> tuple[Placed, ...]:
    """The terms of a whole document by field, with positions from 0: what an index of one document holds.

    The plain way, for tests and for highlighting; an index keeps a memo of `terms`.
    """
    fields: list[list[tuple[str, int]]] = [[] for _ in analyzer.fields]
    position = 0
    for word in analyzer.split(text):
        terms = analyzer.terms(word)
        for found, placed in zip(fields, terms.fields):
            found.extend((term, position + offset) for term, offset in placed)
        position += terms.width
    return tuple(map(tuple, fields))
