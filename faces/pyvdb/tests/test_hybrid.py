"""`HybridSearchEngine`: the formulas, and lists of every shape."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyvdb import BM25Result, FusionMethod, HybridSearchConfig, HybridSearchEngine, QueryResult

# The values of pyvdb's specification for these two lists.
VECTORS = [QueryResult(1, 0.1, 0.9), QueryResult(2, 0.2, 0.8), QueryResult(3, 0.3, 0.7)]
WORDS = [BM25Result(2, 5.0, ["gold"]), BM25Result(1, 4.0, ["gold", "silver"]), BM25Result(4, 3.0, ["silver"])]
EXPECTED = {
    FusionMethod.RRF: {1: 0.032522, 2: 0.032522, 3: 0.015873, 4: 0.015873},
    FusionMethod.WeightedSum: {1: 0.94, 2: 0.922222, 3: 0.544444, 4: 0.18},
    FusionMethod.CombSUM: {1: 1.8, 2: 1.888889, 3: 0.777778, 4: 0.6},
    FusionMethod.CombMNZ: {1: 3.6, 2: 3.777778, 3: 0.777778, 4: 0.6},
    FusionMethod.Borda: {1: 5, 2: 5, 3: 1, 4: 1},
}


def engine(**settings: Any) -> HybridSearchEngine:
    config = HybridSearchConfig()
    for name, value in settings.items():
        setattr(config, name, value)
    return HybridSearchEngine(config)


@pytest.mark.parametrize("method", list(FusionMethod))
def test_the_reference_values(method: FusionMethod) -> None:
    combined = engine(fusion=method).combine(VECTORS, WORDS)
    assert {result.id: result.combined_score for result in combined} == pytest.approx(EXPECTED[method], abs=1e-6)
    order = sorted(EXPECTED[method], key=lambda id_: (-EXPECTED[method][id_], id_))
    assert [result.id for result in combined] == order
    by_id = {result.id: result for result in combined}
    assert (by_id[1].vector_score, by_id[1].lexical_score, by_id[1].matched_keywords) == (0.9, 4.0, ["gold", "silver"])
    assert (by_id[3].vector_score, by_id[3].lexical_score, by_id[3].matched_keywords) == (0.7, 0.0, [])


def test_defaults() -> None:
    config = HybridSearchConfig()
    assert (config.vector_weight, config.lexical_weight) == (0.7, 0.3)
    assert (config.fusion, config.rrf_k) == (FusionMethod.RRF, 60)
    assert HybridSearchEngine().combine(VECTORS, WORDS) == engine().combine(VECTORS, WORDS)
    assert engine(rrf_k=0).combine(VECTORS, [])[0].combined_score == 1


def test_the_config_is_copied() -> None:
    config = HybridSearchConfig()
    made = HybridSearchEngine(config)
    config.fusion = FusionMethod.Borda
    assert made.combine(VECTORS, [])[0].combined_score == pytest.approx(1 / 61)


def test_empty_lists_and_k() -> None:
    for method in FusionMethod:
        assert engine(fusion=method).combine([], []) == []
        assert [result.id for result in engine(fusion=method).combine([], WORDS)] == [2, 1, 4]
        assert [result.id for result in engine(fusion=method).combine(VECTORS, [], k=2)] == [1, 2]
        assert engine(fusion=method).combine(VECTORS, WORDS, k=0) == []


def test_an_id_that_comes_twice_counts_where_it_comes_last() -> None:
    twice = [QueryResult(1, 0.0, 1.0), QueryResult(2, 0.0, 0.5), QueryResult(1, 0.0, 0.25)]
    combined = {result.id: result for result in engine().combine(twice, [])}
    assert combined[1].combined_score == pytest.approx(1 / 63)
    assert combined[1].vector_score == 0.25


def test_scores_that_are_not_above_zero_are_divided_by_one() -> None:
    low = [QueryResult(1, 1.0, 0.0), QueryResult(2, 1.5, -0.5)]
    combined = engine(fusion=FusionMethod.CombSUM).combine(low, [])
    assert [(result.id, result.combined_score) for result in combined] == [(1, 0.0), (2, -0.5)]
    assert engine(fusion=FusionMethod.CombMNZ).combine(low, [])[1].combined_score == 0


SCORES = st.floats(-2, 2, width=32)
LISTS = st.dictionaries(st.integers(0, 12), SCORES, max_size=8)


@given(vectors=LISTS, words=LISTS, method=st.sampled_from(list(FusionMethod)), k=st.integers(0, 15))
def test_the_formulas_word_for_word(
    vectors: dict[int, float], words: dict[int, float], method: FusionMethod, k: int
) -> None:
    first = [QueryResult(id_, 1 - score, score) for id_, score in vectors.items()]
    second = [BM25Result(id_, score) for id_, score in words.items()]
    top = [max(scores.values(), default=0) for scores in (vectors, words)]
    top = [best if best > 0 else 1 for best in top]

    def expected(id_: int) -> float:
        v, w = vectors.get(id_, 0.0) / top[0], words.get(id_, 0.0) / top[1]
        ranks = [list(scores).index(id_) + 1 if id_ in scores else None for scores in (vectors, words)]
        if method is FusionMethod.WeightedSum:
            return 0.7 * v + 0.3 * w
        if method is FusionMethod.CombSUM:
            return v + w
        if method is FusionMethod.CombMNZ:
            return (v + w) * ((v > 0) + (w > 0))
        if method is FusionMethod.RRF:
            return sum(1 / (60 + rank) for rank in ranks if rank is not None)
        sizes = (len(vectors), len(words))
        return sum(size - rank + 1 for size, rank in zip(sizes, ranks, strict=True) if rank is not None)

    combined = engine(fusion=method).combine(first, second, k)
    everything = {id_: expected(id_) for id_ in vectors.keys() | words.keys()}
    assert len(combined) == min(k, len(everything))
    for result in combined:
        assert result.combined_score == pytest.approx(everything[result.id], abs=1e-9)
    scores = [(-result.combined_score, result.id) for result in combined]
    assert scores == sorted(scores)
    left_out = everything.keys() - {result.id for result in combined}
    if combined and left_out:
        assert max(everything[id_] for id_ in left_out) <= combined[-1].combined_score + 1e-9


def test_static_functions_take_raw_numbers() -> None:
    assert HybridSearchEngine.weighted_sum(0.9, 5.0, 0.7) == pytest.approx(0.7 * 0.9 + 0.3 * 5)
    assert HybridSearchEngine.weighted_sum(vec_score=2, lex_score=4, vec_weight=0.5) == 3
    assert HybridSearchEngine.reciprocal_rank_fusion(1, 2, 60) == pytest.approx(1 / 61 + 1 / 62)
    by_name = HybridSearchEngine.reciprocal_rank_fusion(vec_rank=0, lex_rank=1, k=60.5)
    assert by_name == pytest.approx(1 / 60.5 + 1 / 61.5)
    assert HybridSearchEngine.comb_sum(0.9, 5.0) == pytest.approx(5.9)
    assert HybridSearchEngine.comb_mnz(0.9, 5.0, 2) == pytest.approx(11.8)
    assert HybridSearchEngine.comb_mnz(vec_score=1.0, lex_score=0.0, num_systems=1) == 1
    for call in (
        lambda: HybridSearchEngine.reciprocal_rank_fusion(0, 1, 0),
        lambda: HybridSearchEngine.reciprocal_rank_fusion(1, 1, -3.5),
    ):
        with pytest.raises(RuntimeError):
            call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: HybridSearchEngine("config"),
        lambda: HybridSearchEngine().combine(WORDS, VECTORS),
        lambda: HybridSearchEngine().combine("x", []),
        lambda: HybridSearchEngine().combine([1], []),
        lambda: HybridSearchEngine().combine([], [], k=-1),
        lambda: HybridSearchEngine.comb_sum("1", 2.0),
        lambda: HybridSearchEngine.comb_mnz(1.0, 2.0, 1.5),
        lambda: HybridSearchEngine.reciprocal_rank_fusion(1.5, 1, 60),
    ],
)
def test_wrong_types_are_type_errors(call: Any) -> None:
    with pytest.raises(TypeError):
        call()
