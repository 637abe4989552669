"""Reference implementation of keyword and hybrid search: every row, with the formulas written out."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from support.keywords import BruteForce
from support.referee import score
from vicinal.analyzers import QueryWord, analyzer
from vicinal.contract import Syntax
from vicinal.query.keywords import parse

Id = Hashable


@dataclass(frozen=True)
class Stored:
    """A row: its text and vector, None if missing, and metadata."""

    text: str | None
    vector: Any
    metadata: Mapping[str, Any]


class Ranked:
    """All rows of a collection, in insertion order.

    Args:
        keep: whether a row matches the filter of the call.
        syntax: of queries.
    """

    def __init__(self, rows: Mapping[Id, Stored], keep: Callable[[Stored], bool], syntax: Syntax = "plain") -> None:
        self.syntax = syntax
        self.ids = [id_ for id_, row in rows.items() if row.text is not None]
        self.words = BruteForce(analyzer("default"), [row.text or "" for row in rows.values() if row.text is not None])
        self.rows = rows
        self.kept = {id_ for id_, row in rows.items() if keep(row)}

    def keyword(self, query: str) -> dict[Id, float]:
        """Returns the scores of the rows that match."""
        optional, needed, excluded = self._clauses(query)
        found = {}
        for place, id_ in enumerate(self.ids):
            has_all = all(self._has(place, words) for words in needed)
            has_one = bool(needed) or self._has(place, optional)
            if id_ in self.kept and has_all and has_one and not any(self._has(place, words) for words in excluded):
                asked = self._scoring(query)
                found[id_] = sum(
                    self.words.score(place, group, len(asked))
                    for word in asked
                    for group in word.groups
                    if self.words.has(place, group)
                )
        return found

    def admitted(self, query: str) -> set[Id]:
        """Returns the rows that match the filter, have what the query requires, and nothing that it excludes."""
        _, needed, excluded = self._clauses(query)
        places = {id_: place for place, id_ in enumerate(self.ids)}

        def passes(id_: Id) -> bool:
            if id_ not in places:
                return not needed
            place = places[id_]
            if any(self._has(place, words) for words in excluded):
                return False
            return all(self._has(place, words) for words in needed)

        return {id_ for id_ in self.kept if passes(id_)}

    def hybrid(self, query: str, vector: Any, alpha: float) -> dict[Id, float]:
        """The sum of `alpha * d` and `(1 - alpha) * w` in units of their spread, over that of the best of both."""
        admitted = self.admitted(query)
        words = {id_: value for id_, value in self.keyword(query).items() if id_ in admitted}
        dense = {
            id_: max(0.0, float(score("cosine", row.vector, vector)))
            for id_, row in self.rows.items()
            if id_ in admitted and row.vector is not None
        }
        count = min(200, max(len(dense), len(words)))
        parts = [(dense, alpha), (words, 1 - alpha)]
        units = [weight / _spread(leg, count) for leg, weight in parts]
        bests = [max(leg.values(), default=0.0) for leg, _ in parts]
        return {
            id_: sum(
                unit * _share(leg.get(id_, 0.0), best) for (leg, _), unit, best in zip(parts, units, bests, strict=True)
            )
            / sum(units)
            for id_ in dense.keys() | words.keys()
        }

    def _scoring(self, query: str) -> list[QueryWord]:
        """Returns the words that score, and phrases without a sign, which score again if they occur in sequence."""
        asked: list[QueryWord] = []
        for clause in parse(query, self.syntax).clauses:
            if clause.sign != "-":
                words = self._query(clause.text)
                asked += words
                phrase = self.words.analyzer.phrase(clause.text)
                if clause.phrase and not clause.sign and len(words) > 1 and phrase:
                    asked.append(phrase)
        return asked

    def _clauses(self, query: str) -> tuple[list[QueryWord], list[list[QueryWord]], list[list[QueryWord]]]:
        optional: list[QueryWord] = []
        needed, excluded = [], []
        for clause in parse(query, self.syntax).clauses:
            words = self._query(clause.text)
            phrase = self.words.analyzer.phrase(clause.text)
            in_a_row = phrase is not None and (clause.phrase or (bool(clause.sign) and len(words) > 1))
            if clause.sign == "-":
                excluded.append([phrase] if phrase and in_a_row else words)
            elif clause.sign == "+":
                needed.append([phrase] if phrase and in_a_row else words)
            else:
                optional += words
        return optional, needed, excluded

    def _query(self, text: str) -> list[QueryWord]:
        return list(self.words.analyzer.query(text))

    def _has(self, place: int, words: list[QueryWord]) -> bool:
        return any(self.words.has(place, group) for word in words for group in word.groups)


def _spread(leg: Mapping[Id, float], count: int) -> float:
    """Returns the spread of the best `count` over the best of all; rows that are not in the leg have 0."""
    best = max(leg.values(), default=0.0)
    values = sorted((_share(value, best) for value in leg.values()), reverse=True)[:count]
    if not values:
        return 1.0
    values += [0.0] * (count - len(values))
    return float(max(np.std(values), (values[0] - values[-1]) / 5)) or 1.0


def _share(value: float, best: float) -> float:
    return value / best if best > 0 else 0.0


def assert_ranking(hits: Any, expected: Mapping[Id, float], order: Mapping[Id, int], k: int) -> None:
    """Checks for exactly min(k, matches) hits, each with its score, best first, ties by insertion, none missing."""
    assert len(hits) == min(k, len(expected))
    assert set(hits.ids) <= set(expected)
    np.testing.assert_allclose(hits.scores, [expected[id_] for id_ in hits.ids], rtol=1e-5, atol=1e-5)
    placed = [(-np.float32(hit.score), order[hit.id]) for hit in hits]
    assert placed == sorted(placed)
    worst = min(hits.scores, default=0.0)
    assert all(value <= worst + 1e-5 for id_, value in expected.items() if id_ not in hits.ids)
