"""The text index: from texts to the best rows for a query. It handles analysis and queries; `postings` the rest."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..analyzers.base import Analyzer
from ..contract import Bitmap, FloatVector, Kernels, Slots
from ..locks import new_rlock
from .kernels import NativeKernels
from .postings import Analysed, Postings, Program, Stale
from .postings_native import NativePostings
from .postings_numpy import NumpyPostings, parts
from .postings_saved import renumbered
from .text_compiler import CompiledQuery, QueryAnalyzer
from .text_query import DEFAULT_SCORER, Scorer, TextQuery

__all__ = ["Contribution", "MatchableTerm", "TextIndex", "postings_for"]

_BATCH: Final = 8192  # texts analyzed before they are added to the postings
_VOCABULARY_MAX: Final = 1 << 18  # distinct words cached at a time
_TRIES: Final = 3  # before a search blocks writers

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Contribution:
    """The contribution of one term of a query to a row's score.

    Attributes:
        field: name of the field.
        term: as produced by the analyzer.
        count: how often the row contains it; never 0.
        weight: field weight times idf times count in the query.
        score: the contribution.
    """

    field: str
    term: str
    count: int
    weight: float
    score: float


@dataclass(frozen=True, slots=True)
class MatchableTerm:
    """A term of a query's words.

    Attributes:
        field: name of the field.
        term: as produced by the analyzer.
        having: how many texts contain it.
        texts: the number of texts.
        weight: as in `Contribution`; 0 if it does not score, usually because no text contains it.
    """

    field: str
    term: str
    having: int
    texts: int
    weight: float


class TextIndex:
    """The postings of the texts of one collection, and their analyzer.

    One writer at a time calls `add`, `remove`, `save` and `load` (they exclude each other); any number of threads may
    call everything else meanwhile. A search sees the texts before or after each batch of a running `add`.
    """

    def __init__(self, analyzer: Analyzer, kernels: Kernels) -> None:
        self._analyzer = analyzer
        self._postings = postings_for(kernels, len(analyzer.fields))
        self._writing = new_rlock()
        self._vocabulary = _Vocabulary(analyzer, self._postings)
        self._queries = QueryAnalyzer(analyzer)
        self._last = threading.local()  # `compiled`: a query, its scorer and its program

    @property
    def slot_count(self) -> int:
        """Slots from here on are not covered yet."""
        return self._postings.slot_count

    def add(self, slots: Slots, texts: Sequence[str | None], slot_count: int | None = None) -> None:
        """Adds the texts of new slots.

        Args:
            slots: uint32, ascending, none below `self.slot_count`. Slots that are left out can never have a text.
            texts: one per slot; None for none. An empty text counts as a text.
            slot_count: slots below it are covered afterwards; by default up to the last of `slots`.

        Raises:
            ValueError: slots that are covered or not ascending; earlier batches of the call may have been added.
        """
        with self._writing:
            if slot_count is None:
                slot_count = int(slots[-1]) + 1 if len(slots) else self.slot_count
            for start in range(0, len(slots), _BATCH):
                end = min(start + _BATCH, len(slots))
                covered = slot_count if end == len(slots) else int(slots[end - 1]) + 1
                self._add(slots[start:end], texts[start:end], covered)
            if not len(slots) and slot_count > self.slot_count:
                self._add(slots, (), slot_count)

    def _add(self, slots: Slots, texts: Sequence[str | None], slot_count: int) -> None:
        if self._vocabulary.is_spent():
            self._vocabulary = _Vocabulary(self._analyzer, self._postings)
        vocabulary = self._vocabulary
        chosen = [i for i, text in enumerate(texts) if text is not None]
        try:
            analysed = vocabulary.analyse([text for text in texts if text is not None])
            taken = slots if len(chosen) == len(slots) else np.ascontiguousarray(slots[chosen])
            self._postings.add(taken, analysed, slot_count)
        except BaseException:
            self._vocabulary = _Vocabulary(self._analyzer, self._postings)  # a new one: its arrays may still be in use
            raise

    def remove(self, slots: Slots) -> None:
        """Removes the texts of slots (uint32): they are not found and not counted any more. Other slots are ignored.

        Terms that no text contains any more stay in the dictionary until the next `save`.
        """
        with self._writing:
            self._postings.remove(slots)

    def search(
        self, query: TextQuery, k: int, allowed: Bitmap | None = None, *, scorer: Scorer = DEFAULT_SCORER
    ) -> tuple[Slots, FloatVector]:
        """The best min(k, matches) rows.

        Args:
            query: see `TextQuery`.
            k: 0 or more.
            allowed: which slots may be found, one bit each; not those past its end. None allows every slot.
            scorer: how rows are scored. idf and average lengths are those of all texts, whatever `allowed` is.

        Returns:
            Slots, uint32, and scores, float32: best first, equal scores by slot.

        Raises:
            InvalidArgument: weights for fields that the analyzer does not have, or that are negative.
        """
        return self._run(query, scorer, lambda program: self._postings.search(program, k, allowed))

    def score(self, query: TextQuery, slots: Slots, *, scorer: Scorer = DEFAULT_SCORER) -> FloatVector:
        """Scores of given slots, float32, bit-identical to those of `search`; 0 without any of the words."""
        return self._run(query, scorer, lambda program: self._postings.score(program, slots))

    def matches(self, query: TextQuery, allowed: Bitmap | None = None) -> Bitmap:
        """All rows that match, uint64, shape (ceil(slot_count / 64),)."""
        return self._run(query, DEFAULT_SCORER, lambda program: self._postings.matches(program, allowed))

    def explain(self, query: TextQuery, slot: int, *, scorer: Scorer = DEFAULT_SCORER) -> list[Contribution]:
        """The contribution of each term of the query to the score of a slot; absent terms are left out."""
        names = [field.name for field in self._analyzer.fields]

        def explained(compiled: CompiledQuery) -> list[Contribution]:
            length, counts = self._postings.occurrences(compiled.program, slot)
            return [
                Contribution(names[field], term, count, weight, weight * part(compiled.program, count, length))
                for (field, terms), weights, found in zip(compiled.scoring, compiled.program.weights, counts)
                for (term, _), weight, count in zip(terms, weights, found)
            ]

        return self._run_compiled(query, scorer, explained)

    def terms(self, query: TextQuery, *, scorer: Scorer = DEFAULT_SCORER) -> list[MatchableTerm]:
        """The terms of a query, each once, with the number of texts that contain them: first those that score."""
        names = [field.name for field in self._analyzer.fields]
        words = self._queries.analyze(query).scoring

        def asked(compiled: CompiledQuery) -> list[MatchableTerm]:
            weights: dict[tuple[int, str], float] = {}
            for (field, terms), own in zip(compiled.scoring, compiled.program.weights):
                for (term, _), weight in zip(terms, own):
                    weights[field, term] = weights.get((field, term), 0.0) + weight
            for word in words:
                for group in word.groups:
                    for term, _ in group.terms:
                        weights.setdefault((group.field, term), 0.0)
            found_in, found_terms = [field for field, _ in weights], [term for _, term in weights]
            version, statistics, _, having = self._postings.find(found_in, found_terms)
            if version != compiled.program.version:
                raise Stale
            return [
                MatchableTerm(names[field], term, count, statistics.texts, weight)
                for ((field, term), weight), count in zip(weights.items(), having)
            ]

        return self._run_compiled(query, scorer, asked)

    def matched_terms(self, query: TextQuery, slot: int) -> list[str]:
        """Terms of the query in a row, each once, in the order of the query, stems and surface forms alike."""
        return list(dict.fromkeys(found.term for found in self.explain(query, slot)))

    def _run(self, query: TextQuery, scorer: Scorer, run: Callable[[Program], T]) -> T:
        return self._run_compiled(query, scorer, lambda compiled: run(compiled.program))

    def _run_compiled(self, query: TextQuery, scorer: Scorer, run: Callable[[CompiledQuery], T]) -> T:
        last = getattr(self._last, "compiled", None)
        if last is not None and last[0] is query and last[1] is scorer:  # a fused search calls this three times
            try:
                return run(last[2])
            except Stale:
                pass
        analyzed = self._queries.analyze(query)
        for _ in range(_TRIES):
            compiled = analyzed.compile(self._postings, scorer)
            self._last.compiled = query, scorer, compiled
            try:
                return run(compiled)
            except Stale:
                continue
        with self._writing:
            return run(analyzed.compile(self._postings, scorer))

    def save(self) -> dict[str, NDArray[Any]]:
        """The whole index as one-dimensional arrays, for `load`; not to be written to.

        Removed texts leave no trace in it.
        """
        with self._writing:
            arrays = self._postings.save()
        return arrays | {"analyzer": np.frombuffer(self._analyzer.fingerprint.encode(), np.uint8)}

    @staticmethod
    def renumbered(arrays: Mapping[str, NDArray[Any]], new_slots: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """The result of `save`, for the same texts at other slots: see `postings_saved.renumbered`."""
        return renumbered(arrays, new_slots)

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Restores the result of `save`. The arrays may be mapped and read-only, and are read in place.

        Raises:
            ValueError: another analyzer or format, or inconsistent arrays; nothing has changed.
        """
        analyzer = arrays["analyzer"].tobytes() if "analyzer" in arrays else b""
        if analyzer != self._analyzer.fingerprint.encode():
            raise ValueError(f"the saved index is of analyzer {analyzer.decode(errors='replace')!r}")
        with self._writing:
            self._postings.load(arrays)


