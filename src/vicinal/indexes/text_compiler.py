"""Compiles the words of a query to the numbers of terms that postings search for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ..analyzers.base import Analyzer, Group, Placed, QueryWord
from ..errors import InvalidArgument
from .memo import Memo
from .postings import Postings, Program
from .text_query import Bm25, Clause, Idf, Scorer, TextQuery, idf

__all__ = ["AnalyzedQuery", "CompiledQuery", "QueryAnalyzer"]

_REMEMBERED_BYTES: Final = 4 << 20  # for parts of queries, and the same for phrases: a few thousand words

_Group = tuple[int, Placed]  # field, terms and their positions


@dataclass(frozen=True, slots=True)
class CompiledQuery:
    """A program, and its scoring groups with their terms."""

    program: Program
    scoring: tuple[_Group, ...]


class QueryAnalyzer:
    """Prepares queries. Thread-safe."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer
        self._words = Memo(analyzer.query, _bytes_of_words, _REMEMBERED_BYTES)
        self._phrase = Memo(analyzer.phrase, _bytes_of_phrase, _REMEMBERED_BYTES)

    def analyze(self, query: TextQuery) -> AnalyzedQuery:
        """The analyzed query, independent of the postings.

        Raises:
            InvalidArgument: weights for fields that the analyzer does not have, or that are negative.
        """
        analyzed = AnalyzedQuery()
        for clause in query.clauses:
            self._take(clause, analyzed)
        analyzed.most = query.most
        analyzed.weights = _weights(query, self._analyzer, alone=len(analyzed.scoring) == 1)
        return analyzed

    def _take(self, clause: Clause, analyzed: AnalyzedQuery) -> None:
        words = self._words(clause.text)
        if not words:
            return
        phrase = self._phrase(clause.text) if clause.phrase or (clause.sign and len(words) > 1) else None
        wanted = words if phrase is None else [phrase]
        if clause.sign == "-":
            analyzed.excluded += wanted
            return
        analyzed.scoring += words
        if clause.sign == "+":
            analyzed.required.append(wanted)
            return
        analyzed.optional += words
        if phrase is not None and len(words) > 1:
            analyzed.scoring.append(phrase)


class AnalyzedQuery:
    """The words of a query, and the weight of each field."""

    def __init__(self) -> None:
        self.weights: tuple[float, ...] = ()
        self.most: int | None = None
        self.scoring: list[QueryWord] = []
        self.optional: list[QueryWord] = []
        self.required: list[Sequence[QueryWord]] = []
        self.excluded: list[QueryWord] = []

    def compile(self, postings: Postings, scorer: Scorer) -> CompiledQuery:
        """The program for the postings in their current state."""
        return _Compiler(self, self.weights, postings, scorer).compile()


