"""`HybridSearchEngine`: fuses the results of vector search and keyword search."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from vicinal.inputs import checks
from vicinal.query import fusion

from .bm25 import BM25Result
from .enums import FusionMethod
from .errors import core_call
from .fields import Attributes, Field
from .results import QueryResult

_RRF_K: Final = 60
R = TypeVar("R", QueryResult, BM25Result)
Floats = NDArray[np.float64]


class HybridSearchConfig(Attributes):
    """How two lists are fused.

    Attributes:
        vector_weight, lexical_weight: of `FusionMethod.WeightedSum`; they need not add up to 1.
        fusion: the method.
        rrf_k: of `FusionMethod.RRF`; the higher, the less the first ranks stand out.
        rerank: accepted without effect, as in pyvdb.
    """

    __slots__ = ()

    vector_weight = Field[float](checks.number, 0.7)
    lexical_weight = Field[float](checks.number, 0.3)
    fusion = Field[FusionMethod](checks.member(FusionMethod), FusionMethod.RRF)
    rrf_k = Field[int](checks.unsigned, _RRF_K)
    rerank = Field[bool](checks.flag, True)


@dataclass(frozen=True, slots=True)
class HybridResult:
    """One entry of the fused list.

    Attributes:
        id: as in the lists.
        combined_score: the list is sorted by it.
        vector_score, lexical_score: as passed in; 0.0 if a list does not have the entry.
        matched_keywords: words that the document shares with the query.
    """

    id: int = 0
    combined_score: float = 0.0
    vector_score: float = 0.0
    lexical_score: float = 0.0
    matched_keywords: list[str] = field(default_factory=list)


class HybridSearchEngine:
    """Fuses results of `VectorDatabase` and `BM25Engine`.

    Args:
        config: copied.
    """

    def __init__(self, config: HybridSearchConfig | None = None) -> None:
        if config is not None and not isinstance(config, HybridSearchConfig):
            raise TypeError(f"config must be a HybridSearchConfig, not {type(config).__name__}")
        self._config = HybridSearchConfig() if config is None else copy.copy(config)

    def combine(
        self, vector_results: list[QueryResult], lexical_results: list[BM25Result], k: int = 10
    ) -> list[HybridResult]:
        """Returns the `k` best of both lists; ties by id.

        For an id that occurs twice in a list, the last occurrence counts.
        """
        most = checks.unsigned("k", k)
        vectors = _Leg(_checked("vector_results", vector_results, QueryResult))
        words = _Leg(_checked("lexical_results", lexical_results, BM25Result))
        ids = sorted(vectors.by_id.keys() | words.by_id.keys())
        if not ids:
            return []
        with core_call():
            combined = self._fused(vectors, words, ids)
        best = np.argsort(-combined, kind="stable")[:most].tolist()  # ties: the lower id first
        return [_result(ids[at], float(combined[at]), vectors, words) for at in best]

    def _fused(self, vectors: _Leg, words: _Leg, ids: list[int]) -> Floats:
        """Returns the combined score of each id."""
        config, legs = self._config, (vectors, words)
        if config.fusion is FusionMethod.RRF:
            return _floats(fusion.reciprocal_rank([leg.ranks(ids) for leg in legs], constant=config.rrf_k))
        if config.fusion is FusionMethod.Borda:
            return _floats(fusion.borda([leg.ranks(ids) for leg in legs], [leg.length for leg in legs]))
        values = [leg.share_of_best(ids) for leg in legs]
        if config.fusion is FusionMethod.WeightedSum:
            return _floats(fusion.weighted_sum(values, [config.vector_weight, config.lexical_weight]))
        if config.fusion is FusionMethod.CombMNZ:
            return _floats(fusion.comb_mnz(values))
        return _floats(fusion.comb_sum(values))

    @staticmethod
    def weighted_sum(vec_score: float, lex_score: float, vec_weight: float) -> float:
        """`vec_weight * vec_score + (1 - vec_weight) * lex_score`."""
        weight = checks.number("vec_weight", vec_weight)
        return float(fusion.weighted_sum(_numbers(vec_score=vec_score, lex_score=lex_score), [weight, 1 - weight]))

    @staticmethod
    def reciprocal_rank_fusion(vec_rank: int, lex_rank: int, k: float) -> float:
        """`1 / (k + vec_rank) + 1 / (k + lex_rank)`.

        Raises:
            RuntimeError: k is -1 or less, or a rank leads to a division by zero.
        """
        constant = checks.number("k", k)
        ranks = [checks.unsigned("vec_rank", vec_rank), checks.unsigned("lex_rank", lex_rank)]
        if any(constant + rank == 0 for rank in ranks):
            raise RuntimeError(f"k + rank must not be zero: k is {constant:g}, the ranks are {ranks[0]} and {ranks[1]}")
        with core_call():
            return float(fusion.reciprocal_rank(ranks, constant=constant))

    @staticmethod
    def comb_sum(vec_score: float, lex_score: float) -> float:
        """`vec_score + lex_score`."""
        return float(fusion.comb_sum(_numbers(vec_score=vec_score, lex_score=lex_score)))

    @staticmethod
    def comb_mnz(vec_score: float, lex_score: float, num_systems: int) -> float:
        """`(vec_score + lex_score) * num_systems`."""
        systems = checks.unsigned("num_systems", num_systems)
        return float(fusion.comb_mnz(_numbers(vec_score=vec_score, lex_score=lex_score), systems))


class _Leg:
    """One list, by id."""

    def __init__(self, results: Sequence[Any]) -> None:
        self.length = len(results)
        self.by_id: dict[int, Any] = {result.id: result for result in results}
        self._ranks = {result.id: rank for rank, result in enumerate(results, 1)}

    def score(self, id_: int) -> float:
        return self.by_id[id_].score if id_ in self.by_id else 0.0

    def ranks(self, ids: list[int]) -> Floats:
        return np.array([self._ranks.get(id_, np.nan) for id_ in ids])

    def share_of_best(self, ids: list[int]) -> Floats:
        """Returns scores divided by the best one; unchanged if that is not above 0."""
        scores = np.array([self.score(id_) for id_ in ids], dtype=np.float64)
        best = max((result.score for result in self.by_id.values()), default=0.0)
        return fusion.over(scores, best) if best > 0 else scores


def _result(id_: int, combined: float, vectors: _Leg, words: _Leg) -> HybridResult:
    matched = list(words.by_id[id_].matched_terms) if id_ in words.by_id else []
    return HybridResult(id_, combined, vectors.score(id_), words.score(id_), matched)


def _checked(name: str, results: Any, kind: type[R]) -> list[R]:
    if isinstance(results, (str, bytes)) or not isinstance(results, Sequence):
        raise TypeError(f"{name} must be a list of {kind.__name__}, not {type(results).__name__}")
    wrong = next((result for result in results if not isinstance(result, kind)), None)
    if wrong is not None:
        raise TypeError(f"{name} must hold {kind.__name__}, not {type(wrong).__name__}")
    return list(results)


def _numbers(**given: float) -> list[float]:
    return [checks.number(name, value) for name, value in given.items()]


def _floats(values: Any) -> Floats:
    return np.asarray(values, dtype=np.float64)
