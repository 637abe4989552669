"""Rows between collections and files: exports are imported unchanged, and bad lines are named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import vicinal
from vicinal.cli.files import ColumnNames, read_rows, write_rows
from vicinal.cli.files.rows import from_cell, to_cell
from vicinal.types import Record

Command = Callable[..., Any]

LATER = datetime.now(UTC).replace(microsecond=123456) + timedelta(days=3)
METADATA: list[dict[str, Any]] = [
    {"year": 2024, "price": Decimal("1.10"), "day": date(2024, 5, 1), "at": datetime(2024, 5, 1, 12, 30, tzinfo=UTC)},
    {
        "year": "2024",
        "none": None,
        "yes": True,
        "half": 0.5,
        "whole": 1.0,
        "big": 10**30,
        "nested": {"a": [1, {"$x": 2}]},
    },
    {},
    {"id": "not the id", "text": 7, "vector": [1], "ttl": "x", "metadata": {"a": 1}, "metadata.id": 1, "": "nameless"},
    {"$date": "not a date", "comma": 'a,"b"\n\r\n', "uuid": UUID(int=7), "empty": "", "quoted": '"x"', "null": "null"},
]
IDS: list[Any] = ["a", 1, "1", UUID(int=1), "ü,\n\"'"]
TEXTS: list[Any] = ["one", "2024", "line\nline\r\n", " spaced \u2028 ", 'a "quoted", text']
VECTORS = np.random.default_rng(5).normal(size=(5, 3)).astype(np.float32)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Five rows that are difficult to write to a file."""
    path = tmp_path / "database"
    with vicinal.connect(path) as opened, opened.collection("odd", dimension=3) as odd:
        odd.add(IDS, texts=TEXTS, vectors=VECTORS, metadata=METADATA, ttl=[None, LATER, None, None, None])
    return path


def rows_of(path: Path, name: str, **options: Any) -> list[Any]:
    with vicinal.connect(path) as opened:
        records = opened.collection(name).get(vectors=True)
    return [
        (
            r.id,
            type(r.id),
            r.text,
            json.loads(json.dumps(str(r.metadata))),
            r.expires_at,
            None if r.vector is None else r.vector.tolist(),
        )
        for r in records
    ]


@pytest.mark.parametrize("ending", ["jsonl", "ndjson", "csv", "parquet"])
def test_what_is_exported_is_imported_the_same(ending: str, database: Path, command: Command, tmp_path: Path) -> None:
    first, second = tmp_path / f"first.{ending}", tmp_path / f"second.{ending}"
    assert command("export", database, "odd", first, "--vectors").out == f"5 rows written to {first}.\n"
    done = command("import", database, "again", first)
    assert (done.code, done.err) == (0, "")
    assert done.out == f"5 rows from {first}; again holds 5.\n"
    assert rows_of(database, "again") == rows_of(database, "odd")
    command("export", database, "again", second, "--vectors")
    assert second.read_bytes() == first.read_bytes()
    command("import", database, "again", first)  # equal ids are replaced
    assert rows_of(database, "again") == rows_of(database, "odd")


def test_vectors_alone_go_to_npy_and_back(database: Path, command: Command, tmp_path: Path) -> None:
    vectors, ids = tmp_path / "v.npy", tmp_path / "ids.txt"
    with vicinal.connect(database) as opened, opened.collection("odd", dimension=3) as odd:
        odd.add(["\r", " ", " a\t", "\u2028", '"x"'], vectors=VECTORS)
    refused = command("export", database, "odd", vectors, "--ids", ids)
    assert "id 'a': the row has a text, and an npy file holds vectors alone" in refused.err
    assert not vectors.exists()
    assert command("export", database, "odd", vectors, "--ids", ids, "--vectors-only").code == 0
    assert np.array_equal(np.load(vectors), [*VECTORS, *VECTORS])
    assert command("import", database, "again", vectors, "--ids", ids).code == 0
    with vicinal.connect(database) as opened:
        records = opened.collection("again").get(vectors=True)
    assert [record.id for record in records] == [*IDS, "\r", " ", " a\t", "\u2028", '"x"']
    assert np.array_equal([record.vector for record in records], [*VECTORS, *VECTORS])
    assert command("import", database, "unnamed", vectors).out.endswith("unnamed holds 10.\n")


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_categories=["Cs"]))
        | st.decimals(allow_nan=False, allow_infinity=False)
        | st.dates()
        | st.datetimes().map(lambda moment: moment.replace(fold=0))
        | st.uuids(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3)
        ),
    )
)
def test_any_value_fits_into_a_cell(value: Any) -> None:
    cell = to_cell(value)
    assert cell
    back = from_cell(cell)
    assert (repr(back), type(back)) == (repr(value), type(value))


