"""Exact search of a growing collection, by codes and by NumPy, saved and loaded in between: one battery for both."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vicinal.contract import METRICS, Kernels, Metric
from vicinal.filters.bitmap import pack
from vicinal.indexes import kernels as module
from vicinal.indexes.exact import ExactSearch, exact_search, thread_count
from vicinal.indexes.kernels import NumpyKernels

NATIVE: list[Kernels] = [module._native] if module._native else []
DIM = 9


@pytest.fixture(params=[NumpyKernels(), *NATIVE], ids=lambda kernels: kernels.name)
def kernels(request: pytest.FixtureRequest) -> Any:
    return request.param


def rows(count: int, seed: int = 0) -> Any:
    """Few different ones, so that scores are often equal."""
    return np.random.default_rng(seed).integers(-2, 3, (count, DIM)).astype(np.float32)


def assert_best(exact: ExactSearch, metric: Metric, vectors: Any, chosen: Any, k: int) -> None:
    queries = rows(3, seed=len(vectors))
    found = exact.search(vectors, queries, k, pack(chosen), threads=2)
    for query, (slots, scores) in zip(queries, found, strict=True):
        allowed = np.flatnonzero(chosen[: len(vectors)]).astype(np.uint32)
        true = NumpyKernels().score(metric, vectors, allowed, query)
        order = np.lexsort((allowed, -true))[:k]
        assert slots.tolist() == allowed[order].tolist()
        assert scores.tobytes() == true[order].tobytes()


@settings(max_examples=60, deadline=None)
@given(
    metric=st.sampled_from(METRICS),
    sizes=st.lists(st.integers(0, 200), min_size=1, max_size=6),
    saved_after=st.integers(0, 6),
    writers=st.lists(st.integers(0, len(NATIVE)), min_size=2, max_size=2),
    share=st.sampled_from([0.0, 0.05, 0.6, 1.0]),
    k=st.sampled_from([1, 7, 64, 2000]),
)
def test_rows_come_and_the_index_is_saved_between(
    metric: Metric, sizes: list[int], saved_after: int, writers: list[int], share: float, k: int
) -> None:
    """Codes of one implementation are of no harm to the other."""
    choices: list[Kernels] = [NumpyKernels(), *NATIVE]
    exact = exact_search(choices[writers[0]], metric)
    vectors = rows(sum(sizes))
    chosen = np.random.default_rng(1).random(len(vectors)) < share
    count = 0
    for step, size in enumerate(sizes):
        count += size
        if step == saved_after:
            arrays = {name: read_only(array) for name, array in exact.save(vectors[: count - size]).items()}
            assert all(array.ndim == 1 for array in arrays.values())
            exact = exact_search(choices[writers[1]], metric)
            exact.load(arrays)
        assert_best(exact, metric, vectors[:count], chosen[:count], k)


def read_only(array: Any) -> Any:
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def test_an_old_snapshot_of_the_rows_is_searched_as_it_was(kernels: Kernels) -> None:
    exact = exact_search(kernels, "l2")
    vectors = rows(500)
    everything = np.ones(500, np.bool_)
    assert_best(exact, "l2", vectors, everything, 5)
    assert_best(exact, "l2", vectors[:70], everything[:70], 5)


def test_saved_twice_is_the_same(kernels: Kernels) -> None:
    exact, vectors = exact_search(kernels, "cosine"), rows(300)
    first = exact.save(vectors[:130])
    loaded = exact_search(kernels, "cosine")
    loaded.load({name: read_only(array) for name, array in first.items()})
    for name, array in exact.save(vectors).items():
        assert loaded.save(vectors)[name].tobytes() == array.tobytes()


def test_codes_of_another_shape_are_forgotten(kernels: Kernels) -> None:
    exact = exact_search(kernels, "ip")
    exact.load({"codes": np.zeros(128 * 4, np.uint8), "statistics": np.zeros(16, np.float32)})
    assert_best(exact, "ip", rows(200), np.ones(200, np.bool_), 9)


def test_many_threads_search_while_rows_come(kernels: Kernels) -> None:
    exact, vectors = exact_search(kernels, "cosine"), rows(4000) + 1
    errors: list[BaseException] = []

    def look(seed: int) -> None:
        try:
            for count in np.random.default_rng(seed).integers(1, 4000, 30).tolist():
                assert_best(exact, "cosine", vectors[:count], np.ones(count, np.bool_), 4)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=look, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


def test_threads_are_the_users_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VICINAL_THREADS", "3")
    assert thread_count() == 3
    for nonsense in ("", "0", "-1", "many"):
        monkeypatch.setenv("VICINAL_THREADS", nonsense)
        assert thread_count() >= 1
