"""The interface of analyzers to the text index: raw words of a text, terms of a raw word, and the words of a query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

Placed = tuple[tuple[str, int], ...]
"""Terms, each with its offset in positions."""


class Field(NamedTuple):
    """A field into which an analyzer puts terms; BM25 is computed per field, and summed with these weights.

    Attributes:
        alone: the weight in a single-word query, if different.
    """

    name: str
    weight: float
    alone: float | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one raw word of a document.

    Attributes:
        fields: for each field of the analyzer, terms with their offsets, counted from the position of the word.
        width: the number of positions that the word takes. The next raw word begins that much later, and the length of
            a document in each field is the sum of the widths. 0: the word leaves neither terms nor a gap, such as a
            stop word.
    """

    fields: tuple[Placed, ...]
    width: int


class Group(NamedTuple):
    """Terms of one field that a document must all contain, each at the same distance from the first as here.

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

    A document contains the word if it contains at least one of the groups. Its score is the sum, over the groups that
    it contains, of `field weight * group weight * sum of the scores of the group's terms in that field`.

    Attributes:
        text: the word as written, apart from compatibility forms.
        groups: not empty, all different.
        otherwise: words to search for instead if no document of the collection contains this one: pieces of it.
    """

    text: str
    groups: tuple[Group, ...]
    otherwise: tuple[QueryWord, ...] = ()


class Analyzer(Protocol):
    """Turns texts into terms. Pure: equal input and equal `fingerprint` mean equal output. Thread-safe.

    Attributes:
        name: the name by which `analyzer` finds it.
        fields: at least one.
        fingerprint: everything that the terms depend on: name, rules, options, language, behaviour of the stemmer,
            version of Unicode. Terms with another fingerprint cannot be searched with this analyzer.
    """

    @property
    def name(self) -> str: ...

    @property
    def fields(self) -> tuple[Field, ...]: ...

    @property
    def fingerprint(self) -> str: ...

    def split(self, text: str) -> list[str]:
        """The raw words of a document, in order. Most texts have many in common, so cache the `terms` of each."""
        ...

    def terms(self, word: str) -> Terms:
        """The terms of a raw word. They depend on the word only."""
        ...

    def query(self, text: str) -> tuple[QueryWord, ...]:
        """The words of a query. A document that contains any of them matches."""
        ...

    def phrase(self, text: str) -> QueryWord | None:
        """A single query word, contained in documents with the words of `text` in this order and adjacent.

        None if `text` contains no word.
        """
        ...


def joined(analyzer: Analyzer, text: str) -> tuple[Placed, ...]:
    """The terms of a whole document by field, with positions from 0: what an index of one document contains.

    A simple version for tests and highlighting; an index caches `terms`.
    """
    fields: list[list[tuple[str, int]]] = [[] for _ in analyzer.fields]
    position = 0
    for word in analyzer.split(text):
        terms = analyzer.terms(word)
        for found, placed in zip(fields, terms.fields):
            found.extend((term, position + offset) for term, offset in placed)
        position += terms.width
    return tuple(map(tuple, fields))
