"""Native kernels compared with their NumPy reference, at every SIMD level of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vicinal import errors
from vicinal.contract import METRICS, Kernels, Metric
from vicinal.indexes import kernels as module
from vicinal.indexes.kernels import NativeKernels, NumpyKernels

REFEREE = NumpyKernels()
NATIVE = module._native
LEVELS = NATIVE.levels() if NATIVE else []
DIMS = [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 100, 384, 1001, 4096]
FLOAT32 = np.finfo(np.float32)

needs_native = pytest.mark.skipif(NATIVE is None, reason="the native core is not installed")


@pytest.fixture(params=["numpy", *LEVELS])
def implementation(request: pytest.FixtureRequest) -> Iterator[Kernels]:
    """The reference implementation, then the native kernels at each level."""
    if request.param == "numpy" or NATIVE is None:
        yield REFEREE
        return
    before = NATIVE.level
    NATIVE.use_level(request.param)
    yield NATIVE
    NATIVE.use_level(before)


def normal(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(sum(shape)).standard_normal(shape, dtype=np.float32)


def every_slot(vectors: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.uint32]]:
    return np.arange(len(vectors), dtype=np.uint32)


def true_scan(metric: Metric, vectors: Any, query: Any) -> tuple[Any, Any]:
    """Returns exact values, and the sums of magnitudes to which their error is relative."""
    a, b = vectors.astype(np.float64), query.astype(np.float64)
    terms = {"l2": (a - b) ** 2, "l1": np.abs(a - b)}.get(metric, a * b)
    return terms.sum(axis=1), np.abs(terms).sum(axis=1)


def assert_scan_close(kernels: Kernels, metric: Metric, vectors: Any, query: Any) -> None:
    out = np.full(len(vectors), np.nan, np.float32)
    kernels.scan(metric, vectors, query, out)
    values, magnitudes = true_scan(metric, vectors, query)
    # + 2: the roundings inside a term; FLOAT32.tiny: terms below it lose digits.
    bound = (vectors.shape[1] + 2) * (FLOAT32.eps * magnitudes + FLOAT32.tiny)
    assert (np.abs(out - values) <= bound).all()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dim", DIMS)
def test_scan_is_within_its_bound(implementation: Kernels, metric: Metric, dim: int) -> None:
    for rows in (0, 1, 3, 4, 5, 9):
        assert_scan_close(implementation, metric, normal(rows, dim), normal(dim))


@pytest.mark.parametrize("metric", METRICS)
def test_scan_of_slices_that_no_register_is_aligned_with(implementation: Kernels, metric: Metric) -> None:
    flat = normal(1 + 7 * 33)
    assert_scan_close(implementation, metric, flat[1:].reshape(7, 33), normal(40)[3:36])


@pytest.mark.parametrize("metric", METRICS)
def test_scan_crosses_the_blocks_of_the_referee(metric: Metric, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK_BYTES", 3 * 5 * 4)
    vectors = normal(10, 5)
    assert_scan_close(REFEREE, metric, vectors, normal(5))
    norms = REFEREE.squared_norms(vectors)
    assert np.allclose(norms, np.square(vectors.astype(np.float64)).sum(axis=1))


def assert_same_bits(vectors: Any, query: Any, slots: Any) -> None:
    """`score` and `squared_norms` of the native core equal the reference's, and are not NaN."""
    assert NATIVE is not None
    for metric in METRICS:
        native = NATIVE.score(metric, vectors, slots, query)
        assert native.dtype == np.float32
        assert not np.isnan(native).any()
        assert native.tobytes() == REFEREE.score(metric, vectors, slots, query).tobytes()
    assert NATIVE.squared_norms(vectors).tobytes() == REFEREE.squared_norms(vectors).tobytes()


finite = st.floats(width=32, allow_nan=False, allow_infinity=False)


@st.composite
def problems(draw: st.DrawFn) -> tuple[Any, Any, Any]:
    rows, dim = draw(st.integers(1, 6)), draw(st.integers(1, 40))
    vectors = draw(arrays.arrays(np.float32, (rows, dim), elements=finite))
    query = draw(arrays.arrays(np.float32, dim, elements=finite))
    slots = draw(st.lists(st.integers(0, rows - 1), max_size=8))
    return vectors, query, np.array(slots, np.uint32)


@needs_native
@given(problems())
@example((np.full((2, 9), FLOAT32.max), np.full(9, -FLOAT32.max), np.array([1, 0], np.uint32)))
@example((np.full((1, 9), FLOAT32.smallest_subnormal), np.full(9, FLOAT32.max), np.array([0], np.uint32)))
def test_scores_are_bit_equal(problem: tuple[Any, Any, Any]) -> None:
    vectors, query, slots = problem
    assert_same_bits(np.ascontiguousarray(vectors, np.float32), query.astype(np.float32), slots)


