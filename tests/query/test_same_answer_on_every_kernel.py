"""P6 across implementations: native core, NumPy and every SIMD level return bit-equal results of exact search."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vicinal
from support.referee import METRICS
from vicinal import database
from vicinal.errors import InvalidArgument
from vicinal.indexes import kernels as kernels_module
from vicinal.indexes.kernels import NativeKernels, NumpyKernels


def native() -> NativeKernels:
    found = kernels_module._native
    if found is None:
        pytest.skip("the native core is not installed")
    return found


@pytest.fixture
def levels() -> Iterator[list[str]]:
    core = native()
    before = core.level
    yield core.levels()
    core.use_level(before)


def data(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """(rows, queries) of 67 components, which no register divides."""
    rng = np.random.default_rng(17)
    rows, queries = rng.standard_normal((400, 67)), rng.standard_normal((6, 67))
    if kind == "duplicates":
        rows = rows[rng.integers(0, 5, 400)]
    if kind == "near":
        rows = np.repeat(queries[:1], 400, axis=0).astype(np.float32)
        rows.view(np.int32)[np.arange(400), rng.integers(0, 67, 400)] += rng.integers(-2, 3, 400)
    if kind == "scales":
        rows *= 10.0 ** rng.integers(-44, 37, (400, 1))
    if kind == "subnormal":
        rows, queries = rows * 1e-44, queries * 1e-42
    if kind == "large":
        rows *= 1e37
    if kind == "zeros":
        rows[rng.random((400, 67)) < 0.97] = 0
    return rows.astype(np.float32), queries.astype(np.float32)


def answers(metric: Any, rows: np.ndarray, queries: np.ndarray) -> list[list[tuple[Any, bytes]]]:
    docs = vicinal.connect(":memory:").collection("docs", metric=metric, zero_vectors="allow")
    docs.add(list(range(len(rows))), vectors=rows)
    docs.delete(list(range(0, len(rows), 7)))
    found = [docs.search(query, k=k) for query in queries for k in (1, 10, 100)]
    return [[(hit.id, np.float32(hit.score).tobytes()) for hit in hits] for hits in found]


KINDS = ["plain", "duplicates", "near", "scales", "subnormal", "large", "zeros"]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", KINDS)
def test_p6_every_level_answers_as_numpy_does(
    levels: list[str], monkeypatch: pytest.MonkeyPatch, metric: str, kind: str
) -> None:
    rows, queries = data(kind)
    monkeypatch.setattr(database, "kernels", NumpyKernels)
    expected = answers(metric, rows, queries)
    core = native()
    monkeypatch.setattr(database, "kernels", lambda: core)
    for level in levels:
        core.use_level(level)
        assert answers(metric, rows, queries) == expected, level


PRINTS_ITS_ANSWER = """
import numpy as np, vicinal
from vicinal.indexes.kernels import kernels
rng = np.random.default_rng(2)
docs = vicinal.connect(":memory:").collection("docs")
docs.add(list(range(300)), vectors=rng.standard_normal((300, 31)))
hits = docs.search(rng.standard_normal(31), k=20)
print([(hit.id, hit.score) for hit in hits])
"""


def test_p6_a_forced_level_answers_the_same(levels: list[str], tmp_path: Path) -> None:
    found = set()
    for level in levels:
        command = [sys.executable, "-c", PRINTS_ITS_ANSWER]
        environment = {**os.environ, "VICINAL_SIMD": level}
        found.add(subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout)
    assert len(found) == 1


def test_a_level_that_this_machine_lacks_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VICINAL_SIMD", "mmx")
    with pytest.raises(InvalidArgument, match="VICINAL_SIMD='mmx' is not a SIMD level of this machine"):
        kernels_module._force_level(native())
