"""Columns keep their names from import to export, several of them form a text, and the total is known."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vicinal
from vicinal.cli import transfer
from vicinal.cli.files import Layout, Reading, read_rows, write_rows
from vicinal.types import Record

Command = Callable[..., Any]
PRODUCTS = """sku,title,body,price,zip,year
p1,Kettle,Boils water,19.90,01234,2020
p2,Pan,,5.00,99999,
p3,,Cuts,12.5,,2021
"""


@pytest.fixture
def products(tmp_path: Path) -> Path:
    (tmp_path / "products.csv").write_text(PRODUCTS)
    return tmp_path / "products.csv"


def rows_of(path: Path) -> list[Any]:
    with vicinal.connect(path) as opened:
        return [(row.id, row.text, row.metadata) for row in opened.collection("c").get()]


TAKEN = ("--id-column", "sku", "--text-column", "body", "--encoder", "hashing:8")


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_an_export_has_the_columns_that_came(products: Path, command: Command, tmp_path: Path, ending: str) -> None:
    first, second, out = tmp_path / "one", tmp_path / "two", tmp_path / "new" / "folder" / f"out.{ending}"
    assert command("import", first, "c", products, *TAKEN).code == 0
    done = command("export", first, "c", out, "--no-vectors")
    assert done.code == 0
    assert "vicinal import takes them by --id-column sku --text-column body" in done.err
    if ending == "csv":
        header, *lines = csv.reader(io.StringIO(out.read_text()))
        assert header == PRODUCTS.splitlines()[0].split(",")
        assert lines[0] == ["p1", "Kettle", "Boils water", "19.9", "01234", "2020"]
    if ending == "jsonl":
        assert list(json.loads(out.read_text().splitlines()[0])) == PRODUCTS.splitlines()[0].split(",")
    assert command("import", second, "c", out, *TAKEN).code == 0
    assert rows_of(second) == rows_of(first)
    standard = command("export", first, "c", out, "--no-vectors", "--standard-columns")
    assert (standard.code, standard.err) == (0, "")
    assert command("import", second, "d", out, "--encoder", "none").code == 0


def test_the_standard_columns_have_no_need_of_a_word(command: Command, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"id":"a","text":"b","metadata":{"n":1}}\n')
    command("import", tmp_path / "db", "c", tmp_path / "t.jsonl", "--encoder", "hashing:8")
    done = command("export", tmp_path / "db", "c", tmp_path / "out.jsonl", "--no-vectors")
    assert done.err == ""
    assert (tmp_path / "out.jsonl").read_text() == '{"id":"a","text":"b","metadata":{"n":1}}\n'


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_several_columns_make_one_text(products: Path, command: Command, tmp_path: Path, ending: str) -> None:
    taken = ("--id-column", "sku", "--text-column", "Title", "--text-column", "body", "--encoder", "hashing:8")
    if ending != "csv":
        pytest.importorskip("pandas")
        import pandas

        frame = pandas.read_csv(products, dtype={"zip": str})
        path = products.with_suffix(f".{ending}")
        frame.to_parquet(path) if ending == "parquet" else frame.to_json(path, orient="records", lines=True)
        products, taken = path, tuple("title" if one == "Title" else one for one in taken)
    assert command("import", tmp_path / "db", "c", products, *taken).code == 0
    found = rows_of(tmp_path / "db")
    assert [(id_, text) for id_, text, _ in found] == [("p1", "Kettle\n\nBoils water"), ("p2", "Pan"), ("p3", "Cuts")]
    assert (found[0][2]["title"], found[0][2]["body"]) == ("Kettle", "Boils water")
    out = tmp_path / f"out.{ending}"
    assert command("export", tmp_path / "db", "c", out, "--no-vectors").code == 0
    if ending == "csv":
        assert out.read_text().splitlines()[0] == PRODUCTS.splitlines()[0]
    assert command("import", tmp_path / "again", "c", out, *taken).code == 0
    assert rows_of(tmp_path / "again") == found
    with vicinal.connect(tmp_path / "db") as opened:  # the text is no longer what the columns say
        opened.collection("c").update(["p1"], texts=["another"])
    command("export", tmp_path / "db", "c", out, "--no-vectors")
    assert command("import", tmp_path / "third", "c", out, "--encoder", "hashing:8").code == 0
    assert {text for _, text, _ in rows_of(tmp_path / "third")} == {"another", "Pan", "Cuts"}


def test_a_column_of_texts_that_is_not_there_is_named(products: Path, command: Command, tmp_path: Path) -> None:
    done = command("import", tmp_path / "db", "c", products, "--text-column", "title", "--text-column", "summary")
    assert done.code == 1
    assert "there is no column 'summary'" in done.err


VALUES = (
    st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.none()
    | st.decimals(allow_nan=False, allow_infinity=False, places=2)
    | st.dates()
    | st.lists(st.integers(0, 3), max_size=2)
    | st.sampled_from(["", "NA", "1.234", "1,5", "007", "true", " a ", "x;y", "3", '"', "a\nb", "[1]", "+491234567"])
)
KEYS = st.sampled_from(
    ["a", "b b", "price", "id", "Text", "url", "ttl", "metadata", "metadata.a", "_id", " x", "é", '"']
)


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(st.dictionaries(KEYS, VALUES, max_size=4), min_size=1, max_size=4),
    ending=st.sampled_from(["csv", "jsonl", "parquet"]),
)
def test_whatever_the_values_are_they_come_back_under_their_names(
    rows: list[dict[str, Any]], ending: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path_factory.mktemp("columns") / f"x.{ending}"
    layout = Layout(id="url", text="body", is_flat=True, names=("price", "url", "body", "a"))
    records = [Record(f"r{i}", f"text {i}", metadata) for i, metadata in enumerate(rows)]
    write_rows(path, records, layout=layout)
    columns = transfer._columns("url", ["body"], None)
    found = [row.row for row in read_rows(path, reading=Reading(columns=columns))]
    assert [(row["id"], row["text"]) for row in found] == [(record.id, record.text) for record in records]
    assert [typed(row.get("metadata", {})) for row in found] == [typed(record.metadata) for record in records]


def typed(metadata: dict[str, Any]) -> dict[str, str]:
    return {key: f"{type(value).__name__} {value!r}" for key, value in metadata.items()}


def test_keys_that_nothing_is_lost_of_have_columns_of_their_own(tmp_path: Path) -> None:
    layout = Layout(is_flat=True, names=("id", "text", "price", "name"))
    metadata = [
        {"price": 1.5, "name": "a", "mixed": 7},
        {"price": 2.25, "name": "7", "mixed": "7"},
    ]
    write_rows(tmp_path / "x.csv", [Record(str(i), "t", one) for i, one in enumerate(metadata)], layout=layout)
    assert (tmp_path / "x.csv").read_text().splitlines()[0] == "id,text,price,name,metadata.mixed"


def _written(folder: Path, kind: str) -> tuple[Path, list[object]]:
    """Writes a file of three rows; returns it and the further arguments that are needed to read it."""
    path = folder / f"x.{kind}"
    lines = [json.dumps({"id": i, "text": f"text {i}"}) for i in range(3)]
    if kind == "jsonl":
        path.write_text("\n\n".join(lines))
    elif kind == "json":
        path.write_text(f"[{','.join(lines)}]")
    elif kind == "csv":
        path.write_text("id,text\n1,a\n2,b\n3,c\n")
    elif kind == "parquet":
        pandas = pytest.importorskip("pandas")
        pytest.importorskip("pyarrow")
        pandas.DataFrame({"id": [1, 2, 3], "text": list("abc")}).to_parquet(path)
    elif kind == "npy":
        np.save(path, np.eye(3))
    else:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE t (id, text)")
            connection.executemany("INSERT INTO t VALUES (?, ?)", [(i, "a") for i in range(3)])
            connection.commit()
    return path, [] if kind == "npy" else ["--encoder", "hashing:8"]


@pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "parquet", "npy", "sqlite"])
def test_how_many_rows_come_is_known_for_the_time_left(
    kind: str, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    totals: list[int | None] = []

    @contextmanager
    def shown(description: str, total: int | None = None) -> Any:
        totals.append(total)
        yield lambda done: None

    monkeypatch.setattr(transfer, "progress", shown)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    path, options = _written(tmp_path, kind)
    assert command("import", tmp_path / "db", "c", path, *options).code == 0
    assert totals == [3]
