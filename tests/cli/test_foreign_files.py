"""Files of other programs are imported by one command each, as docs/import.md shows, and nothing is lost."""

from __future__ import annotations

import gzip
import math
import re
import shlex
import sqlite3
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

import vicinal
from support import foreign_files
from support.foreign_files import NOON, TEXTS, VECTORS
from vicinal.cli.files import ColumnNames, Reading, read_rows
from vicinal.cli.files.extended_json import loads
from vicinal.errors import InvalidArgument, InvalidInput

Command = Callable[..., Any]
PAGE = Path(__file__).parents[2] / "docs" / "import.md"

# For each file, by the function that writes it: ids, whether there are vectors, metadata.
EXPECTED: dict[str, tuple[list[Any] | None, list[bool], list[dict[str, Any]]]] = {
    "pandas": (
        ["p1", "p2", "p3"],
        [True] * 3,
        [
            {"stars": 5, "price": 19.9, "seen": datetime(2024, 5, 1, 10, 0, 0, 500_000), "kind": "a"},
            {"kind": "b"},
            {"stars": 3, "price": 5.0, "seen": datetime(2024, 5, 2)},
        ],
    ),
    "polars": (
        [1, 2, 3],
        [True] * 3,
        [
            {"tags": ["a", "b"], "maker": {"name": "Ann", "year": 1999}, "day": date(2024, 5, 1)},
            {"tags": [], "took": 1.5},
            {"maker": {"name": "Bo", "year": None}, "day": date(1969, 12, 31)},
        ],
    ),
    "pyarrow": (
        ["a", "b", "c"],
        [True] * 3,
        [
            {"opens": "10:00:00", "takes": 90, "raw": "/w==", "sizes": {"s": 1}, "price": Decimal("19.90"),
             "exact": "2024-05-01 10:00:00.000000001"},
            {},
            {"opens": "00:00:00", "takes": 1.5, "raw": "", "sizes": {}, "price": Decimal("5.00"),
             "exact": "1970-01-01 00:00:00.000000000"},
        ],
    ),
    "duckdb": (
        [10, 11, 12],
        [True] * 3,
        [
            {"made": datetime(2024, 5, 1 + i, 10), "dims": {"w": i, "h": None}, "price": Decimal("19.90")}
            for i in range(3)
        ],
    ),
    "sqlite": ([7, 8, 9], [True] * 3, [{"price": 19.9, "raw": "/w=="}, {}, {"price": 5.0, "raw": ""}]),
    "mongoexport": (
        ["65f0c0ffee0000000000000a", "65f0c0ffee0000000000000b", "65f0c0ffee0000000000000c"],
        [False] * 3,
        [
            {"views": 2**53 + 1, "at": NOON, "price": Decimal("19.90"), "score": None, "key": UUID(int=7)},
            {"at": NOON},
            {"tags": ["a", {"n": 5}]},
        ],
    ),
    "excel": (
        [1, 2, 3],
        [False] * 3,
        [{"Preis": 1234.5, "PLZ": "01234"}, {"Preis": 5.0, "PLZ": "99999"}, {"Preis": 12.5, "PLZ": "00001"}],
    ),
    "hugging_face": (
        None,
        [True, False, True],
        [
            {"label": 0, "image": {"bytes": "iVBORw==", "path": None}},
            {"label": 1},
            {"image": {"bytes": None, "path": "a.png"}},
        ],
    ),
    "faiss": ([101, 2**40, 7], [True] * 3, [{}, {}, {}]),
    "elasticsearch": (["e0", "e1", "e2"], [False] * 3, [{"views": i} for i in range(3)]),
}  # fmt: skip