@pytest.mark.parametrize("implementation", LEVELS, indirect=True)
@pytest.mark.parametrize("dim", DIMS)
def test_scores_are_bit_equal_in_every_dimension(implementation: Kernels, dim: int) -> None:
    """Also proves that the level does not affect scores."""
    vectors = normal(50, dim)
    assert_same_bits(vectors, normal(dim), every_slot(vectors)[::-1].copy())


def test_known_scores(implementation: Kernels) -> None:
    vectors = np.array([[3, 4], [0, 0], [-3, -4]], np.float32)
    query = np.array([3, 4], np.float32)
    expected = {"cosine": [1, 0, -1], "ip": [25, 0, -25], "l2": [0, -5, -10], "l1": [0, -7, -14]}
    for metric in METRICS:
        assert implementation.score(metric, vectors, every_slot(vectors), query).tolist() == expected[metric]
    assert implementation.squared_norms(vectors).tolist() == [25, 0, 25]


@pytest.mark.parametrize("metric", ["l2", "l1"])
def test_equal_vectors_score_plus_zero(implementation: Kernels, metric: Metric) -> None:
    score = implementation.score(metric, normal(1, 5), np.zeros(1, np.uint32), normal(1, 5)[0])
    assert not np.signbit(score[0])


def test_a_score_beyond_float32_is_infinite(implementation: Kernels) -> None:
    huge = np.full((1, 4), FLOAT32.max)
    assert implementation.score("ip", huge, np.zeros(1, np.uint32), huge[0])[0] == np.inf
    assert implementation.score("l2", huge, np.zeros(1, np.uint32), -huge[0])[0] == -np.inf
    assert implementation.score("cosine", huge, np.zeros(1, np.uint32), -huge[0])[0] == -1


def test_nothing_to_do(implementation: Kernels) -> None:
    vectors, query = normal(0, 4), normal(4)
    implementation.scan("l2", vectors, query, np.empty(0, np.float32))
    assert implementation.score("l2", vectors, np.empty(0, np.uint32), query).shape == (0,)
    assert implementation.squared_norms(vectors).shape == (0,)


