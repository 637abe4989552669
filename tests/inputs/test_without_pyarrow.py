"""Frames of pandas and polars need no pyarrow; for what only Arrow's interface can read, the error names the extra."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
sys.modules["pyarrow"] = None
import polars as pl
import vicinal

docs = vicinal.connect(":memory:").collection("docs")
docs.add(["a", "b"], vectors=pl.DataFrame({"x": [1.0, 2.0], "y": [3.0, 4.0]}))
docs.add(["c", "d"], vectors=pl.Series([[1.0, 3.0], [2.0, 4.0]], dtype=pl.Array(pl.Float32, 2)))
docs.add(["e", "f"], vectors=pl.Series([[1.0, 3.0], None]), metadata=pl.Series([{"n": 1}, {"n": 2}]))
docs.add(rows=pl.DataFrame({"id": ["g"], "vector": [[1.0, 3.0]], "tags": [["x", "y"]]}))
docs.add(pl.Series(["h"]), vectors=[[1, 3]])
print([None if r.vector is None else r.vector.tolist() for r in docs.get(vectors=True)])
print(docs.get("g")[0].metadata, docs.get("f")[0].metadata, docs.search(pl.Series([1.0, 3.0]), k=1).scores)

class OnlyArrow:
    def __arrow_c_stream__(self, requested_schema=None): ...

try:
    docs.add(vectors=OnlyArrow())
except vicinal.errors.MissingExtra as error:
    print(error)
"""


def test_frames_are_read_by_their_own_means() -> None:
    pytest.importorskip("polars", reason="polars is not installed")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM], capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    vectors, values, error = done.stdout.splitlines()
    pair = "[1.0, 3.0], [2.0, 4.0]"
    assert vectors == f"[{pair}, {pair}, [1.0, 3.0], None, [1.0, 3.0], [1.0, 3.0]]"
    assert values == "{'tags': ['x', 'y']} {'n': 2} [1.0]"
    assert "pip install 'vicinal[parquet]'" in error