def commands() -> dict[str, list[str]]:
    """Returns the commands of the page by the file that they import."""
    found = re.findall(r"^\|.*\| `vicinal (import .*)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {words[3]: words for words in map(shlex.split, found)}


@pytest.mark.parametrize("make", foreign_files.FILES, ids=lambda make: make.__name__)
def test_a_file_of_another_program_is_imported_by_one_command(
    make: Callable[[Path], None], command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMBEDDING_MODEL", "hashing:16")  # MiniLM takes its time
    make(tmp_path)
    [words] = [words for name, words in commands().items() if (tmp_path / name).is_file() and name != "ids.npy"]
    done = command(*words)
    assert (done.code, done.err) == (0, "")
    ids, with_vector, metadata = EXPECTED[make.__name__]
    with vicinal.connect(tmp_path / "data") as database:
        docs = database.collection("docs")
        records = docs.get(vectors=True)
        if ids is not None:
            assert [record.id for record in records] == ids
            assert [type(record.id) for record in records] == [type(id_) for id_ in ids]
        assert [record.text for record in records] == ([None] * 3 if make.__name__ == "faiss" else TEXTS)
        assert [record.metadata for record in records] == metadata
        for record, wanted in zip(records, metadata, strict=True):
            assert [type(record.metadata[key]) for key in wanted] == [type(value) for value in wanted.values()]
        for record, vector, there in zip(records, VECTORS, with_vector, strict=True):
            if there:
                assert record.vector is not None
                assert record.vector.tobytes() == vector.tobytes()
            else:
                assert record.vector is None or len(record.vector) == 16


# -- Parquet


def parquet_file(tmp_path: Path, columns: dict[str, Any], **options: Any) -> Path:
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    parquet.write_table(arrow.table(columns), tmp_path / "x.parquet", **options)
    return tmp_path / "x.parquet"


def test_a_column_that_was_named_may_have_nulls(tmp_path: Path) -> None:
    file = parquet_file(tmp_path, {"key": ["a", "b"], "body": ["x", None], "emb": [None, [1.0, 2.0]]})
    columns = ColumnNames("key", "body", "emb", required=frozenset(("key", "body", "emb")))
    first, second = (row.row for row in read_rows(file, columns))
    assert first == {"id": "a", "text": "x", "metadata": {}}
    assert (second["id"], list(second["vector"])) == ("b", [1.0, 2.0])
    with pytest.raises(InvalidInput, match="there is no column 'vec'"):
        list(read_rows(file, ColumnNames(vector="vec", required=frozenset(("vec",)))))


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    table = arrow.Table.from_arrays([arrow.array(["a"]), arrow.array([1]), arrow.array([2])], ["text", "n", "n"])
    parquet.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(InvalidInput, match="the column 'n' occurs twice"):
        list(read_rows(tmp_path / "x.parquet"))


def test_instants_have_one_type_in_the_whole_file(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    ticks = [0] * 3000
    ticks[2999] = 1
    file = parquet_file(tmp_path, {"text": ["t"] * 3000, "at": arrow.array(ticks, arrow.timestamp("ns"))})
    assert {type(row.row["metadata"]["at"]) for row in read_rows(file)} == {str}


@pytest.mark.parametrize(
    ("cells", "is_blob"),
    [
        ([VECTORS[0].astype("<f4").tobytes(), None], True),
        (["[1.0, 0.0, 0.5]", None], False),
    ],
)
def test_vectors_may_be_bytes_or_json(cells: list[Any], is_blob: bool, tmp_path: Path) -> None:
    file = parquet_file(tmp_path, {"id": ["a", "b"], "vector": cells})
    first, second = (row.row for row in read_rows(file))
    assert np.array_equal(first["vector"], VECTORS[0])
    assert "vector" not in second
    bad = parquet_file(tmp_path, {"id": ["a"], "vector": [b"12345" if is_blob else "x"]})
    with pytest.raises(InvalidInput, match="vector"):
        list(read_rows(bad))


def test_texts_may_be_bytes(tmp_path: Path) -> None:
    file = parquet_file(tmp_path, {"id": [b"a"], "text": ["grüße".encode()], "raw": [b"\xff"]})
    assert [row.row for row in read_rows(file)] == [{"id": "a", "text": "grüße", "metadata": {"raw": "/w=="}}]


def test_an_index_of_pandas_without_a_name_is_left_out(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    pandas.DataFrame({"text": ["a", "b"]}, index=[5, 7]).to_parquet(tmp_path / "x.parquet")
    reading = Reading()
    assert [row.row["metadata"] for row in read_rows(tmp_path / "x.parquet", reading=reading)] == [{}, {}]
    assert "the unnamed index of pandas is left out" in reading.notes[0]


def test_a_stream_of_arrow_is_what_datasets_keep(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    ipc = pytest.importorskip("pyarrow.ipc", reason="pyarrow is not installed")
    table = arrow.table({"text": TEXTS, "n": [1, None, 3]})
    with ipc.new_stream(tmp_path / "data-00000-of-00001.arrow", table.schema) as writer:
        writer.write_table(table)
    rows = [row.row for row in read_rows(tmp_path / "data-00000-of-00001.arrow")]
    assert [(row["text"], row["metadata"]) for row in rows] == list(zip(TEXTS, [{"n": 1}, {}, {"n": 3}], strict=True))


# -- JSON


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"$oid": "a"}', "a"),
        ('{"$date": "2024-05-01T10:00:00.000Z"}', NOON),
        ('{"$date": 1714557600000}', NOON),
        ('{"$date": {"$numberLong": "-1"}}', datetime.fromisoformat("1969-12-31T23:59:59.999+00:00")),
        ('{"$date": "2024-05-01"}', date(2024, 5, 1)),
        ('{"$numberInt": "5"}', 5),
        ('{"$numberLong": "-9223372036854775808"}', -(2**63)),
        ('{"$numberDouble": "1.5"}', 1.5),
        ('{"$numberDouble": "-Infinity"}', -math.inf),  # which the collection refuses, as it does that of decimals
        ('{"$numberDouble": "NaN"}', None),
        ('{"$numberDecimal": "-Infinity"}', Decimal("-Infinity")),
        ('{"$numberDecimal": "NaN"}', None),
        ('{"$numberDecimal": "1.10"}', Decimal("1.10")),
        ('{"$uuid": "00000000-0000-0000-0000-000000000007"}', UUID(int=7)),
        ('{"$binary": {"base64": "/w==", "subType": "00"}}', "/w=="),
        ('{"$binary": "/w==", "$type": "00"}', "/w=="),
        ('{"$binary": "AAAAAAAAAAAAAAAAAAAABw==", "$type": "03"}', UUID(int=7)),
        ('{"$timestamp": {"t": 1714557600, "i": 1}}', NOON),
        ('{"$regularExpression": {"pattern": "a", "options": "i"}}', "/a/i"),
        ('{"$regex": "a", "$options": "i"}', "/a/i"),
        ('{"$undefined": true}', None),
        ('{"$minKey": 1}', None),
        ('{"$datetime": "2024-05-01T10:00:00+00:00"}', NOON),
        ('{"$int": "0x10"}', 16),
        ('{"$$oid": "a"}', {"$oid": "a"}),
        ('{"$ref": "a", "$id": "b"}', {"$ref": "a", "$id": "b"}),
    ],
)
def test_extended_json(text: str, value: Any) -> None:
    assert loads(f'[{text}, {{"deep": {text}}}]') == [value, {"deep": value}]


@pytest.mark.parametrize("text", ['{"$date": "soon T"}', '{"$date": []}', '{"$numberLong": "x"}', '{"$binary": {}}'])
def test_what_is_no_extended_json_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(f'{{"text": "a"}}\n{{"text": "b", "v": {text}}}\n')
    with pytest.raises(InvalidInput, match=r"x.jsonl:2: the line is not a JSON object"):
        list(read_rows(tmp_path / "x.jsonl"))


def test_a_name_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"text": "a", "deep": {"n": 1, "n": 2}}\n')
    with pytest.raises(InvalidInput, match=r"x.jsonl:1: .*the name 'n' occurs twice"):
        list(read_rows(tmp_path / "x.jsonl"))
    (tmp_path / "x.jsonl").write_text('{"text": "a", "n": 1, "metadata": {"n": 2}}\n')
    with pytest.raises(InvalidInput, match=r"x.jsonl:1: 'n' occurs twice, within 'metadata' and beside it"):
        list(read_rows(tmp_path / "x.jsonl"))


def test_an_array_of_objects(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('\n[{"_id": {"$oid": "a"}, "text": "x"},\n {"text": "y"}, 5]')
    reading = Reading(on_error="skip")
    assert [row.row for row in read_rows(tmp_path / "x.json", reading=reading)] == [
        {"id": "a", "text": "x", "metadata": {}},
        {"text": "y", "metadata": {}},
    ]
    assert reading.problems == [(f"{tmp_path / 'x.json'}: row 2", "the row is not a JSON object")]
    (tmp_path / "x.json").write_text('[{"text": "x"},')
    with pytest.raises(InvalidInput, match="the file is not JSON"):
        list(read_rows(tmp_path / "x.json"))
    (tmp_path / "x.json").write_text('{"text": "x"}\n{"text": "y"}\n')
    assert [row.row["text"] for row in read_rows(tmp_path / "x.json")] == ["x", "y"]


def test_jsonl_in_utf_16_and_with_a_mark(tmp_path: Path) -> None:
    for encoding in ("utf-16", "utf-8-sig"):
        (tmp_path / "x.jsonl").write_bytes('{"text": "grüße"}\n'.encode(encoding))
        assert [row.row["text"] for row in read_rows(tmp_path / "x.jsonl")] == ["grüße"]


# -- SQLite, npy


def test_a_table_of_sqlite_must_be_chosen(tmp_path: Path) -> None:
    foreign_files.sqlite(tmp_path)
    with pytest.raises(InvalidArgument, match=r"there are 2 tables .*--table: articles, orders"):
        list(read_rows(tmp_path / "shop.sqlite"))
    with pytest.raises(InvalidArgument, match="there is no table 'x\"; drop table articles; --'"):
        list(read_rows(tmp_path / "shop.sqlite", reading=Reading(table='x"; drop table articles; --')))
    (tmp_path / "x.db").write_bytes(b"not a database" * 100)
    with pytest.raises(InvalidInput, match="cannot be read as an SQLite database"):
        list(read_rows(tmp_path / "x.db"))


def test_names_of_sqlite_are_quoted(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "x.db")
    connection.execute('create table "a "" b" (text, "c "" d")')
    connection.execute('insert into "a "" b" values (?, ?)', ("x", 5))
    connection.commit()
    connection.close()
    assert [row.row for row in read_rows(tmp_path / "x.db")] == [{"text": "x", "metadata": {'c " d': 5}}]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"a\n\nb\n", ":2: the line is empty"),
        (b"a\nb\n\xff\n", ":3: the line is not UTF-8"),
        (b"a\nb\n", "there are 2 ids for 3 vectors"),
    ],
)
def test_ids_go_to_their_own_vectors_or_nowhere(content: bytes, problem: str, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.eye(3))
    (tmp_path / "ids.txt").write_bytes(content)
    with pytest.raises(InvalidInput, match=problem):
        list(read_rows(tmp_path / "v.npy", ids=tmp_path / "ids.txt"))