def unaligned(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The same values, one byte off their natural address."""
    raw = np.empty(array.nbytes + 1, np.uint8)[1:]
    moved: np.ndarray[Any, Any] = raw.view(array.dtype).reshape(array.shape)
    moved[...] = array
    return moved


def read_only(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    array.flags.writeable = False
    return array


BAD_SCANS: dict[str, tuple[str, dict[str, Any]]] = {
    "float64 vectors": ("vectors", {"vectors": np.zeros((3, 4))}),
    "big-endian vectors": ("vectors", {"vectors": np.zeros((3, 4), ">f4")}),
    "flat vectors": ("vectors", {"vectors": normal(12)}),
    "transposed vectors": ("vectors", {"vectors": normal(4, 3).T}),
    "strided vectors": ("vectors", {"vectors": normal(6, 4)[::2]}),
    "unaligned vectors": ("vectors", {"vectors": unaligned(normal(3, 4))}),
    "list of vectors": ("vectors", {"vectors": [[0.0] * 4] * 3}),
    "structured vectors": ("vectors", {"vectors": np.zeros((3, 4), [("x", "f4")])}),
    "short query": ("query", {"query": normal(3)}),
    "long query": ("query", {"query": normal(5)}),
    "query as a row": ("query", {"query": normal(1, 4)}),
    "float16 query": ("query", {"query": np.zeros(4, np.float16)}),
    "no query": ("query", {"query": None}),
    "short out": ("out", {"out": normal(2)}),
    "float64 out": ("out", {"out": np.zeros(3)}),
    "strided out": ("out", {"out": normal(6)[::2]}),
    "read-only out": ("out", {"out": read_only(normal(3))}),
    "unknown metric": ("metric", {"metric": "hamming"}),
}


@pytest.mark.parametrize("case", BAD_SCANS)
def test_scan_refuses(implementation: Kernels, case: str) -> None:
    name, changed = BAD_SCANS[case]
    good = {"metric": "l2", "vectors": normal(3, 4), "query": normal(4), "out": normal(3)}
    with pytest.raises(ValueError, match=f"^{name} must "):
        implementation.scan(**{**good, **changed})


BAD_SLOTS = {
    "int64": np.zeros(2, np.int64),
    "two-dimensional": np.zeros((1, 2), np.uint32),
    "strided": np.zeros(4, np.uint32)[::2],
    "list": [0, 1],
    "scalar": np.array(1, np.uint32),
}


@pytest.mark.parametrize("case", BAD_SLOTS)
def test_score_refuses_slots(implementation: Kernels, case: str) -> None:
    slots: Any = BAD_SLOTS[case]
    with pytest.raises(ValueError, match=r"^slots must "):
        implementation.score("ip", normal(3, 4), slots, normal(4))


@pytest.mark.parametrize("slot", [3, 2**32 - 1])
def test_slots_out_of_range(implementation: Kernels, slot: int) -> None:
    for metric in METRICS:
        with pytest.raises(IndexError, match=f"slot {slot} is not among the 3 rows"):
            implementation.score(metric, normal(3, 4), np.array([0, slot], np.uint32), normal(4))


def test_squared_norms_refuses(implementation: Kernels) -> None:
    vectors: Any
    for vectors in (normal(4), np.zeros((3, 4)), normal(4, 3).T, np.float32(1), [[1.0]]):
        with pytest.raises(ValueError, match=r"^vectors must "):
            implementation.squared_norms(vectors)


@needs_native
def test_a_level_that_is_not_there_is_refused_with_those_that_are() -> None:
    assert NATIVE is not None
    assert LEVELS[0] == "scalar"
    with pytest.raises(ValueError, match=r"'sse9'.*scalar"):
        NATIVE.use_level("sse9")


@needs_native
def test_other_threads_run_during_a_scan() -> None:
    """This thread runs only if the scan releases the GIL, because the interpreter does not switch by itself so soon."""
    vectors, query, out = normal(1000, 64), normal(64), np.empty(1000, np.float32)
    started, stop = threading.Event(), threading.Event()
    stopped_in_time = []

    def scan_until_stopped() -> None:
        assert NATIVE is not None
        deadline = time.monotonic() + 20
        started.set()
        while not stop.is_set() and time.monotonic() < deadline:
            NATIVE.scan("l1", vectors, query, out)
        stopped_in_time.append(stop.is_set())

    worker = threading.Thread(target=scan_until_stopped)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(60)
    try:
        worker.start()
        started.wait()
        stop.set()
        worker.join()
    finally:
        sys.setswitchinterval(interval)
    assert stopped_in_time == [True]


def import_kernels(**environment: str) -> subprocess.CompletedProcess[str]:
    code = "from vicinal.indexes.kernels import kernels; print(kernels().level)"
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )


@needs_native
def test_environment_forces_a_level() -> None:
    assert import_kernels(VICINAL_SIMD="scalar").stdout == "scalar\n"


@needs_native
def test_environment_with_a_wrong_level_fails_at_import() -> None:
    failed = import_kernels(VICINAL_SIMD="sse9")
    assert failed.returncode == 1
    assert f"VICINAL_SIMD='sse9' is not a SIMD level of this machine. There are: {', '.join(LEVELS)}" in failed.stderr


def fake_modules(monkeypatch: pytest.MonkeyPatch, core: Any, build: Any) -> None:
    """Replaces what `vicinal._core` and `vicinal._build` import as; None makes the import fail."""
    monkeypatch.setitem(sys.modules, "vicinal._core", core)
    monkeypatch.setitem(sys.modules, "vicinal._build", build)


def test_a_core_of_another_build_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    core = SimpleNamespace(build_id=lambda: "old1")
    for build, expected in ((SimpleNamespace(BUILD_ID="new2"), "new2"), (None, "none")):
        fake_modules(monkeypatch, core, build)
        with pytest.raises(errors.NativeMismatch, match=f"old1.*{expected}.*Reinstall"):
            module._load_native()


def test_without_the_core_numpy_answers_and_warns_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VICINAL_REQUIRE_NATIVE", raising=False)
    fake_modules(monkeypatch, None, None)
    native, reason = module._load_native()
    assert native is None
    monkeypatch.setattr(module, "_native", native)
    monkeypatch.setattr(module, "_why_not", reason)
    module.kernels.cache_clear()
    try:
        with pytest.warns(RuntimeWarning, match=r"NumPy is used.*Reinstall") as warned:
            chosen = [module.kernels(), module.kernels()]
        assert isinstance(chosen[0], NumpyKernels)
        assert len(warned) == 1
    finally:
        module.kernels.cache_clear()


def test_a_required_core_that_is_missing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VICINAL_REQUIRE_NATIVE", "1")
    fake_modules(monkeypatch, None, None)
    with pytest.raises(errors.Unsupported, match=r"VICINAL_REQUIRE_NATIVE=1.*Reinstall"):
        module._load_native()


@needs_native
def test_the_native_kernels_are_chosen() -> None:
    assert isinstance(module.kernels(), NativeKernels)
