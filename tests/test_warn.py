"""Texts without an encoder: one warning per handle, at the caller's line, with the remedy."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import vicinal

WARNING = r"collection 'docs' has no encoder: .* reembed\('minilm'\)"


@pytest.mark.parametrize("write", ["add", "upsert", "rows"])
def test_texts_without_an_encoder_are_told_once_at_the_line_of_the_caller(write: str) -> None:
    with vicinal.connect(":memory:") as db:
        docs = db.collection("docs")
        given = {"rows": ({"text": text} for text in ("one", "two"))} if write == "rows" else {"texts": ["one", "two"]}
        with pytest.warns(UserWarning, match=WARNING) as told:
            getattr(docs, "upsert" if write == "upsert" else "add")(**given)
        assert [Path(one.filename) for one in told] == [Path(__file__)]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            docs.add(texts=["three"])


def test_who_needs_no_encoder_is_told_nothing() -> None:
    with vicinal.connect(":memory:") as db, warnings.catch_warnings():
        warnings.simplefilter("error")
        db.collection("vectors").add(vectors=[[1, 0]], metadata=[{"n": 1}])
        db.collection("both").add(vectors=[[1, 0], [0, 1]], texts=["one", None])
        db.collection("encoded", encoder="hashing").add(texts=["one"])
        db.collection("both").update([row.id for row in db.collection("both").get()], texts=["a", "b"])


def test_a_text_for_a_row_without_a_vector_is_told_of_in_an_update_too() -> None:
    with vicinal.connect(":memory:") as db:
        docs = db.collection("docs")
        docs.add(["a", "b"], vectors=[[1, 0], None])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            docs.update(["a"], texts=["one"])
        with pytest.warns(UserWarning, match=WARNING):
            docs.update(["b"], texts=["two"])


def test_the_remedy_works() -> None:
    with vicinal.connect(":memory:") as db:
        docs = db.collection("docs")
        with pytest.warns(UserWarning, match=WARNING):
            docs.add(["a"], texts=["one"])
        docs.reembed("hashing")
        assert docs.search("one").ids == ["a"]


@pytest.mark.parametrize("encoder", ["none", "hashing"])
def test_an_import_that_asks_for_none_is_told_nothing(tmp_path: Path, encoder: str) -> None:
    pytest.importorskip("typer", reason="typer is not installed")
    (tmp_path / "rows.jsonl").write_text('{"id": "a", "text": "one"}\n')
    words = ["import", str(tmp_path / "data"), "docs", str(tmp_path / "rows.jsonl")]
    command = [sys.executable, "-m", "vicinal", *words]
    done = subprocess.run([*command, "--encoder", encoder], capture_output=True, text=True, check=True)
    assert "has no encoder" not in done.stderr
    if encoder == "none":  # a second time, and left out
        again = subprocess.run(command, capture_output=True, text=True, check=True)
        told = [line for line in again.stderr.splitlines() if "has no encoder" in line]
        assert told == [line for line in told if line.startswith("vicinal: collection 'docs'")] != []
