"""Exact search over codes compared with scoring every row, at every SIMD level of this machine."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from support.scanning import (
    FLOAT32,
    LEVELS,
    NATIVE,
    REFEREE,
    best_of_all,
    bitmap,
    hard_cases,
    implementation,
    needs_native,
    normal,
)
from vicinal.contract import METRICS, Metric
from vicinal.indexes import kernels as module
from vicinal.indexes.codes import DIM_MAX, NativeScanner, NumpyScanner, Scanner, code_shape, scanner
from vicinal.indexes.kernels import NumpyKernels

__all__ = ["implementation"]  # the fixture

DIMS = [1, 2, 3, 7, 8, 9, 31, 63, 64, 65, 127, 128, 129, 384, 1001, 4096]


def assert_exact(
    implementation: Scanner, metric: Metric, vectors: Any, queries: Any, k: int, chosen: Any = None
) -> None:
    """One query and many, with a bitmap and without, with one thread and several."""
    codes, statistics = implementation.encode(metric, vectors)
    coarse = implementation.coarsen(metric, vectors.shape[1], codes, statistics)
    allowed = None if chosen is None else bitmap(chosen)
    chosen = np.ones(len(vectors), np.bool_) if chosen is None else chosen
    many = implementation.search_many(
        metric, vectors, codes, statistics, queries, k, allowed=allowed, threads=1 + k % 3
    )
    for query, slots, scores, count in zip(queries, *many, strict=True):
        best, best_scores = best_of_all(metric, vectors, query, k, chosen)
        one, one_scores = implementation.search(metric, vectors, codes, statistics, query, k, allowed=allowed)
        halved = implementation.search(metric, vectors, codes, statistics, query, k, coarse=coarse, allowed=allowed)
        assert halved[0].tolist() == best.tolist()
        assert halved[1].tobytes() == best_scores.tobytes()
        assert count == len(best)
        assert one.tolist() == slots[:count].tolist() == best.tolist()
        assert one_scores.tobytes() == scores[:count].tobytes() == best_scores.tobytes()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dim", DIMS)
def test_search_is_exact_in_every_dimension(implementation: Scanner, metric: Metric, dim: int) -> None:
    for rows, k in ((1, 1), (63, 5), (64, 64), (65, 3), (700, 10)):
        assert_exact(implementation, metric, normal(rows, dim), normal(3, dim), k)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("share", [0, 0.002, 0.07, 0.5, 0.98, 1])
def test_search_is_exact_with_bitmaps_of_any_density(implementation: Scanner, metric: Metric, share: float) -> None:
    rows = 2000
    chosen = np.random.default_rng(3).random(rows) < share
    for k in (0, 1, 10, 500, rows + 5):
        assert_exact(implementation, metric, normal(rows, 24), normal(2, 24), k, chosen)


@pytest.mark.parametrize("metric", METRICS)
def test_search_is_exact_in_hard_cases(implementation: Scanner, metric: Metric) -> None:
    for vectors, queries in hard_cases().values():
        for k in (1, 10, 100):
            assert_exact(implementation, metric, vectors, queries, k)


finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
few_values = st.sampled_from([-1.0, 0.0, 1.0, 2.0, 3.0])
near_ties = st.integers(-4, 4).map(lambda i: 1 + i * float(FLOAT32.eps))


@st.composite
def problems(draw: st.DrawFn) -> tuple[Any, Any, int, Any]:
    rows, dim = draw(st.integers(1, 150)), draw(st.integers(1, 20))
    elements = draw(st.sampled_from([finite, few_values, near_ties]))
    vectors = draw(arrays.arrays(np.float32, (rows, dim), elements=elements))
    queries = draw(arrays.arrays(np.float32, (2, dim), elements=elements))
    chosen = draw(st.none() | arrays.arrays(np.bool_, rows))
    return vectors, queries, draw(st.integers(0, rows + 2)), chosen


@needs_native
@settings(max_examples=60, deadline=None)
@given(problems())
def test_search_is_exact(problem: tuple[Any, Any, int, Any]) -> None:
    assert NATIVE is not None
    assert module._native is not None
    vectors, queries, k, chosen = problem
    before = module._native.level
    try:
        for level in LEVELS:
            module._native.use_level(level)
            for metric in METRICS:
                assert_exact(NATIVE, metric, vectors, queries, k, chosen)
    finally:
        module._native.use_level(before)


def assert_bounds_hold(metric: Metric, vectors: Any, codes: Any, statistics: Any) -> None:
    """Lengths and errors are at least the true ones, computed in higher precision if available."""
    rows = vectors.astype(np.longdouble)
    if metric == "cosine":
        lengths = np.sqrt(np.square(rows).sum(axis=1))
        rows = np.divide(rows, lengths[:, None], out=np.zeros_like(rows), where=lengths[:, None] > 0)
    step, lowest, length, error = statistics.astype(np.longdouble).T
    coded = lowest[:, None] + step[:, None] * codes[:, : rows.shape[1]]
    true_error, true_length = (np.sqrt(np.square(part).sum(axis=1)) for part in (rows - coded, coded))
    assert (error >= true_error).all()
    if metric == "l2":
        assert (length >= (error**2 - true_length**2) / 2).all()
    else:
        assert (length >= true_length).all()


@pytest.mark.parametrize("metric", ["cosine", "ip", "l2"])
def test_statistics_bound_what_coding_loses(implementation: Scanner, metric: Metric) -> None:
    for vectors, _ in hard_cases().values():
        assert_bounds_hold(metric, vectors, *implementation.encode(metric, vectors))


@pytest.mark.parametrize("metric", ["cosine", "ip", "l2"])
def test_so_do_those_of_coarse_codes(implementation: Scanner, metric: Metric) -> None:
    for vectors, _ in hard_cases().values():
        dim = vectors.shape[1]
        coarse, statistics = implementation.coarsen(metric, dim, *implementation.encode(metric, vectors))[:2]
        known = np.isfinite(statistics).all(axis=1)
        halves = np.zeros((len(vectors), coarse.shape[1] // 64, 2, 64), np.uint8)
        halves[:, :, 0] = (coarse & 15).reshape(len(vectors), -1, 64)
        halves[:, :, 1] = (coarse >> 4).reshape(len(vectors), -1, 64)
        assert_bounds_hold(metric, vectors[known], halves.reshape(len(vectors), -1)[known], statistics[known])


@needs_native
@pytest.mark.parametrize("metric", METRICS)
def test_coarse_codes_are_the_same_bytes(metric: Metric) -> None:
    assert NATIVE is not None
    for vectors in [vectors for vectors, _ in hard_cases().values()] + [normal(9, dim) for dim in DIMS]:
        coded = REFEREE.encode(metric, vectors)
        dim = vectors.shape[1]
        for native, expected in zip(NATIVE.coarsen(metric, dim, *coded)[:2], REFEREE.coarsen(metric, dim, *coded)[:2]):
            assert native.shape == expected.shape
            assert native.dtype == expected.dtype
            assert native.tobytes() == expected.tobytes()


@needs_native
@pytest.mark.parametrize("metric", METRICS)
def test_codes_are_the_same_bytes(metric: Metric) -> None:
    assert NATIVE is not None
    cases = [vectors for vectors, _ in hard_cases().values()] + [normal(9, dim) for dim in DIMS] + [normal(0, 5)]
    for vectors in cases:
        for native, expected in zip(NATIVE.encode(metric, vectors), REFEREE.encode(metric, vectors), strict=True):
            assert native.dtype == expected.dtype
            assert native.shape == expected.shape
            assert native.tobytes() == expected.tobytes()


def test_codes_are_small_and_their_errors_too(implementation: Scanner) -> None:
    codes, statistics = implementation.encode("cosine", normal(50, 384))
    assert codes.shape == (50, *code_shape("cosine", 384)[:1]) == (50, 384)
    assert statistics.shape == (50, 4)
    assert (statistics[:, 3] < 0.01).all()


@pytest.mark.parametrize("metric", METRICS)
def test_a_row_is_coded_by_itself(implementation: Scanner, metric: Metric) -> None:
    vectors = normal(70, 33)
    codes, statistics = implementation.encode(metric, vectors)
    for start in (0, 17, 69):
        part, part_statistics = implementation.encode(metric, vectors[start:])
        assert part.tobytes() == codes[start:].tobytes()
        assert part_statistics.tobytes() == statistics[start:].tobytes()


@pytest.mark.parametrize("metric", METRICS)
def test_rows_after_count_are_left_alone(implementation: Scanner, metric: Metric) -> None:
    vectors, query = normal(200, 16), normal(16)
    codes, statistics = implementation.encode(metric, vectors)
    allowed = bitmap(np.ones(200, np.bool_))
    for count in (0, 1, 64, 100):
        slots, _ = implementation.search(metric, vectors, codes, statistics, query, 999, allowed=allowed, count=count)
        assert sorted(slots.tolist()) == list(range(count))


@needs_native
def test_a_wrong_answer_is_noticed() -> None:
    """The screen does work: with statistics that claim no error and no length, it drops rows."""
    assert NATIVE is not None
    vectors, query = normal(2000, 16), normal(16)
    codes, statistics = NATIVE.encode("ip", vectors)
    statistics[100:] = 0
    slots, _ = NATIVE.search("ip", vectors, codes, statistics, query, 10)
    assert slots.max() < 100


@needs_native
def test_memory_does_not_grow_with_ties() -> None:
    """Among equal rows everything is a candidate: they are scored along the way, each once."""
    assert NATIVE is not None
    vectors = np.repeat(normal(1, 8), 300_000, axis=0)
    codes, statistics = NATIVE.encode("cosine", vectors)
    start = time.perf_counter()
    slots, _ = NATIVE.search("cosine", vectors, codes, statistics, normal(8), 10)
    assert time.perf_counter() - start < 5
    assert slots.tolist() == list(range(10))


GOOD: dict[str, Any] = {
    "vectors": normal(5, 8),
    "codes": np.zeros((5, 64), np.uint8),
    "statistics": np.zeros((5, 4), np.float32),
    "queries": normal(2, 8),
    "k": 3,
}
BAD: list[tuple[str, dict[str, Any]]] = [
    ("vectors", {"vectors": normal(5, 8).astype(np.float64)}),
    ("vectors", {"count": 6}),
    ("codes", {"codes": np.zeros((4, 64), np.uint8)}),
    ("codes", {"codes": np.zeros((5, 128), np.uint8)}),
    ("codes", {"codes": np.zeros((5, 64), np.int8)}),
    ("codes", {"codes": None}),
    ("statistics", {"statistics": np.zeros((5, 3), np.float32)}),
    ("statistics", {"statistics": np.zeros((5, 8), np.float32)[:, ::2]}),
    ("queries", {"queries": normal(2, 9)}),
    ("queries", {"queries": normal(8)}),
    ("allowed", {"allowed": np.zeros(0, np.uint64)}),
    ("allowed", {"allowed": np.ones(5, np.bool_)}),
    ("metric", {"metric": "dot"}),
]


@pytest.mark.parametrize(("name", "change"), BAD)
def test_arrays_that_do_not_fit_are_refused(implementation: Scanner, name: str, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{name} must "):
        implementation.search_many(**{"metric": "ip", **GOOD, **change})


def test_too_many_dimensions_are_refused(implementation: Scanner) -> None:
    with pytest.raises(ValueError, match=rf"at most {DIM_MAX} components, got {DIM_MAX + 1}"):
        implementation.encode("ip", np.zeros((1, DIM_MAX + 1), np.float32))


@pytest.mark.parametrize("metric", METRICS)
def test_the_most_dimensions_do_not_overflow(implementation: Scanner, metric: Metric) -> None:
    vectors = np.ones((70, DIM_MAX), np.float32)
    vectors[:, 0] = np.arange(-70, 0)
    assert_exact(implementation, metric, vectors, vectors[3:4].copy(), 2)


def test_read_only_arrays_are_enough(implementation: Scanner) -> None:
    vectors = normal(100, 8)
    given_arrays = (vectors, *implementation.encode("l2", vectors), vectors[7])
    for array in given_arrays:
        array.flags.writeable = False
    assert implementation.search("l2", *given_arrays, 1)[0].tolist() == [7]


@needs_native
def test_searches_in_threads_while_levels_change() -> None:
    assert NATIVE is not None
    assert module._native is not None
    vectors, queries = normal(3000, 48), normal(8, 48)
    codes, statistics = NATIVE.encode("cosine", vectors)
    expected = REFEREE.search_many("cosine", vectors, codes, statistics, queries, 5)
    stop, before, wrong = threading.Event(), module._native.level, []

    def search_until_stopped() -> None:
        assert NATIVE is not None
        while not stop.is_set():
            found = NATIVE.search_many("cosine", vectors, codes, statistics, queries, 5, threads=2)
            wrong.extend(a for a, b in zip(found, expected, strict=True) if a.tobytes() != b.tobytes())

    workers = [threading.Thread(target=search_until_stopped) for _ in range(3)]
    for worker in workers:
        worker.start()
    try:
        for _ in range(50):
            for level in LEVELS:
                module._native.use_level(level)
                time.sleep(0.001)
    finally:
        stop.set()
        for worker in workers:
            worker.join()
        module._native.use_level(before)
    assert not wrong


def test_a_scanner_goes_with_its_kernels() -> None:
    assert isinstance(scanner(NumpyKernels()), NumpyScanner)
    if module._native is not None:
        assert isinstance(scanner(module._native), NativeScanner)
