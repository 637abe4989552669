"""What stands between documents and a language model: the engine's tools, and fusion of this package's results."""

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
    """One ranking of the answers to several wordings of a question."""

    @staticmethod
    def reciprocal_rank_fusion(result_sets: Iterable[Sequence[SearchResult]], k: float) -> list[SearchResult]:
        """All results of several rankings, best first; the score is the sum of `1 / (rank + k)`, ranks from 0.

        Source: G. Cormack, C. Clarke and S. Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank
        learning methods", SIGIR 2009, who count ranks from 1.

        Args:
            result_sets: what `query` gave for each wording. Results of one id are one; metadata is that of the first.
            k: the constant of the formula, usually 60; not a number of results.

        Raises:
            ValueError: `k` is not above 0.
            TypeError: these are no lists of results.
        """
        constant = checks.number("k", k)
        if not 0 < constant < math.inf:
            raise ValueError(
                f"k must be above 0 and finite, not {constant}: it is the constant of the formula, usually 60"
            )
        found = fused(result_sets, constant, first_rank=0)
        return [SearchResult(result.id, score, result.metadata) for result, score in found]
