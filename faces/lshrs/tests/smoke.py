"""A user's first steps with only this package installed: `python -I smoke.py native|numpy`."""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
import warnings


def use() -> None:
    import numpy as np

    from lshrs import LSHRS, FileStorage

    vectors = np.random.default_rng(0).standard_normal((50, 32)).astype(np.float32)
    with LSHRS(dim=32, num_bands=16, rows_per_band=4, storage=FileStorage("buckets.db")) as lsh:
        lsh.index(range(50), vectors)
        lsh.save_to_disk("model.lsh")
    again = LSHRS.load_from_disk(
        "model.lsh", storage=FileStorage("buckets.db"), vector_fetch_fn=lambda ids: vectors[ids]
    )
    assert again.get_top_k(vectors[7], 1) == [7]
    assert again.get_above_p(vectors[9], 0.01)[0][0] == 9
    again.delete(7)
    assert 7 not in again.get_top_k(vectors[7], 50)
    again.close()


def main() -> None:
    for tool in ("pytest", "hypothesis", "mypy", "psycopg", "pyarrow"):
        assert importlib.util.find_spec(tool) is None, f"{tool} is here, so this proves nothing"
    start = os.getcwd()
    with warnings.catch_warnings(record=True) as caught, tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("always")
        os.chdir(folder)
        use()
        os.chdir(start)
    assert not caught, [str(warning.message) for warning in caught]
    print(f"smoke test passed, told {sys.argv[1]}")


if __name__ == "__main__":
    main()
