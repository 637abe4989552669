"""Shared by tests of exact search over codes: every implementation, difficult vectors, and the correct result."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from vicinal.contract import Metric
from vicinal.indexes import kernels as module
from vicinal.indexes.codes import NativeScanner, NumpyScanner, Scanner
from vicinal.indexes.kernels import NumpyKernels

REFEREE = NumpyScanner()
NATIVE = NativeScanner(module._native.core) if module._native else None
LEVELS = module._native.levels() if module._native else []
FLOAT32 = np.finfo(np.float32)


needs_native = pytest.mark.skipif(NATIVE is None, reason="the native core is not installed")


@pytest.fixture(params=["numpy", *LEVELS])
def implementation(request: pytest.FixtureRequest) -> Iterator[Scanner]:
    """The reference implementation, then the native scanner at each level."""
    if request.param == "numpy" or NATIVE is None or module._native is None:
        yield REFEREE
        return
    before = module._native.level
    module._native.use_level(request.param)
    yield NATIVE
    module._native.use_level(before)


def normal(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(sum(shape)).standard_normal(shape, dtype=np.float32)


def bitmap(chosen: np.ndarray[Any, np.dtype[np.bool_]]) -> np.ndarray[Any, np.dtype[np.uint64]]:
    padded = np.zeros(-(-len(chosen) // 64) * 64, np.bool_)
    padded[: len(chosen)] = chosen
    return np.packbits(padded, bitorder="little").view("<u8").astype(np.uint64)


def best_of_all(metric: Metric, vectors: Any, query: Any, k: int, chosen: Any) -> tuple[Any, Any]:
    """Scores and sorts every row, without the code under test."""
    slots = np.flatnonzero(chosen).astype(np.uint32)
    scores = NumpyKernels().score(metric, vectors, slots, query)
    order = sorted(range(len(slots)), key=lambda i: (-scores[i], slots[i]))[:k]
    return slots[order], scores[order]


def scaled(vectors: Any, scale: float) -> Any:
    with np.errstate(over="ignore"):
        return np.clip(vectors * np.float64(scale), -FLOAT32.max, FLOAT32.max).astype(np.float32)


def hard_cases() -> dict[str, tuple[Any, Any]]:
    """Vectors and queries whose scores are hard to distinguish, or hard to compute."""
    base, queries = normal(200, 20), normal(2, 20)
    random = np.random.default_rng(5)
    cases = {
        "all rows equal": (np.repeat(base[:1], 500, axis=0), queries),
        "each row many times": (base[random.integers(0, 5, 500)], np.concatenate([queries, base[:2]])),
        "last bits differ": (
            np.nextafter(np.repeat(base[:1], 500, axis=0), random.choice([-9, 9], (500, 20)).astype(np.float32)),
            np.concatenate([queries, base[:1]]),
        ),
        "far from the origin": (base + np.float32(1e4), queries + np.float32(1e4)),
        "one large component": (base + np.eye(1, 20, 3, dtype=np.float32) * 1e5, queries),
        "constant rows": (np.repeat(base[:, :1], 20, axis=1), queries),
        "zero rows": (base * (np.arange(200) % 3 > 0)[:, np.newaxis].astype(np.float32), queries),
        "squares vanish": (scaled(normal(400, 67), 1e-44), scaled(normal(6, 67), 1e-42)),
        "zero query": (base, np.zeros((2, 20), np.float32)),
        "row lengths of all orders": (scaled(base, 1) * np.logspace(-30, 30, 200, dtype=np.float32)[:, None], queries),
        "one-hot": (np.eye(20, dtype=np.float32)[random.integers(0, 20, 200)], np.eye(20, dtype=np.float32)),
        "small integers": (random.integers(0, 3, (200, 20)).astype(np.float32), np.ones((1, 20), np.float32)),
    }
    for row_scale in (1e-44, 1e-39, 1e-20, 1e20, 1e37, 3e38):
        for query_scale in (1e-44, 1e-20, 1, 1e20, 3e38):
            cases[f"scales {row_scale} and {query_scale}"] = scaled(base, row_scale), scaled(queries, query_scale)
    return cases
