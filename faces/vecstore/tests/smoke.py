"""A user's first steps with only this package installed: `python -I smoke.py native|numpy`."""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
import warnings


def use() -> None:
    import vecstore

    store = vecstore.VecStore("store")
    store.upsert("doc1", [0.1, 0.2, 0.3], {"year": 2024})
    store.upsert("doc2", [0.3, 0.2, 0.1], {"year": 2023})
    store.index_text("doc2", "a brown fox")
    assert [result.id for result in store.query([0.1, 0.2, 0.3], 2)] == ["doc1", "doc2"]
    assert [result.id for result in store.query([0.1, 0.2, 0.3], 2, "year < 2024")] == ["doc2"]
    assert store.hybrid_query([0.1, 0.2, 0.3], "fox", 1, alpha=0.1)[0].id == "doc2"
    store.create_snapshot("both")
    store.remove("doc1")
    assert len(vecstore.VecStore("store")) == 1
    store.restore_snapshot("both")
    assert len(store) == 2
    docs = vecstore.VecDatabase("database").create_collection("docs")
    docs.upsert("a", [1.0], {})
    assert docs.count() == 1


def main() -> None:
    expected = sys.argv[1]
    for tool in ("pytest", "hypothesis", "mypy", "pandas", "typer"):
        assert importlib.util.find_spec(tool) is None, f"{tool} is here, so this proves nothing"
    start = os.getcwd()
    with warnings.catch_warnings(record=True) as caught, tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("always")
        os.chdir(folder)
        use()
        os.chdir(start)

    from vicinal.indexes.kernels import kernels

    assert kernels().name == expected, f"{kernels().name} kernels answer, expected {expected}"
    messages = [str(warning.message) for warning in caught]
    wanted = [] if expected == "native" else ["native core is not installed"]
    assert all(any(word in message for message in messages) for word in wanted), messages
    assert len(messages) == len(wanted), messages
    print(f"smoke test passed with {expected} kernels, {len(messages)} warnings")


if __name__ == "__main__":
    main()