def postings_for(kernels: Kernels, fields: int) -> Postings:
    """The postings for these kernels."""
    return NativePostings(kernels.core, fields) if isinstance(kernels, NativeKernels) else NumpyPostings(fields)


def part(program: Program, count: int, length: int) -> float:
    """The formula of one posting, without the weight."""
    return float(parts(program, np.array([count]), np.array([float(length)]))[0])


class _Vocabulary(dict[str, int]):
    """Numbers of words, each analyzed when first seen, and their terms."""

    def __init__(self, analyzer: Analyzer, postings: Postings) -> None:
        super().__init__()
        self._analyzer = analyzer
        self._postings = postings
        self._numbering = postings.numbering
        self._term_ends, self._terms = array("Q"), array("I")
        self._offsets, self._widths = array("I"), array("I")
        self._new_fields: list[int] = []  # of terms that have no number yet
        self._new_terms: list[str] = []

    def is_spent(self) -> bool:
        """Whether to start over: it is large, or terms were renumbered."""
        return len(self) > _VOCABULARY_MAX or self._numbering != self._postings.numbering

    def __missing__(self, word: str) -> int:
        found = self._analyzer.terms(word)
        for field, terms in enumerate(found.fields):
            for term, offset in terms if len(terms) == 1 else sorted(terms, key=itemgetter(1)):
                if offset >= found.width:
                    raise ValueError(f"{term!r} of word {word!r} stands behind the word")
                self._new_fields.append(field)
                self._new_terms.append(term)
                self._offsets.append(offset)
        self._term_ends.append(len(self._offsets))
        self._widths.append(found.width)
        self[word] = number = len(self)
        return number

    def analyse(self, texts: Sequence[str]) -> Analysed:
        """The analyzed texts, as views of arrays that must not be used after the next call."""
        words, ends = array("I"), array("Q")
        split, number = self._analyzer.split, self.__getitem__
        for text in texts:
            words.extend(map(number, split(text)))
            ends.append(len(words))
        self._terms.extend(self._postings.intern(self._new_fields, self._new_terms))
        self._new_fields, self._new_terms = [], []
        return Analysed(
            words=_view(words, np.uint32),
            ends=_view(ends, np.uint64),
            term_ends=_view(self._term_ends, np.uint64),
            terms=_view(self._terms, np.uint32),
            offsets=_view(self._offsets, np.uint32),
            widths=_view(self._widths, np.uint32),
        )


def _view(values: array[int], dtype: type) -> NDArray[Any]:
    return np.frombuffer(values, dtype) if values else np.zeros(0, dtype)
