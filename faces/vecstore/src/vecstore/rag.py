"""RAG tools: those of the engine, and rank fusion for the results of this package."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from vicinal.inputs import checks
from vicinal.rag import (
    CodeTextSplitter,
    ConversationMemory,
    MarkdownTextSplitter,
    PromptTemplate,
    RecursiveCharacterTextSplitter,
    fused,
)

from .results import SearchResult

__all__ = [
    "CodeTextSplitter",
    "ConversationMemory",
    "MarkdownTextSplitter",
    "MultiQueryRetrieval",
    "PromptTemplate",
    "RecursiveCharacterTextSplitter",
]


class MultiQueryRetrieval:
    """Fuses the results for several wordings of a question."""

    @staticmethod
    def reciprocal_rank_fusion(result_sets: Iterable[Sequence[SearchResult]], k: float) -> list[SearchResult]:
        """Fuses several rankings, best first; the score is the sum of `1 / (rank + k)`, with ranks from 0.

        Source: G. Cormack, C. Clarke and S. Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank
        learning methods", SIGIR 2009, who count ranks from 1.

        Args:
            result_sets: the results of `query` for each wording. Results with the same id are merged, with the metadata
                of the first.
            k: the constant of the formula, usually 60; not a number of results.

        Raises:
            ValueError: `k` is not above 0.
            TypeError: these are not lists of results.
        """
        constant = checks.number("k", k)
        if not 0 < constant < math.inf:
            raise ValueError(
                f"k must be above 0 and finite, not {constant}: it is the constant of the formula, usually 60"
            )
        found = fused(result_sets, constant, first_rank=0)
        return [SearchResult(result.id, score, result.metadata) for result, score in found]
