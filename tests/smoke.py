"""A user's first steps, with only Vicinal installed: `python -I smoke.py native|numpy`."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import warnings

import numpy as np

TEXTS = ["zlib compresses bytes", "sockets open connections", "calendars know the days of a month"]


def fill(path: str) -> list[object]:
    import vicinal

    with vicinal.connect(path) as db:
        docs = db.collection("docs", encoder="hashing")
        docs.add(ids=["zip", "net", "date"], texts=TEXTS, metadata=[{"year": year} for year in (1995, 1983, 2001)])
        return docs.search("compressed bytes", k=2).ids


def reopen(path: str) -> list[object]:
    import vicinal

    with vicinal.connect(path) as db:
        docs = db.collection("docs")
        assert docs.count() == len(TEXTS)
        assert docs.get(["date"])[0].metadata == {"year": 2001}
        return docs.search("compressed bytes", k=2).ids


def search_vectors() -> None:
    import vicinal

    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((1000, 32), dtype=np.float32)
    with vicinal.connect(":memory:") as db:
        rows = db.collection("vectors", metric="l2", auto_ids="integer")
        rows.add(vectors=vectors)
        hits = rows.search(vectors[7], k=5)
    nearest = np.argsort(np.linalg.norm(vectors - vectors[7], axis=1), kind="stable")[:5]
    assert hits.ids == [int(slot) + 1 for slot in nearest], hits
    assert hits[0].score == 0


def main() -> None:
    expected = sys.argv[1]
    for tool in ("pytest", "hypothesis", "mypy", "pandas", "typer"):
        assert importlib.util.find_spec(tool) is None, f"{tool} is here, so this proves nothing"
    with warnings.catch_warnings(record=True) as caught, tempfile.TemporaryDirectory() as path:
        warnings.simplefilter("always")
        first = fill(path)
        assert first[0] == "zip", first
        assert reopen(path) == first
        search_vectors()

    from vicinal.indexes.kernels import kernels

    assert kernels().name == expected, f"{kernels().name} kernels answer, expected {expected}"
    messages = [str(warning.message) for warning in caught]
    wanted = 0 if expected == "native" else 1
    assert len(messages) == wanted, messages
    assert all("native core is not installed" in message for message in messages), messages
    print(f"smoke test passed with {expected} kernels, {len(messages)} warnings")


if __name__ == "__main__":
    main()