class _Compiler:
    def __init__(self, analyzed: AnalyzedQuery, weights: tuple[float, ...], postings: Postings, scorer: Scorer) -> None:
        self._analyzed = analyzed
        self._weights = weights
        self._postings = postings
        self._scorer = scorer
        words = [
            *analyzed.scoring,
            *analyzed.optional,
            *(word for some in analyzed.required for word in some),
            *analyzed.excluded,
        ]
        keys = dict.fromkeys(
            (group.field, term) for word in _with_others(words) for group in word.groups for term, _ in group.terms
        )
        found = postings.find([field for field, _ in keys], [term for _, term in keys])
        self._version, self._statistics, numbers, having = found
        self._having = {key: (number, df) for key, number, df in zip(keys, numbers, having) if df}
        self._numbers: dict[_Group, int] = {}  # of groups, in the order of their first use
        self._replaced: dict[int, Sequence[QueryWord]] = {}

    def compile(self) -> CompiledQuery:
        analyzed = self._analyzed
        kept_scoring, kept_optional = self._kept()
        scoring = self._scoring(kept_scoring)
        required = [self._groups(words) for words in analyzed.required]
        optional = self._groups(word for some in kept_optional for word in self._found(some))
        clauses = required or ([optional] if optional else [])
        excluded = self._groups(analyzed.excluded)
        weights = tuple(self._term_weights(group, weight, self._scorer.idf) for group, weight in scoring.items())
        return CompiledQuery(self._program(weights, tuple(clauses), excluded), tuple(scoring))

    def _kept(self) -> tuple[Sequence[QueryWord], Sequence[QueryWord]]:
        """The scoring words and the optional words: all, or the most significant ones if there are too many."""
        scoring, optional, most = self._analyzed.scoring, self._analyzed.optional, self._analyzed.most
        if most is None or sum(_size_of(word.groups) for word in scoring) <= most:
            return scoring, optional
        scoring, optional = list(self._candidates(scoring)), list(self._candidates(optional))
        telling = self._telling(scoring, most)
        scoring = [word for word in scoring if word.groups in telling]
        return scoring, [word for word in optional if word.groups in telling]

    def _candidates(self, words: Iterable[QueryWord]) -> Iterator[QueryWord]:
        """Words that some text may contain; `_found` checks the positions of their terms."""
        for word in words:
            if any(self._possible(word.groups)):
                yield word
            else:
                yield from self._candidates(word.otherwise)

    def _telling(self, words: Sequence[QueryWord], most: int) -> set[tuple[Group, ...]]:
        """The words that can contribute most to a score for their size, as many as allowed; ties by order in the query.

        This is the order in which Lucene's MoreLikeThis chooses terms of a text, tf * idf. The idf is not that
        of the query's scorer, so that scores and `matches` use the same words.
        """
        counts = Counter(word.groups for word in words)
        worth = {groups: -count * self._worth(groups) for groups, count in counts.items()}
        telling: set[tuple[Group, ...]] = set()
        for groups in sorted(worth, key=worth.__getitem__):
            size = _size_of(groups)
            if size <= most:
                telling.add(groups)
                most -= size
        return telling

    def _worth(self, groups: tuple[Group, ...]) -> float:
        """What a text scores for containing the word often, up to a factor, divided by the number of its parts."""
        worth = 0.0
        for group in self._possible(groups):
            weight = self._weights[group.field] * group.weight
            worth += sum(self._term_weights((group.field, group.terms), weight, "plus_one"))
        return worth / _size_of(groups)

    def _scoring(self, words: Iterable[QueryWord]) -> dict[_Group, float]:
        """Groups, and the factor for the scores of their terms."""
        found: dict[_Group, float] = {}
        for some in words:
            for word in self._found(some):
                for group in self._possible(word.groups):
                    key = group.field, group.terms
                    found[key] = found.get(key, 0.0) + self._weights[group.field] * group.weight
        for key in found:
            self._number(key)
        return found

    def _found(self, word: QueryWord) -> Sequence[QueryWord]:
        """The word, or what to search for instead if no text contains it."""
        if not word.otherwise:
            return (word,)
        known = self._replaced.get(id(word))
        if known is None:
            instead = [other for some in word.otherwise for other in self._found(some)]
            known = self._replaced[id(word)] = (word,) if self._exists(word) else instead
        return known

    def _exists(self, word: QueryWord) -> bool:
        possible = list(self._possible(word.groups))
        if any(len(group.terms) == 1 for group in possible):
            return True
        groups = tuple(self._numbered((group.field, group.terms)) for group in possible)
        program = self._program((), (tuple(range(len(groups))),), (), groups)
        return len(self._postings.search(program, 1, None)[0]) > 0

    def _possible(self, groups: Iterable[Group]) -> Iterator[Group]:
        """The groups in fields with a weight, all of whose terms are in some text."""
        for group in groups:
            if self._weights[group.field] and all((group.field, term) in self._having for term, _ in group.terms):
                yield group

    def _groups(self, words: Iterable[QueryWord]) -> tuple[int, ...]:
        found = (self._number((group.field, group.terms)) for word in words for group in self._possible(word.groups))
        return tuple(dict.fromkeys(found))

    def _number(self, group: _Group) -> int:
        return self._numbers.setdefault(group, len(self._numbers))

    def _numbered(self, group: _Group) -> tuple[tuple[int, int], ...]:
        field, terms = group
        return tuple((self._having[field, term][0], place) for term, place in terms)

    def _term_weights(self, group: _Group, weight: float, variant: Idf) -> tuple[float, ...]:
        field, terms = group
        texts = self._statistics.texts
        return tuple(weight * idf(variant, texts, self._having[field, term][1]) for term, _ in terms)

    def _program(
        self,
        weights: tuple[tuple[float, ...], ...],
        clauses: tuple[tuple[int, ...], ...],
        excluded: tuple[int, ...],
        groups: tuple[tuple[tuple[int, int], ...], ...] | None = None,
    ) -> Program:
        scorer, statistics = self._scorer, self._statistics
        return Program(
            version=self._version,
            formula="bm25" if isinstance(scorer, Bm25) else f"tf-{scorer.tf}-{scorer.norm}",
            k1=scorer.k1 if isinstance(scorer, Bm25) else 0.0,
            b=scorer.b if isinstance(scorer, Bm25) else 0.0,
            average=statistics.length / statistics.texts if statistics.length else 1.0,
            groups=tuple(map(self._numbered, self._numbers)) if groups is None else groups,
            weights=weights,
            clauses=clauses,
            excluded=excluded,
        )


def _size_of(groups: tuple[Group, ...]) -> int:
    """The number of parts of a word: the terms of its longest group."""
    return max(len(group.terms) for group in groups)


def _with_others(words: Iterable[QueryWord]) -> Iterator[QueryWord]:
    for word in words:
        yield word
        if word.otherwise:
            yield from _with_others(word.otherwise)


def _weights(query: TextQuery, analyzer: Analyzer, *, alone: bool) -> tuple[float, ...]:
    """The weight of each field.

    Args:
        alone: whether the query is a single word.
    """
    own = [field.alone if alone and field.alone is not None else field.weight for field in analyzer.fields]
    if not query.weights:
        return tuple(own)
    names = [field.name for field in analyzer.fields]
    for name, weight in query.weights.items():
        if name not in names:
            raise InvalidArgument(f"no field {name!r}; there are: {', '.join(names)}", name="weights", value=name)
        if not 0 <= weight < float("inf"):
            raise InvalidArgument(f"weight of {name!r} must be 0 or more, got {weight!r}", name="weights", value=weight)
    return tuple(float(query.weights.get(field.name, weight)) for field, weight in zip(analyzer.fields, own))


_OBJECT_BYTES: Final = 100  # the approximate size of a small Python object


def _bytes_of_words(text: str, words: Iterable[QueryWord]) -> int:
    return _OBJECT_BYTES + len(text) + sum(map(_bytes_of, words))


def _bytes_of_phrase(text: str, word: QueryWord | None) -> int:
    return _OBJECT_BYTES + len(text) + (0 if word is None else _bytes_of(word))


def _bytes_of(word: QueryWord) -> int:
    terms = [term for group in word.groups for term, _ in group.terms]
    parts = 2 + 2 * len(word.groups) + 2 * len(terms)
    return parts * _OBJECT_BYTES + len(word.text) + sum(map(len, terms)) + sum(map(_bytes_of, word.otherwise))
