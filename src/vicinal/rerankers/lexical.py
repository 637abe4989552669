"""Reranking by words: BM25 among the candidates themselves, and the proximity of the query's words.

Words that all candidates contain do not distinguish them, so idf and lengths are computed over the candidates. Words
close together mean more than words far apart: T. Tao and C. Zhai, "An exploration of proximity measures in information
retrieval", SIGIR 2007, equation 3 with the shortest distance of two different words of the query:

    ln(alpha + exp(-distance)), alpha = 0.3

which is added if a text has two of them. It needs no model, and a text of a thousand words takes a millisecond.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from ..analyzers import Analyzer, analyzer
from ..analyzers.base import joined
from ..contract import FloatVector
from ..indexes.kernels import kernels
from ..indexes.text import TextIndex
from ..indexes.text_query import TextQuery

__all__ = ["LexicalReranker"]

_ALPHA: Final = 0.3


class LexicalReranker:
    """See `contract.Reranker`.

    Args:
        language: language of the texts, such as "de".
    """

    name = "lexical"

    def __init__(self, language: str = "en") -> None:
        self._analyzer: Analyzer = analyzer("default", language=language)

    def rerank(self, query: str, texts: Sequence[str]) -> FloatVector:
        """See `Reranker.rerank`. Scores are at least 0; a text without any word of the query scores 0."""
        if not texts:
            return np.empty(0, dtype=np.float32)
        index = TextIndex(self._analyzer, kernels())
        index.add(np.arange(len(texts), dtype=np.uint32), texts)
        slots = np.arange(len(texts), dtype=np.uint32)
        scores = index.score(TextQuery.of(*query.split()), slots).astype(np.float64)
        terms = self._terms(query)
        nearness = [_nearness(joined(self._analyzer, text)[0], terms) if len(terms) > 1 else 0.0 for text in texts]
        found: FloatVector = (scores + np.array(nearness)).astype(np.float32)
        return found

    def _terms(self, query: str) -> frozenset[str]:
        """Returns the terms of the first field."""
        return frozenset(
            term
            for word in self._analyzer.query(query)
            for group in word.groups
            if group.field == 0
            for term, _ in group.terms
        )


def _nearness(placed: Sequence[tuple[str, int]], terms: frozenset[str]) -> float:
    """Returns the proximity of the two closest different terms; 0 if there are fewer than two."""
    nearest: int | None = None
    last: dict[str, int] = {}
    for term, place in sorted((one for one in placed if one[0] in terms), key=lambda one: one[1]):
        for other, before in last.items():
            if other != term and before != place and (nearest is None or place - before < nearest):
                nearest = place - before
        last[term] = place
    if nearest is None:
        return 0.0
    return math.log(_ALPHA + math.exp(-float(nearest))) - math.log(_ALPHA)  # above 0: distant terms cost nothing