@given(st.text())
def test_any_cell_has_a_value_that_is_written_the_same(cell: str) -> None:
    value = from_cell(cell)
    if not isinstance(value, str):
        assert to_cell(value) == cell


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("2024", 2024), ("-1", -1), ("0.5", 0.5), ("true", True), ("null", None), ("[1,2]", [1, 2]), ('"7"', "7"),
        ("007", "007"), ("1.10", "1.10"), ("1e5", "1e5"), ("+1", "+1"), ("NaN", "NaN"), ("-Infinity", "-Infinity"),
        ("1e999", "1e999"), ("[1, 2]", "[1, 2]"), ("True", "True"), ("12 monkeys", "12 monkeys"),
        ('1,"x":2', '1,"x":2'),
        ('{"$date":"2024-05-01"}', date(2024, 5, 1)), ('{"$date":"soon"}', '{"$date":"soon"}'),
        ("[" * 5000, "[" * 5000),
    ],
)  # fmt: skip
def test_cells_are_values_only_where_nothing_is_lost(cell: str, value: Any) -> None:
    assert from_cell(cell) == value
    assert type(from_cell(cell)) is type(value)


# --- files of other people ---


def test_columns_can_be_named_and_the_rest_is_metadata(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "articles.csv"
    file.write_text("\ufeffurl,body,year,note\nu/1,First text,2024,\nu/2,Second text,,x\n", encoding="utf-8")
    arguments = ("import", tmp_path / "db", "docs", file, "--id-column", "url", "--text-column", "body")
    assert command(*arguments, "--encoder", "hashing:64").code == 0
    with vicinal.connect(tmp_path / "db") as database:
        records = database.collection("docs").get()
    assert [(r.id, r.text, r.metadata) for r in records] == [
        ("u/1", "First text", {"year": 2024}),
        ("u/2", "Second text", {"note": "x"}),
    ]


def test_parquet_of_others_keeps_its_types(command: Command, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = {
        "id": [1, 2],
        "text": ["a", "2024"],
        "day": [date(2024, 5, 1), None],
        "number": ["2024", "x"],
        "price": [Decimal("1.10"), Decimal("2.00")],
        "vector": [[1.0, 2.0], [3.0, 4.0]],
    }
    parquet.write_table(pyarrow.table(table), tmp_path / "t.parquet")
    assert command("import", tmp_path / "db", "t", tmp_path / "t.parquet").code == 0
    with vicinal.connect(tmp_path / "db") as database:
        records = database.collection("t").get()
    assert [(r.id, r.text) for r in records] == [(1, "a"), (2, "2024")]
    assert records[0].metadata == {"day": date(2024, 5, 1), "number": "2024", "price": Decimal("1.10")}
    assert records[1].metadata == {"number": "x", "price": Decimal("2.00")}


def test_flat_json_lines_become_metadata(tmp_path: Path) -> None:
    file = tmp_path / "flat.jsonl"
    file.write_text('{"text": "a", "year": 2024, "metadata": {"kind": "x"}}\n\n  \n{"text": "b"}')
    rows = list(read_rows(file, ColumnNames()))
    assert rows[0].row == {"text": "a", "metadata": {"kind": "x", "year": 2024}}
    assert [row.place for row in rows] == [f"{file}:1", f"{file}:4"]


def test_the_model_of_the_settings_encodes_texts_of_a_new_collection(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMBEDDING_MODEL", "hashing:32")
    (tmp_path / "t.jsonl").write_text('{"text": "a"}\n')
    command("import", "db", "with", "t.jsonl")
    command("import", "db", "without", "t.jsonl", "--encoder", "none")
    with vicinal.connect("db") as database:
        assert database.collection("with").stats().encoder == "hashing:32"
        assert database.collection("without").stats().encoder is None


def test_the_metric_of_a_new_collection_can_be_chosen(command: Command, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.eye(3))
    assert command("import", tmp_path / "db", "v", tmp_path / "v.npy", "--metric", "l2").code == 0
    with vicinal.connect(tmp_path / "db") as database:
        assert database.collection("v").stats().metric == "l2"


# --- what is refused ---


@pytest.mark.parametrize(
    ("name", "content", "place", "problem"),
    [
        ("x.jsonl", '{"text":"a"}\n{"text":\n', ":2", "not a JSON object"),
        ("x.jsonl", '{"text":"a"}\n[1]\n', ":2", "not a JSON object"),
        ("x.jsonl", '{"text":"a","d":{"$date":"soon"}}\n', ":1", "not a JSON object"),
        ("x.jsonl", '{"text":"a","d":{"$decimal":"x"}}\n', ":1", "not a JSON object"),
        ("x.jsonl", "[" * 100_000, ":1", "not a JSON object"),
        ("x.jsonl", '{"body":"a"}\n', ":1", "no column 'text' or 'vector'"),
        ("x.jsonl", '{"text":"a"}\n{"text":5}\n', ":2", "text"),
        ("x.jsonl", '{"text":"a"}\n{"text":"b","metadata":"c"}\n', ":2", "metadata must be a dict"),
        ("x.jsonl", '{"text":"a"}\n{"text":"b","n":NaN}\n', ":2", "nan"),
        ("x.jsonl", b'{"text":"a"}\n\xff\n', ":2", "not UTF-8"),
        ("x.jsonl", '{"id":1,"text":"a"}\n\n{"id":true,"text":"b"}\n', ":3", "id"),
        ("x.csv", "id,text\n1,a\n2\n", ":3", "1 cells, the header 2"),
        ("x.csv", 'id,text\n1,"a\nb"\n2,b,c\n', ":4", "3 cells, the header 2"),
        ("x.csv", "id,text,id\n", ":1", "'id' occurs twice"),
        ("x.csv", 'id,text\n1,"open\n', ":2", "not CSV"),
        ("x.csv", "id,vector\n1,\"[1,2]\"\n2,x\n", ":3", "not a JSON list"),
        ("x.csv", "id,vector\n1,\"[1,2,3]\"\n2,\"[1,2]\"\n", ":3", "dimension"),
        ("x.parquet", "not parquet", "", "not Parquet"),
        ("x.npy", "not npy", "", "not an array"),
        ("x.npy", b"", "", "not an array"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named_and_its_batch_changes_nothing(
    name: str, content: str | bytes, place: str, problem: str, command: Command, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    done = command("import", tmp_path / "db", "c", file, "--encoder", "hashing:3")
    last = done.err.splitlines()[-1]
    assert done.code == 1
    assert last.startswith(f"vicinal: {file}{place}")
    assert problem in last
    if (tmp_path / "db").exists():
        with vicinal.connect(tmp_path / "db") as database:
            assert all(database.collection(found).count() == 0 for found in database.collections())


def test_batches_before_a_bad_one_stay_and_are_counted(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text("".join(f'{{"id":{i},"text":"a"}}\n' for i in range(300)) + "oops\n")
    done = command("import", tmp_path / "db", "c", file, "--encoder", "hashing:8")
    assert done.err.startswith("256 rows before that batch are stored.\nvicinal: ")
    assert f"{file}:301: " in done.err
    with vicinal.connect(tmp_path / "db") as database:
        assert database.collection("c").count() == 256


def test_a_named_column_must_exist(command: Command, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("id,text\n1,a\n")
    done = command("import", tmp_path / "db", "c", tmp_path / "x.csv", "--id-column", "key")
    assert "x.csv:1: there is no column 'key'. There are 'id', 'text'" in done.err
    assert not (tmp_path / "db").exists()


def test_ids_must_fit_the_vectors(command: Command, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.eye(3))
    (tmp_path / "ids.txt").write_text("a\nb\n")
    done = command("import", tmp_path / "db", "c", tmp_path / "v.npy", "--ids", tmp_path / "ids.txt")
    assert "there are 2 ids for 3 vectors" in done.err
    np.save(tmp_path / "v.npy", np.ones(3))
    assert "two dimensions" in command("import", tmp_path / "db", "c", tmp_path / "v.npy").err
    np.save(tmp_path / "v.npy", np.array([{}], dtype=object), allow_pickle=True)
    assert "not an array" in command("import", tmp_path / "db", "c", tmp_path / "v.npy").err
    (tmp_path / "x.csv").write_text("text\na\n")
    assert "--ids is for .npy" in command("import", tmp_path / "db", "c", tmp_path / "x.csv", "--ids", "ids.txt").err


@pytest.mark.parametrize(("file", "problem"), [("x.xml", "'.xml'"), ("x", "no ext"), ("x.csv", "there is no file")])
def test_unknown_endings_and_absent_files(file: str, problem: str, command: Command, tmp_path: Path) -> None:
    done = command("import", tmp_path / "db", "c", tmp_path / file)
    assert done.code == 1
    assert problem in done.err


def test_an_export_that_fails_leaves_the_old_file(command: Command, tmp_path: Path) -> None:
    with vicinal.connect(tmp_path / "db") as database:
        database.collection("c", dimension=2).add(["a"], texts=["no vector"])
    (tmp_path / "v.npy").write_text("old")
    done = command("export", tmp_path / "db", "c", tmp_path / "v.npy")
    assert "id 'a': the row has no vector" in done.err
    assert (tmp_path / "v.npy").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["db", "v.npy"]


def test_an_export_keeps_what_stands_at_its_target(database: Path, command: Command, tmp_path: Path) -> None:
    private, link = tmp_path / "private.csv", tmp_path / "link.csv"
    link.symlink_to(private)
    for mode in (0o600, 0o664):
        private.write_text("old")
        private.chmod(mode)
        assert command("export", database, "odd", link).code == 0
        assert link.is_symlink()
        assert private.stat().st_mode & 0o777 == mode
        assert private.read_text().startswith("id,text")
    new = tmp_path / "new" / "folders" / "x.jsonl.gz"
    assert command("export", database, "odd", new).code == 0
    assert len(list(read_rows(new))) == 5
    plain = tmp_path / "plain"
    plain.touch()
    assert new.stat().st_mode == plain.stat().st_mode
    for target, problem in ((tmp_path, "is a folder"), (private / "x.csv", "cannot be written: Not a directory")):
        done = command("export", database, "odd", target, "--format", "csv")
        assert done.code == 1
        assert problem in done.err
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.parametrize("name", ["pipe.csv", "pipe.parquet", "pipe.jsonl.gz"])
def test_an_export_is_written_through_a_named_pipe(name: str, database: Path, command: Command, tmp_path: Path) -> None:
    pipe, copy = tmp_path / name, tmp_path / f"copy-{name}"
    os.mkfifo(pipe)
    with copy.open("wb") as file, subprocess.Popen(["cat", pipe], stdout=file) as reader:
        try:
            done = command("export", database, "odd", pipe)
            assert pipe.is_fifo()
            assert reader.wait(10) == 0
        finally:
            reader.kill()
    assert done.code == 0
    assert [row.row["text"] for row in read_rows(copy)] == TEXTS


def test_another_name_of_standard_output_is_written_through(database: Path, tmp_path: Path) -> None:
    link, file = tmp_path / "stdout", tmp_path / "out.jsonl"
    link.symlink_to("/proc/self/fd/1" if Path("/proc/self/fd").is_dir() else "/dev/fd/1")
    program = f"""
from vicinal.cli.app import run
run(["export", {str(database)!r}, "odd", {str(link)!r}, "--format", "jsonl"])
"""
    with file.open("wb") as out:
        done = subprocess.run([sys.executable, "-c", program], stdout=out, stderr=subprocess.PIPE, check=True)
    assert b"5 rows written" in done.stderr
    assert len(list(read_rows(file))) == 5
    piped = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert piped.stdout == file.read_bytes()
    assert link.is_symlink()


def test_keys_of_metadata_keep_their_order_in_csv(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"a": 1, "d": 4}, {}, {"a": 1, "b": 2, "d": 4}, {"z": 0, "a": 1}, {"b": 2, "c": 3}]
    write_rows(tmp_path / "x.csv", [Record(id=i, text="t", metadata=row) for i, row in enumerate(rows)])
    read = [row.row["metadata"] for row in read_rows(tmp_path / "x.csv")]
    assert [list(row.items()) for row in read] == [list(row.items()) for row in rows]
    rows.append({"d": 4, "a": 1})  # no order is that of all
    write_rows(tmp_path / "x.csv", [Record(id=i, text="t", metadata=row) for i, row in enumerate(rows)])
    assert [row.row["metadata"] for row in read_rows(tmp_path / "x.csv")] == rows


def test_a_format_that_is_only_read_is_not_offered_for_export(database: Path, command: Command, tmp_path: Path) -> None:
    assert "sqlite" not in command("export", "--help").out
    done = command("export", database, "odd", tmp_path / "x", "--format", "sqlite")
    assert "sqlite is read, not written. Use one of jsonl, csv, parquet, npy." in done.err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet", "npy"])
def test_an_empty_collection_makes_an_empty_file(ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"x.{ending}"
    write_rows(file, [])
    assert list(read_rows(file, ColumnNames())) == []


def test_rows_without_text_and_metadata(tmp_path: Path) -> None:
    record = Record(id="a", text=None, metadata={})
    for ending in ("jsonl", "parquet"):
        write_rows(tmp_path / f"x.{ending}", [record])
        assert [row.row for row in read_rows(tmp_path / f"x.{ending}", ColumnNames())] == [{"id": "a", "metadata": {}}]


def test_parquet_without_pyarrow_names_the_extra(tmp_path: Path) -> None:
    program = f"""
import sys
sys.modules["pyarrow"] = None
sys.argv = ["vicinal", "import", {str(tmp_path / "db")!r}, "c", {str(tmp_path / "x.parquet")!r}]
open(sys.argv[-1], "w").close()
from vicinal.cli import main
main()
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'vicinal[parquet]'" in done.stderr
