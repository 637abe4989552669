"""Principal components learned from vectors, and exact search by codes of their projection."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from support.scanning import NATIVE, REFEREE, best_of_all, bitmap, hard_cases, implementation, needs_native
from vicinal.contract import METRICS, Kernels, Metric, SavedIndex
from vicinal.filters.bitmap import pack
from vicinal.indexes import kernels as module
from vicinal.indexes.codes import SPAN_STRIDE, Scanner
from vicinal.indexes.flat import flat_index
from vicinal.indexes.kernels import NumpyKernels
from vicinal.indexes.pca import DIRECTIONS, LEARNED_FROM, SPAN, are_orthonormal, leading_directions

__all__ = ["implementation"]  # the fixture

DIM = 400
CODED: list[Metric] = ["cosine", "ip", "l2"]


def clustered(rows: int, rank: int = 60, seed: int = 0) -> Any:
    """Vectors close to a subspace of `rank` dimensions, of different lengths."""
    random = np.random.default_rng(seed)
    space = np.random.default_rng(1).standard_normal((rank, DIM))
    centres = random.standard_normal((rows // 20 + 1, rank))
    inside = np.repeat(centres, 20, axis=0)[:rows] + 0.3 * random.standard_normal((rows, rank))
    vectors = inside @ space + 0.1 * random.standard_normal((rows, DIM))
    return (vectors * random.uniform(0.5, 2, (rows, 1))).astype(np.float32)


def any_directions(dim: int) -> Any:
    turned = np.linalg.qr(np.random.default_rng(2).standard_normal((dim, DIRECTIONS)))[0]
    return np.ascontiguousarray(turned.T, dtype=np.float32)


def assert_exact(scanner: Scanner, metric: Metric, vectors: Any, queries: Any, directions: Any, chosen: Any) -> None:
    coded = scanner.encode(metric, vectors)
    coarse = scanner.lead(metric, vectors, directions)
    for query in queries:
        for k in (1, 10, 300):
            best, best_scores = best_of_all(metric, vectors, query, k, chosen)
            slots, scores = scanner.search(metric, vectors, *coded, query, k, coarse=coarse, allowed=bitmap(chosen))
            assert slots.tolist() == best.tolist()
            assert scores.tobytes() == best_scores.tobytes()


@pytest.mark.parametrize("metric", CODED)
def test_search_is_exact_in_any_directions(implementation: Scanner, metric: Metric) -> None:
    vectors = clustered(700)
    learned = leading_directions(clustered(2000, seed=3), metric)
    for directions in (learned, any_directions(DIM)):
        for share in (1.0, 0.3):
            chosen = np.random.default_rng(3).random(700) < share
            assert_exact(implementation, metric, vectors, clustered(3, seed=9), directions, chosen)


@pytest.mark.parametrize("metric", CODED)
def test_search_is_exact_in_hard_cases(implementation: Scanner, metric: Metric) -> None:
    for vectors, queries in hard_cases().values():
        times = -(-DIRECTIONS // vectors.shape[1])
        wide, asked = np.tile(vectors, (1, times)), np.tile(queries, (1, times))
        chosen = np.ones(len(wide), np.bool_)
        assert_exact(implementation, metric, wide, asked[:2], any_directions(wide.shape[1]), chosen)


@needs_native
@pytest.mark.parametrize("metric", CODED)
def test_codes_are_those_of_the_referee(metric: Metric) -> None:
    """Except for the last bits of float32 sums: a component halfway between two codes may get either."""
    assert NATIVE is not None
    vectors, directions = clustered(300), any_directions(DIM)
    native, expected = NATIVE.lead(metric, vectors, directions), REFEREE.lead(metric, vectors, directions)
    looks = [(native.codes, expected.codes), (native.further, expected.further)]
    for found, wanted in looks:
        assert found.shape == wanted.shape == (300, SPAN_STRIDE)
        for shift in (0, 4):
            apart = np.abs((found >> shift & 15).astype(int) - (wanted >> shift & 15))
            assert apart.max() <= 1
            assert (apart == 0).mean() > 0.999
    np.testing.assert_allclose(native.statistics, expected.statistics, rtol=1e-4)
    np.testing.assert_allclose(native.further_statistics, expected.further_statistics, rtol=1e-4)


def decoded(codes: Any, statistics: Any) -> Any:
    """Returns the values that the codes of a span represent."""
    return statistics[:, :1].astype(np.float64) * (np.hstack([codes & 15, codes >> 4]).astype(np.float64) - 8)


@pytest.mark.parametrize("metric", CODED)
def test_statistics_bound_what_coding_loses(implementation: Scanner, metric: Metric) -> None:
    """And not much more than that: a loose bound keeps rows that could be dropped."""
    vectors, directions = clustered(300), any_directions(DIM)
    coarse = implementation.lead(metric, vectors, directions)
    first = decoded(coarse.codes, coarse.statistics)
    both = np.hstack([first, decoded(coarse.further, coarse.further_statistics)])
    for coded, statistics in ((first, coarse.statistics), (both, coarse.further_statistics)):
        assert_bounds(metric, vectors, directions[: coded.shape[1]], coded, statistics)


def assert_bounds(metric: Metric, vectors: Any, directions: Any, coded: Any, statistics: Any) -> None:
    _, residual, length, error = statistics.astype(np.float64).T
    rows = vectors.astype(np.float64)
    if metric == "cosine":
        rows /= np.linalg.norm(rows, axis=1)[:, np.newaxis]
    inside = rows @ directions.T.astype(np.float64)
    outside = np.linalg.norm(rows - inside @ directions, axis=1)
    lost, kept = np.linalg.norm(inside - coded, axis=1), np.linalg.norm(coded, axis=1)
    assert (residual >= outside).all()
    assert (error >= lost).all()
    assert (residual <= 1.01 * outside).all()
    assert (error <= 1.01 * lost).all()
    least = (error**2 - kept**2 - residual**2) / 2 if metric == "l2" else kept
    assert (length >= least).all()
    assert (length <= least + 0.002 * np.linalg.norm(rows, axis=1) ** 2).all()


@pytest.mark.parametrize("metric", CODED)
def test_rows_that_lie_just_where_the_query_does(implementation: Scanner, metric: Metric) -> None:
    """Rows equal to the query, or nearly, inside the subspace or outside, are never dropped."""
    directions, query = any_directions(DIM), clustered(1, seed=4)[0]
    inside = (query @ directions.T) @ directions
    random = np.random.default_rng(6)
    near = query + 1e-4 * random.standard_normal((100, DIM))
    rows = np.concatenate([[query, inside, query - inside, -query], near, 0.99 * near, 1.01 * near]).astype(np.float32)
    chosen = np.ones(len(rows), np.bool_)
    assert_exact(implementation, metric, rows, [query, inside.astype(np.float32)], directions, chosen)


@needs_native
def test_they_decide() -> None:
    """Rows whose statistics claim a negative residual are dropped, in either look: so the statistics are used."""
    assert NATIVE is not None
    vectors, kept = clustered(12_000), 10_000  # more blocks kept than the best 128, which are always looked at
    coded, coarse = NATIVE.encode("ip", vectors), NATIVE.lead("ip", vectors, any_directions(DIM))
    query = vectors[11_000]
    assert NATIVE.search("ip", vectors, *coded, query, 10, coarse=coarse)[0].max() >= kept
    for statistics in (coarse.statistics, coarse.further_statistics):
        assert statistics is not None
        told = statistics.copy()
        statistics[kept:] = 0, -1e6, 0, 0
        slots, _ = NATIVE.search("ip", vectors, *coded, query, 10, coarse=coarse)
        assert slots.max() < kept
        statistics[:] = told


@pytest.mark.parametrize("dim", [300, DIM])
def test_most_of_the_length_is_in_them(dim: int) -> None:
    """And most of that in the first: there are 60 significant dimensions."""
    directions = leading_directions(clustered(5000)[:, :dim].copy(), "ip")
    assert directions is not None
    assert are_orthonormal(directions)
    others = clustered(500, seed=8)[:, :dim]
    for count in (SPAN, DIRECTIONS):
        assert np.linalg.norm(others @ directions[:count].T) > 0.995 * np.linalg.norm(others)


@pytest.mark.parametrize("metric", METRICS)
def test_nothing_is_learned_where_it_is_of_no_use(metric: Metric) -> None:
    random = np.random.default_rng(0)
    spread = random.standard_normal((3000, 1500)).astype(np.float32)
    assert leading_directions(spread, metric) is None
    assert leading_directions(clustered(3000)[:, :DIRECTIONS].copy(), metric) is None
    assert leading_directions(clustered(20), metric) is None
    assert leading_directions(np.zeros((3000, DIM), np.float32), metric) is None


def test_none_for_l1() -> None:
    assert leading_directions(clustered(5000), "l1") is None


def assert_best(exact: Any, metric: Metric, vectors: Any) -> None:
    chosen = np.ones(len(vectors), np.bool_)
    for query in clustered(3, seed=len(vectors)):
        best, scores = best_of_all(metric, vectors, query, 10, chosen)
        [(slots, found)] = exact.searcher(vectors).search(query[np.newaxis], 10, pack(chosen))
        assert slots.tolist() == best.tolist()
        assert found.tobytes() == scores.tobytes()


def saved_of(index: Any, vectors: Any) -> Any:
    """Builds an index of all these vectors and returns what is saved of it."""
    while index.build(vectors, pack(np.ones(len(vectors), np.bool_))):
        pass
    return index.save().arrays


KERNELS: list[Kernels] = [NumpyKernels(), *([module._native] if module._native else [])]


@pytest.mark.parametrize("kernels", KERNELS, ids=lambda kernels: kernels.name)
@pytest.mark.parametrize("metric", METRICS)
def test_a_collection_grows_into_them_and_is_saved(kernels: Kernels, metric: Metric) -> None:
    exact, vectors = flat_index(kernels, metric), clustered(LEARNED_FROM + 700)
    for count in (1000, LEARNED_FROM - 1, LEARNED_FROM, LEARNED_FROM + 300):
        assert_best(exact, metric, vectors[:count])
    saved = {name: array.copy() for name, array in saved_of(exact, vectors[: LEARNED_FROM + 300]).items()}
    assert ("directions" in saved) == ("leading" in saved) == (kernels.name == "native" and metric != "l1")
    for array in saved.values():
        array.flags.writeable = False
    loaded = flat_index(kernels, metric)
    loaded.load(SavedIndex(1, len(vectors), saved), vectors.shape[1])
    assert_best(loaded, metric, vectors[: LEARNED_FROM + 300])
    assert_best(loaded, metric, vectors)
    again = saved_of(loaded, vectors)
    for name, array in saved.items():
        assert again[name][: len(array)].tobytes() == array.tobytes()


@needs_native
@pytest.mark.parametrize("saved_rows", [1000, LEARNED_FROM - 64])
def test_a_file_saved_without_them_gets_them(saved_rows: int) -> None:
    vectors = clustered(LEARNED_FROM + 100)
    assert module._native is not None
    first = flat_index(module._native, "cosine")
    saved = {name: array.copy() for name, array in saved_of(first, vectors[:saved_rows]).items()}
    assert "directions" not in saved
    for array in saved.values():
        array.flags.writeable = False
    loaded = flat_index(module._native, "cosine")
    loaded.load(SavedIndex(1, len(vectors), saved), vectors.shape[1])
    assert_best(loaded, "cosine", vectors)
    assert "directions" in saved_of(loaded, vectors)


@needs_native
def test_directions_that_are_not_orthonormal_are_not_relied_on() -> None:
    vectors = clustered(LEARNED_FROM)
    assert module._native is not None
    exact = flat_index(module._native, "ip")
    saved = {name: array.copy() for name, array in saved_of(exact, vectors).items()}
    saved["directions"] *= np.float32(1.001)
    loaded = flat_index(module._native, "ip")
    loaded.load(SavedIndex(1, len(vectors), saved), vectors.shape[1])
    assert_best(loaded, "ip", vectors)


@needs_native
@pytest.mark.parametrize(
    ("name", "metric", "columns", "dim"),
    [("metric", "l1", DIM, DIM), ("metric", "dot", DIM, DIM), ("directions", "ip", DIM - 1, DIM)],
)
def test_what_does_not_fit_is_refused(name: str, metric: Any, columns: int, dim: int) -> None:
    assert NATIVE is not None
    for scanner in (NATIVE, REFEREE):
        with pytest.raises(ValueError, match=f"^{name} must "):
            scanner.lead(metric, clustered(5)[:, :dim].copy(), np.zeros((DIRECTIONS, columns), np.float32))


@needs_native
@pytest.mark.parametrize("metric", CODED)
@pytest.mark.parametrize("rank", [60, 200, 400])
def test_codes_of_another_machine_go_with_their_vectors_and_damaged_ones_do_not(metric: Metric, rank: int) -> None:
    """The reference sums in another order, like another processor."""
    vectors, slots = clustered(1200, rank), np.arange(3, 1200, 11, dtype=np.uint32)
    vectors[3] = 0
    vectors[14] *= np.float32(1e17)
    vectors[25] *= np.float32(1e-20)
    directions, (codes, statistics) = any_directions(DIM), REFEREE.encode(metric, vectors)
    coarse = REFEREE.lead(metric, vectors, directions)
    arrays: dict[str, Any] = {
        "codes": codes,
        "statistics": statistics,
        "leading": coarse.codes,
        "leading_statistics": coarse.statistics,
        "further": coarse.further,
        "further_statistics": coarse.further_statistics,
        "directions": directions,
    }

    def differing(arrays: dict[str, Any]) -> list[int]:
        assert module._native is not None
        index = flat_index(module._native, metric)
        index.load(SavedIndex(1, 1200, {name: array.ravel() for name, array in arrays.items()}), DIM)
        assert index.covered == 1200
        return index.differing(slots, vectors[slots]).tolist()

    assert differing(arrays) == []
    for name in arrays.keys() - {"directions"}:
        assert len(differing({**arrays, name: np.zeros_like(arrays[name])})) > 0.9 * len(slots), name
        one = arrays[name].copy()
        one[36] = one[3]  # of the row that is all zeros
        assert differing({**arrays, name: one}) == [36], name
