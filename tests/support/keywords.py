"""Reference implementation of keyword search: every document against every group of the query, BM25 by the formula."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from vicinal.analyzers import Analyzer, Group, joined


class BruteForce:
    """Returns all documents with a word of the query, best first, ties by position.

    BM25 of Robertson and Zaragoza (2009), with `1 +` inside the logarithm so that no term counts against a document.
    The length of a document is the sum of the widths of its words.
    """

    def __init__(self, analyzer: Analyzer, docs: Sequence[str], k1: float = 1.2, b: float = 0.75) -> None:
        self.analyzer = analyzer
        self.k1, self.b = k1, b
        self.fields = [[set(field) for field in joined(analyzer, doc)] for doc in docs]
        self.counts = [[Counter(term for term, _ in field) for field in doc] for doc in self.fields]
        self.lengths = [sum(analyzer.terms(word).width for word in analyzer.split(doc)) for doc in docs]
        self.average = sum(self.lengths) / max(1, len(docs))

    def has(self, doc: int, group: Group) -> bool:
        field = self.fields[doc][group.field]
        first = group.terms[0][0]
        starts = (at for term, at in field if term == first)
        return any(all((term, start + offset) in field for term, offset in group.terms) for start in starts)

    def idf(self, field: int, term: str) -> float:
        df = sum(term in counts[field] for counts in self.counts)
        return math.log(1 + (len(self.counts) - df + 0.5) / (df + 0.5))

    def score(self, doc: int, group: Group, words: int) -> float:
        """Returns the score of one group, in a query with this number of words."""
        field = self.analyzer.fields[group.field]
        weight = field.alone if words == 1 and field.alone is not None else field.weight
        norm = self.k1 * (1 - self.b + self.b * self.lengths[doc] / self.average)
        tfs = ((term, self.counts[doc][group.field][term]) for term, _ in group.terms)
        scores = (self.idf(group.field, term) * tf * (self.k1 + 1) / (tf + norm) for term, tf in tfs)
        return group.weight * weight * sum(scores)

    def find(self, query: str) -> list[int]:
        found: dict[int, float] = {}
        words = self.analyzer.query(query)
        for word in words:
            for group in word.groups:
                for doc in range(len(self.fields)):
                    if self.has(doc, group):
                        found[doc] = found.get(doc, 0.0) + self.score(doc, group, len(words))
        return sorted(found, key=lambda doc: (-found[doc], doc))
