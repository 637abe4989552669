"""A user's first steps with only this package installed: `python -I smoke.py native|numpy`."""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
import warnings


def use() -> None:
    from PIL import Image

    import pyvdb

    db = pyvdb.create_gold_standard_db("data")
    first = db.add_text("Gold prices surge to new highs", pyvdb.DocumentType.Journal, "2026-01-08")
    second = db.add_text("Silver market shows strength", pyvdb.DocumentType.Journal, "2026-01-09")
    assert [first, second] == [1, 2]
    assert db.search("gold price surge", k=1)[0].id == first
    Image.new("RGB", (32, 32), "red").save("red.png")
    picture = db.add_image("red.png")
    assert [result.id for result in db.query_image("red.png")] == [picture]
    del db
    again = pyvdb.open_database("data")
    assert again.all_dates() == ["2026-01-08", "2026-01-09"]
    again.remove(first)
    assert len(again) == 2


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
    wanted = ["hashing"] if expected == "native" else ["hashing", "native core is not installed"]
    assert all(any(word in message for message in messages) for word in wanted), messages
    assert len(messages) == len(wanted), messages
    print(f"smoke test passed with {expected} kernels, {len(messages)} warnings")


if __name__ == "__main__":
    main()
