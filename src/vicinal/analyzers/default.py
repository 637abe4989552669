"""The default analyzer: two fields, stems and words as written; compounds are split; scripts without spaces by pairs.

The terms of a document for each word (docs/analyzers.md has the reasons):

- field `stems`: the stem of the word, and, if it has accents, the stem of the word without them;
- field `surface`: the word in lower case, with accents;
- for a compound (getHTTPResponse, snake_case, e-mail): the same for each part, at consecutive positions, and the whole
  at the position where the compound begins;
- for a name such as C++ or C#: the name itself, and the stem of its letters, so that `C` finds it ranked after texts
  with `C` alone;
- for a run of a script without spaces: its characters and pairs of neighbours, in `stems` only.

No word is left out as too common: BM25 gives such words almost no weight.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from . import characters, folding, unspaced
from .base import Field, Group, Placed, QueryWord, Terms
from .identifiers import Compound, compounds
from .plain import TERM_MAX, bounded, from_zero
from .stemming import Stemmer, stemmer

VERSION: Final = "2"
STEMS: Final = 0
SURFACE: Final = 1
# nDCG@10 on Cranfield: 0.538 with these weights, 0.539 with 0.7 and 0.3, 0.533 with halves. A single-word query should
# return the texts that contain the word itself before those with related words. Of 400 words that occur in at most 3 of
# 24 long texts, the first three hits lack such a text for 18 with 0.9 and 0.1, for none with halves.
FIELDS: Final = (Field("stems", 0.9, alone=0.5), Field("surface", 0.1, alone=0.5))
NOTHING: Final = Terms(((), ()), 0)

# Korean has spaces, but not between all words: a word between spaces counts more than one inside a run.
_BETWEEN_SPACES: Final = 2.0
# The stem of such a short word is one or two letters, which unrelated words share.
_UNSTEMMED: Final = 3


@dataclass(frozen=True, slots=True)
class _Run:
    """A run of an unspaced script in a query."""

    text: str

    @property
    def width(self) -> int:
        return len(self.text)


@dataclass(frozen=True, slots=True)
class _Name:
    """A name followed by a mark in a query: C++, Objective-C++.

    Attributes:
        compounds: its parts without the mark.
        term: its last piece with the mark, as indexed for documents.
    """

    text: str
    compounds: tuple[Compound, ...]
    term: str

    @property
    def width(self) -> int:
        return sum(compound.width for compound in self.compounds)


_Element = Compound | _Run | _Name


class DefaultAnalyzer:
    """See the docstring of the module.

    Args:
        language: an ISO 639-1 code; it selects the stemmer, and the lower-casing rules for Turkish and Azerbaijani.
    """

    name = "default"
    fields = FIELDS

    def __init__(self, language: str = "en") -> None:
        self.language = language
        self._stem: Stemmer = stemmer(language)
        self._turkic = language in folding.TURKIC
        self.fingerprint = (
            f"default/{VERSION} language={language} stems={self._stem.fingerprint} "
            f"unicode={unicodedata.unidata_version}"
        )

    def __repr__(self) -> str:
        return f"<default analyzer: language {self.language!r}, stemmer {self._stem.algorithm}>"

    def split(self, text: str) -> list[str]:
        return characters.split(text)

    def terms(self, word: str) -> Terms:
        # Most words are a single one of ASCII letters, for which the other rules can be skipped.
        if word.isalpha() and word.isascii() and len(word) <= TERM_MAX:
            lower = word.lower() if word.istitle() and not self._turkic else word
            if lower.islower():
                stem = self._stem.ascii(lower) or lower if len(lower) > _UNSTEMMED else lower
                return Terms((((stem, 0),), ((lower, 0),)), 1)
        if not word:
            return NOTHING
        if unspaced.is_unspaced(word[0]):
            return _run_terms(word)
        if word.endswith(characters.MARKS_OF_NAMES):
            return self._marked_terms(word)
        stems: list[tuple[str, int]] = []
        surface: list[tuple[str, int]] = []
        width = 0
        for compound in compounds(word):
            self._add_compound(compound, width, stems, surface)
            width += compound.width
        return Terms((_unique(stems), _unique(surface)), width) if stems or surface else NOTHING

    def query(self, text: str) -> tuple[QueryWord, ...]:
        return tuple(word for cluster in self._clusters(text) for word in self._words(cluster))

    def phrase(self, text: str) -> QueryWord | None:
        elements = [element for cluster in self._clusters(text) for element in cluster]
        terms = _unique(self._placed(elements))
        return QueryWord(text, (Group(STEMS, from_zero(terms)),)) if terms else None

    def _clusters(self, text: str) -> Iterator[list[_Element]]:
        """The elements of a query: compounds, names and runs, in lists of adjacent ones."""
        cluster: list[_Element] = []
        end = -1
        for found in characters.tokens().finditer(characters.normalise(text)):
            elements: list[_Element]
            if found[1] is not None or unspaced.is_hangul(found[0][0]):
                elements = [_Run(found[0])]
            elif found[0].endswith(characters.MARKS_OF_NAMES):
                elements = [self._name(found[0])]
            else:
                elements = list(compounds(found[0]))
            for number, element in enumerate(elements):
                if cluster and (found.start() != end or number):
                    yield cluster
                    cluster = []
                cluster.append(element)
            end = found.end()
        if cluster:
            yield cluster

    def _marked_terms(self, word: str) -> Terms:
        """C++ is indexed as itself, exactly, and by the stem of C."""
        name = self._name(word)
        stems, surface = self.terms(word.rstrip("+#")).fields
        at = name.width - 1
        plain = folding.lowered(name.compounds[-1].pieces[-1], self.language)
        kept = tuple(placed for placed in surface if placed != (plain, at))
        return Terms((_unique((*stems, (name.term, at))), _unique((*kept, (name.term, at)))), name.width)

    def _name(self, word: str) -> _Name:
        bare = word.rstrip("+#")
        found = tuple(compounds(bare))
        return _Name(word, found, bounded(folding.lowered(found[-1].pieces[-1], self.language) + word[len(bare) :]))

    def _forms(self, word: str) -> tuple[str, tuple[str, ...]]:
        """The word in lower case, and its stems: with accents, and without if that differs."""
        lower = folding.lowered(word, self.language)
        if len(lower) > TERM_MAX:
            short = bounded(lower)
            return short, (short,)
        plain = folding.folded(lower) or lower
        stem = self._stemmed(lower)
        bare = stem if plain == lower else self._stemmed(plain)
        return lower, (stem,) if stem == bare else (stem, bare)

    def _stemmed(self, lower: str) -> str:
        return self._stem(lower) if len(lower) > _UNSTEMMED else lower

    def _whole(self, compound: Compound) -> tuple[str, tuple[str, ...]]:
        """The forms of a compound as a whole. A chain has no stem; its last part has one."""
        if len(compound.pieces) == 1:
            return self._forms(compound.text)
        lower = bounded(folding.lowered(compound.text, self.language).replace("\u2010", "-"))
        plain = folding.folded(lower) or lower
        return lower, (lower,) if plain == lower else (lower, plain)

    def _add_compound(
        self, compound: Compound, start: int, stems: list[tuple[str, int]], surface: list[tuple[str, int]]
    ) -> None:
        at = start
        for piece, parts in zip(compound.pieces, compound.parts):
            lower, found = self._forms(piece)
            surface.append((lower, at))
            stems.extend((stem, at) for stem in found)
            if len(parts) > 1:
                for offset, part in enumerate(parts, at):
                    stems.extend((stem, offset) for stem in self._forms(part)[1])
            at += len(parts)
        if 1 < len(compound.pieces) < characters.PIECES_MAX:
            lower, found = self._whole(compound)
            surface.append((lower, start))
            stems.extend((stem, start) for stem in found)

    def _placed(self, elements: Iterable[_Element]) -> Iterator[tuple[str, int]]:
        """Terms that a document contains, at these distances, exactly if it contains the elements in a row."""
        start = 0
        for element in elements:
            if isinstance(element, _Run):
                yield from ((term, start + offset) for term, offset in unspaced.asked(element.text))
            elif isinstance(element, _Name):
                before = [part for one in element.compounds for parts in one.parts for part in parts][:-1]
                yield from ((self._forms(part)[1][-1], at) for at, part in enumerate(before, start))
                yield element.term, start + element.width - 1
            else:
                parts = (part for parts in element.parts for part in parts)
                yield from ((self._forms(part)[1][-1], offset) for offset, part in enumerate(parts, start))
            start += element.width

    def _words(self, cluster: list[_Element]) -> Iterator[QueryWord]:
        """The query words of adjacent elements."""
        if (len(cluster) == 1 and not isinstance(cluster[0], _Run)) or _cost(cluster) > unspaced.WORD_MAX:
            yield from self._pieces(cluster)
        else:
            text = "".join(element.text for element in cluster)
            groups = [Group(STEMS, from_zero(tuple(self._placed(cluster))))]
            if all(map(unspaced.is_hangul, text)):
                groups.append(Group(SURFACE, ((text, 0),), _BETWEEN_SPACES))
            pieces = tuple(self._pieces(cluster))
            yield QueryWord(text, tuple(groups), pieces if len(pieces) > 1 else ())

    def _pieces(self, cluster: list[_Element]) -> Iterator[QueryWord]:
        for element in cluster:
            if isinstance(element, Compound):
                yield from self._compound_words(element)
            elif isinstance(element, _Name):
                yield self._name_word(element)
            else:
                for piece in unspaced.pieces(element.text):
                    yield QueryWord(piece, (Group(STEMS, unspaced.asked(piece)),))

    def _name_word(self, name: _Name) -> QueryWord:
        """Matches documents with the name itself; if there are none, those with its letters."""
        groups = (Group(STEMS, from_zero(_unique(self._placed([name])))), Group(SURFACE, ((name.term, 0),)))
        return QueryWord(name.text, groups, tuple(word for one in name.compounds for word in self._compound_words(one)))

    def _compound_words(self, compound: Compound) -> Iterator[QueryWord]:
        """A name is found as a whole or by its parts in a row; in a hyphenated word, each word also counts alone."""
        lower, stems = self._whole(compound)
        groups = [Group(STEMS, ((stem, 0),), 1 / len(stems)) for stem in stems]
        groups.append(Group(SURFACE, ((lower, 0),)))
        if compound.width == 1:
            yield QueryWord(compound.text, tuple(groups))
            return
        parts = (Compound(part, (part,), ((part,),)) for parts in compound.parts for part in parts)
        words = tuple(word for part in parts for word in self._compound_words(part))
        if compound.is_hyphenated:
            yield QueryWord(compound.text, tuple(groups))
            yield from words
        else:
            groups.append(Group(STEMS, tuple(self._placed([compound]))))
            yield QueryWord(compound.text, tuple(groups), words)


def _run_terms(word: str) -> Terms:
    """A run of Hangul is one raw word; in the other unspaced scripts, each pair is one, and takes one position."""
    if unspaced.is_hangul(word[0]):
        return Terms((tuple(unspaced.pairs(word, whole=True)), ((word, 0),)), len(word))
    return Terms((tuple(unspaced.pairs(word, whole=False)), ()), max(1, len(word) - 1))


def _cost(cluster: Iterable[_Element]) -> int:
    return sum(
        unspaced.cost(element.text) if isinstance(element, _Run) else unspaced.SPACED_COST for element in cluster
    )


def _unique(terms: Iterable[tuple[str, int]]) -> Placed:
    return tuple(dict.fromkeys(terms))