def test_ids_may_have_any_line_ends(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.eye(3))
    for content in (b"a\r\n b \r\n3", b"a\r b \r3\r", b"\xef\xbb\xbfa\n b \n3\n\n"):
        (tmp_path / "ids.txt").write_bytes(content)
        assert [row.row["id"] for row in read_rows(tmp_path / "v.npy", ids=tmp_path / "ids.txt")] == ["a", " b ", 3]


# -- what skipping helps with, and what not


def test_rows_of_parquet_that_do_not_fit_are_numbered_and_skipped(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    right = np.array([1, 2], np.float32).tobytes()
    for name, column, problem in (
        ("blob", {"text": ["a", "b", "c"], "vector": [right, b"123", right]}, "3 bytes are not a float32 vector"),
        ("json", {"text": ["a", "b", "c"], "vector": ["[1, 2]", "[", "[1, 2]"]}, "the vector is not a JSON list"),
        ("text", {"text": [b"a", b"\xff", b"c"], "id": [b"1", b"2", b"3"]}, "'text' holds bytes that are not UTF-8"),
    ):
        file, skipping = tmp_path / f"{name}.parquet", Reading(on_error="skip")
        parquet.write_table(arrow.table(column), file)
        with pytest.raises(InvalidInput, match=f"{name}.parquet: row 1: .*{problem}.*--on-error skip"):
            list(read_rows(file))
        assert [row.row["text"] for row in read_rows(file, reading=skipping)] == ["a", "c"]
        assert len(skipping.problems) == 1


def test_skipping_is_not_advised_where_nothing_can_be_skipped(tmp_path: Path) -> None:
    np.save(tmp_path / "short.npy", np.eye(3))
    (tmp_path / "ids.txt").write_text("a\nb\n")
    files = {
        "x.npy": b"no array",
        "x.parquet": b"no table",
        "x.db": b"no database" * 100,
        "x.json": b"[{}",
        "y.json": b'[{"text": "\xff"}]',
        "x.jsonl.gz": gzip.compress(b'{"text": "a"}\n' * 99)[:-9],
        "x.csv": b"id,text,text\n1,a,b\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    for name in (*files, "short.npy"):
        ids = tmp_path / "ids.txt" if name == "short.npy" else None
        with pytest.raises(InvalidInput) as refused:
            list(read_rows(tmp_path / name, reading=Reading(ids=ids, on_error="skip")))
        assert refused.value.remedy, name
        assert "--on-error skip" not in str(refused.value), name


def test_infinity_of_mongodb_is_refused_and_not_lost(command: Command, tmp_path: Path) -> None:
    for kind in ("Double", "Decimal"):
        (tmp_path / "x.jsonl").write_text(f'{{"text": "a", "n": {{"$number{kind}": "Infinity"}}}}\n')
        done = command("import", tmp_path / "db", "c", tmp_path / "x.jsonl", "--encoder", "none")
        assert done.code == 1
        assert "x.jsonl:1: metadata.n is " in done.err


def test_instants_of_a_parquet_column_are_of_one_type(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    ticks = [0] * 2_000 + [2**58]  # in another batch than the first
    for kind, first, last in (
        (arrow.timestamp("us"), "1970-01-01T00:00:00.000000", "+11103-08-29T17:22:31.711744"),
        (arrow.timestamp("us", "UTC"), "1970-01-01T00:00:00.000000Z", "+11103-08-29T17:22:31.711744Z"),
    ):
        table = arrow.table({"text": ["t"] * len(ticks), "at": arrow.array(ticks).cast(kind)})
        parquet.write_table(table, tmp_path / "x.parquet")
        found = [row.row["metadata"]["at"] for row in read_rows(tmp_path / "x.parquet")]
        assert (found[0], found[-1]) == (first, last)
        assert {type(at) for at in found} == {str}
