"""CSV as people write it: types by column, dialects, encodings, and malformed lines."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import vicinal
from vicinal.cli.files import Reading, read_rows
from vicinal.cli.files.cells import asked_types
from vicinal.errors import InvalidArgument, InvalidInput

Command = Callable[..., Any]


def column(tmp_path: Path, cells: list[str], *, delimiter: str = ",", types: str = "") -> list[Any]:
    """Returns the values of a column with these cells, None if a row has none."""
    file = tmp_path / "x.csv"
    quoted = [f'"{cell}"' if set(cell) & {",", ";"} else cell for cell in cells]
    file.write_text(f"text{delimiter}v\n" + "".join(f"t{delimiter}{cell}\n" for cell in quoted), encoding="utf-8")
    return [row.row["metadata"].get("v") for row in read_rows(file, reading=Reading(types=asked_types(types)))]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["19.90", "5.00", "12.5"], [19.9, 5.0, 12.5]),
        (["1", "2.5"], [1.0, 2.5]),
        (["1", "-2", "0"], [1, -2, 0]),
        (["+5", "-3"], [5, -3]),
        (["+4915112345678", "+15551234567"], ["+4915112345678", "+15551234567"]),
        (["1e3", "2.5E-1"], [1000.0, 0.25]),
        (["1e999", "1"], ["1e999", "1"]),
        (["01234", "99999"], ["01234", "99999"]),
        (["0", "0.5", ".5", "5."], [0.0, 0.5, 0.5, 5.0]),
        (["True", "False", ""], [True, False, None]),
        (["TRUE", "false"], [True, False]),
        (["true", "maybe"], ["true", "maybe"]),
        (["1", "NA", "NaN", "null", "-", "3"], [1, None, None, None, None, 3]),
        (["NA", "Namibia"], ["NA", "Namibia"]),
        (["NA", "NaN"], ["NA", "NaN"]),
        (["1", "two"], ["1", "two"]),
        (["99999999999999999999", "1"], [99999999999999999999, 1]),
        (["0.1234567890123456789", "1"], [Decimal("0.1234567890123456789"), Decimal("1")]),
        (["2024-05-01", "2024-05-02"], ["2024-05-01", "2024-05-02"]),
        (['["a", "b"]', "[]"], [["a", "b"], []]),
        (['{"a": 1}', "x"], ['{"a": 1}', "x"]),
        (["1,234.50", "99.95", "1,000,000"], [1234.5, 99.95, 1000000.0]),
        (["1,234", "5,678"], ["1,234", "5,678"]),  # thousands or decimals: this is ambiguous
        (["52,1", "13,4"], ["52,1", "13,4"]),
        ([" 5", "6 "], [5, 6]),
        (["inf", "-inf", "1.0"], ["inf", "-inf", "1.0"]),
        (["1_000", "2"], ["1_000", "2"]),
        (["٣", "4"], ["٣", "4"]),
        (["0x10", "1"], ["0x10", "1"]),
    ],
)  # fmt: skip
def test_a_column_has_one_type(cells: list[str], values: list[Any], tmp_path: Path) -> None:
    if any('"' in cell for cell in cells):
        cells = [cell.replace('"', '""') for cell in cells]
        cells = [f'"{cell}"' for cell in cells]
        (tmp_path / "x.csv").write_text("text,v\n" + "".join(f"t,{cell}\n" for cell in cells))
        found = [row.row["metadata"].get("v") for row in read_rows(tmp_path / "x.csv")]
    else:
        found = column(tmp_path, cells)
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["19,90", "5,00", "1.234,5", "7"], [19.9, 5.0, 1234.5, 7.0]),
        (["1.5", "2.5"], [1.5, 2.5]),
        (["1.5", "2,5"], ["1.5", "2,5"]),
        (["1,234", "2,345"], ["1,234", "2,345"]),
        (["1,234.50", "2"], [1234.5, 2.0]),
    ],
)
def test_between_semicolons_a_comma_may_begin_a_fraction(cells: list[str], values: list[Any], tmp_path: Path) -> None:
    assert column(tmp_path, cells, delimiter=";") == values


@pytest.mark.parametrize(
    ("lines", "values"),
    [
        (["p;q", "1.234;5,00", "2.000;6"], ["1.234", "2.000"]),  # the file has a decimal comma
        (["p;q", "1.234;5,00", "500;6"], ["1.234", "500"]),
        (["p\tq", "1.234\t5,00", "2.000\t6"], ["1.234", "2.000"]),
        (["p,q", '1.234,"5,00"', "2.000,6"], ["1.234", "2.000"]),
        (["p;q", "1.5;5,00", "2.25;6"], [1.5, 2.25]),
        (["p;q", "0.234;5,00", "2.000;6"], [0.234, 2.0]),
        (["p;q", "1.234;5", "2.000;6"], ["1.234", "2.000"]),  # it may have one
        (["p;q", "1.234;5.5", "2.000;6"], [1.234, 2.0]),  # it has a decimal point
        (["p;q", "1.234;5", "500;6"], [1.234, 500.0]),
        (["p,q", "1.234,5", "2.000,6"], [1.234, 2.0]),
    ],
)
def test_a_point_may_set_thousands_apart(lines: list[str], values: list[Any], tmp_path: Path) -> None:
    mark = lines[0][1]
    file, reading = tmp_path / "x.csv", Reading()
    file.write_text("".join(f"{cell}{mark}{line}\n" for cell, line in zip(("text", "a", "b"), lines, strict=True)))
    assert [row.row["metadata"]["p"] for row in read_rows(file, reading=reading)] == values
    told = [note for note in reading.notes if "'p' is kept as text" in note]
    assert len(told) == (values[0] == "1.234")
    assert all("1.234 may have thousands or a fraction; --types p=float makes it 1.234" in note for note in told)


@pytest.mark.parametrize(
    ("kind", "cell", "value"),
    [
        ("text", "5", "5"), ("int", "5", 5), ("float", "5", 5.0), ("float", "1.234,50", 1234.5),
        ("decimal", "1.10", Decimal("1.10")), ("bool", "yes", True), ("date", "2024-05-01", date(2024, 5, 1)),
        ("datetime", "2024-05-01T10:00:00Z", datetime(2024, 5, 1, 10, tzinfo=UTC)),
        ("uuid", "00000000-0000-0000-0000-000000000007", UUID(int=7)), ("json", "[1]", [1]), ("float", "NA", None),
    ],
)  # fmt: skip
def test_a_type_can_be_asked_for(kind: str, cell: str, value: Any, tmp_path: Path) -> None:
    assert column(tmp_path, [cell], types=f"v={kind}") == [value]


def test_what_cannot_have_the_type_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"x.csv:3: 'soon' is no date"):
        column(tmp_path, ["2024-05-01", "soon"], types="v=date")
    with pytest.raises(InvalidArgument, match="there is no column 'w'"):
        column(tmp_path, ["1"], types="w=int")
    for wrong in ("v", "v=number", "=int"):
        with pytest.raises(InvalidArgument, match="is not a column type"):
            asked_types(wrong)


def test_all_numbers_of_a_column_are_found(command: Command, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("text,price,zip,sold\na,19.90,01234,True\nb,5.00,99999,False\nc,12.5,00001,True\n")
    done = command("import", tmp_path / "db", "c", tmp_path / "x.csv", "--encoder", "none")
    assert f"{tmp_path / 'x.csv'}: price float, zip text, sold bool\n" in done.out
    with vicinal.connect(tmp_path / "db") as database:
        docs = database.collection("c")
        assert docs.count({"price": {"$lt": 20}}) == 3
        assert docs.count({"zip": "01234"}) == 1
        assert docs.count({"sold": True}) == 2


def test_ids_are_numbers_or_texts_together(tmp_path: Path) -> None:
    for cells, ids in (
        (["1", "2"], [1, 2]),
        (["01234", "99999"], ["01234", "99999"]),
        (["1", "a"], ["1", "a"]),
        (["1.0", "2.0"], ["1.0", "2.0"]),
        (["99999999999999999999", "1"], ["99999999999999999999", "1"]),  # no id is so long
        (["true", "null"], ["true", "null"]),
    ):
        (tmp_path / "x.csv").write_text("id,text\n" + "".join(f"{cell},t\n" for cell in cells))
        assert [row.row["id"] for row in read_rows(tmp_path / "x.csv")] == ids
    (tmp_path / "x.csv").write_text("id,text\n1,t\n")
    assert [row.row["id"] for row in read_rows(tmp_path / "x.csv", reading=Reading(types={"id": "text"}))] == ["1"]


def test_ids_follow_those_that_are_stored(command: Command, tmp_path: Path) -> None:
    numbers, mixed = tmp_path / "numbers.csv", tmp_path / "mixed.csv"
    numbers.write_text("id,text,n\n1,a,5\n2,b,6\n")
    mixed.write_text("id,text\n1,a\n2,b\nA3,c\n")
    assert "mixed.csv: id text\n" in command("import", tmp_path / "db", "texts", mixed, "--encoder", "none").out
    done = command("import", tmp_path / "db", "texts", numbers)
    assert "numbers.csv: id int, n int\nids become texts, as those that texts holds" in done.out
    assert not done.err
    command("import", tmp_path / "db", "numbers", numbers, "--encoder", "none")
    assert not command("import", tmp_path / "db", "numbers", numbers).err
    assert "'1' is another id than 1" in command("import", tmp_path / "db", "numbers", mixed).err
    assert "ids become" not in command("import", tmp_path / "db", "asked", mixed, "--encoder", "none").out
    assert "ids become" not in command("import", tmp_path / "db", "asked", numbers, "--types", "id=int").out
    with vicinal.connect(tmp_path / "db") as database:
        assert database.collection("texts").ids() == ["A3", "1", "2"]  # a row that is replaced is a new one
        assert database.collection("numbers").ids() == [1, 2, "1", "2", "A3"]
        assert database.collection("asked").ids() == ["1", "2", "A3", 1, 2]


@pytest.mark.parametrize("cell", ["[0.5, 1]", "[0.5,1.0]", "{0.5,1}", "[0.5 1. ]", " [0.5\n 1.0] "])
def test_vectors_are_written_in_many_ways(cell: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(f'id,vector,sparse\n1,"{cell}","{{""3"": 0.5}}"\n')
    [row] = read_rows(tmp_path / "x.csv")
    assert row.row == {"id": 1, "vector": [0.5, 1.0], "sparse": {3: 0.5}, "metadata": {}}


@pytest.mark.parametrize("cell", ["[0.5 ... 1.0]", "0.5 1", "{0.5", "[]x", "null"])
def test_what_is_no_vector_is_named(cell: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(f"id,vector\n1,{cell}\n")
    with pytest.raises(InvalidInput, match=r"x.csv:2: the vector is not a JSON list"):
        list(read_rows(tmp_path / "x.csv"))


# -- dialects

PLAIN = 'id,text,n\n1,grüße,5\n2,"a, b",6\n'
ROWS = [
    {"id": 1, "text": "grüße", "metadata": {"n": 5}},
    {"id": 2, "text": "a, b", "metadata": {"n": 6}},
]
SEMICOLONS = 'id;text;n\n1;grüße;5\n2;"a, b";6\n'

FILES: dict[str, tuple[str, bytes, str]] = {
    "a byte order mark": ("x.csv", codecs.BOM_UTF8 + PLAIN.encode(), ""),
    "CR": ("x.csv", PLAIN.replace("\n", "\r").encode(), ""),
    "CR LF": ("x.csv", PLAIN.replace("\n", "\r\n").encode(), ""),
    "line ends of all kinds": ("x.csv", b"id,text,n\r1,gr\xc3\xbc\xc3\x9fe,5\r\n2,\"a, b\",6\n", ""),
    "no end of the last line": ("x.csv", PLAIN.rstrip("\n").encode(), ""),
    "semicolons": ("x.csv", SEMICOLONS.encode(), "semicolons between cells"),
    "bars": ("x.csv", SEMICOLONS.replace(";", "|").encode(), "bars between cells"),
    "tabs": ("x.csv", SEMICOLONS.replace(";", "\t").encode(), "tabs between cells"),
    "a file of tabs": ("x.tsv", SEMICOLONS.replace(";", "\t").encode(), ""),
    "sep=": ("x.csv", ("sep=;\r\n" + SEMICOLONS).encode(), "semicolons between cells"),
    "UTF-16": ("x.csv", SEMICOLONS.replace(";", "\t").encode("utf-16"), "UTF-16"),
    "UTF-16 without a mark": ("x.csv", PLAIN.encode("utf-16-be"), "UTF-16-BE"),
    "UTF-32": ("x.csv", PLAIN.encode("utf-32"), "UTF-32"),
    "Windows-1252": ("x.csv", PLAIN.encode("cp1252"), "not UTF-8, read as cp1252"),
    "blanks in the header": ("x.csv", PLAIN.replace("id,text,n", " id , text , n ").encode(), ""),
    "capitals in the header": ("x.csv", PLAIN.replace("id,text", "ID,Text").encode(), "'ID' holds the ids, 'Text'"),
    "blanks behind commas": ("x.csv", b'id, text, n\n1, gr\xc3\xbc\xc3\x9fe, 5\n2, "a, b", 6\n', ""),
    "columns without names": ("x.csv", PLAIN.replace("\n", ",,\n").encode(), ""),
    "the index of pandas": (
        "x.csv",
        PLAIN.replace("id,", ",id,").replace("\n1", "\n0,1").replace("\n2", "\n1,2").encode(),
        "column 1 has no name and counts the rows",
    ),
    "an end of file of DOS": ("x.csv", PLAIN.encode() + b"\x1a", ""),
    "empty lines": ("x.csv", PLAIN.replace("\n", "\n\n").encode(), ""),
    "gzip": ("x.csv.gz", gzip.compress(PLAIN.encode()), ""),
    "bzip2": ("x.csv.bz2", bz2.compress(PLAIN.encode()), ""),
    "xz": ("x.CSV.XZ", lzma.compress(PLAIN.encode()), ""),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_dialect_is_found_out_and_told(name: str, tmp_path: Path) -> None:
    file_name, content, note = FILES[name]
    file = tmp_path / file_name
    file.write_bytes(content)
    reading = Reading()
    assert [row.row for row in read_rows(file, reading=reading)] == ROWS
    assert note in " ".join(reading.notes)
    assert note or not any("between" in found or "UTF" in found for found in reading.notes)


def test_what_cannot_be_found_out_can_be_said(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(PLAIN.replace(",", "~").replace("a~ b", "a, b").encode("cp850"))
    reading = Reading(delimiter="~", encoding="cp850")
    assert [row.row for row in read_rows(file, reading=reading)] == ROWS
    with pytest.raises(InvalidArgument, match="there is no encoding 'utf-9'"):
        list(read_rows(file, reading=Reading(encoding="utf-9")))
    with pytest.raises(InvalidArgument, match="there is no encoding 'hex'"):
        list(read_rows(file, reading=Reading(encoding="hex")))
    with pytest.raises(InvalidInput, match=r"x.csv:1: from there on the file is not UTF-16"):
        list(read_rows(file, reading=Reading(encoding="utf-16", delimiter="~")))


def test_zip_and_zstandard(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.csv.zip", "w") as archive:
        archive.writestr("x.csv", PLAIN)
    assert [row.row for row in read_rows(tmp_path / "x.csv.zip")] == ROWS
    with zipfile.ZipFile(tmp_path / "two.csv.zip", "w") as archive:
        archive.writestr("a.csv", PLAIN)
        archive.writestr("b.csv", PLAIN)
    with pytest.raises(InvalidInput, match="holds 2 files, not one"):
        list(read_rows(tmp_path / "two.csv.zip"))
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    (tmp_path / "x.csv.zst").write_bytes(arrow.compress(PLAIN.encode(), "zstd", asbytes=True))
    assert [row.row for row in read_rows(tmp_path / "x.csv.zst")] == ROWS


def test_a_broken_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(PLAIN.encode() * 100)[:-20])
    (tmp_path / "y.csv.gz").write_bytes(PLAIN.encode())
    for name in ("x.csv.gz", "y.csv.gz"):
        with pytest.raises(InvalidInput, match=f"{name}: the compressed file is broken"):
            list(read_rows(tmp_path / name))


def test_a_pipe_is_read(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content, options in (
        ("c", SEMICOLONS, ("--format", "csv")),
        ("j", '{"text": "a"}\n{"text": "b"}\n', ()),
    ):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
        done = command("import", tmp_path / "db", name, "-", "--encoder", "none", *options)
        assert (done.code, done.err) == (0, "")
        assert done.out.endswith(f"2 rows from -; {name} holds 2.\n")


def test_an_export_goes_to_a_pipe(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    from vicinal.cli.app import run

    with vicinal.connect(tmp_path / "db") as database:
        database.collection("c", dimension=2).add(["a"], texts=["x"], vectors=[[1, 0]])
    for options, expected in (
        ((), b'{"id":"a","text":"x","metadata":{},"vector":[1.0, 0.0]}\n'),
        (("--format", "csv", "--no-vectors"), b"id,text\na,x\n"),
    ):
        with pytest.raises(SystemExit):
            run(["export", str(tmp_path / "db"), "c", "-", *options])
        printed = capfdbinary.readouterr()
        assert (printed.out, printed.err) == (expected, b"1 rows written to -.\n")


def test_a_compressed_export_is_read_again(command: Command, tmp_path: Path) -> None:
    with vicinal.connect(tmp_path / "db") as database:
        database.collection("c", dimension=2).add(["a"], texts=["x"], vectors=[[1, 0]])
    for ending in ("jsonl.gz", "csv.xz", "csv.bz2"):
        file = tmp_path / f"x.{ending}"
        assert command("export", tmp_path / "db", "c", file).code == 0
        assert [row.row["text"] for row in read_rows(file)] == ["x"]
    assert "a .zip is read, not written" in command("export", tmp_path / "db", "c", tmp_path / "x.csv.zip").err
    assert not (tmp_path / "x.csv.zip").exists()


# -- lines that do not fit


def test_bad_lines_are_skipped_and_reported(command: Command, tmp_path: Path) -> None:
    lines = [b"id,text,n\n", *(f"{i},text {i},{i}\n".encode() for i in range(2, 1001))]
    lines[16] = b"17,\xff\xfe,17\n"  # no UTF-8
    lines[99] = b"100,too,many,cells\n"
    lines[199] = b'200,"open,200\n'  # swallows all that follows, unless it is read again
    lines[299] = "300,grüße\n".encode()
    lines[399] = b"," + b"no id,400\n"
    file = tmp_path / "x.csv"
    file.write_bytes(b"".join(lines))
    stopped = command("import", tmp_path / "db", "c", file, "--encoder", "none")
    assert (stopped.code, f"{file}:17: the line is not UTF-8" in stopped.err) == (1, True)
    done = command("import", tmp_path / "db", "c", file, "--encoder", "none", "--on-error", "skip")
    assert done.code == 0
    assert done.out.endswith("994 rows from %s; c holds 994.\n" % file)  # noqa: UP031
    assert done.err.startswith("5 lines skipped:\n")
    for line, problem in ((17, "not UTF-8"), (100, "4 cells"), (200, "not CSV"), (300, "2 cells"), (400, "no id")):
        assert any(f"{file}:{line}: " in told and problem in told for told in done.err.splitlines())


def test_many_bad_lines_are_counted_and_numbered(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text("".join('{"text": "a"}\n' if i % 10 else "oops\n" for i in range(1000)))
    done = command("import", tmp_path / "db", "c", file, "--encoder", "none", "--on-error", "skip")
    assert "100 lines skipped:" in done.err
    assert "  and 201, 211, 221," in done.err
    assert ", 991\n" in done.err
    assert done.out.endswith("c holds 900.\n")


def test_what_is_no_character_is_replaced(command: Command, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes("id,text\n1,grüße\n2,".encode() + b"\xff!\n")
    (tmp_path / "x.jsonl").write_bytes(
        b'{"text": "\\ud800!", "k": ["\\udfff"]}\n{"text": "\xff!"}\n{"text": "\\ud83d\\ude00"}\n'
    )
    for name, texts, reported in (
        ("x.csv", ["grüße", "\ufffd!"], [":3"]),
        ("x.jsonl", ["\ufffd!", "\ufffd!", "😀"], [":1", ":2"]),
    ):
        file = tmp_path / name
        assert command("import", tmp_path / "db", name, file, "--encoder", "none").code == 1
        done = command("import", tmp_path / "db", name, file, "--encoder", "none", "--on-error", "replace")
        assert done.code == 0
        assert f"{len(reported)} line{'s' * (len(reported) > 1)} mended" in done.err
        assert all(f"{file}{line}: " in done.err for line in reported)
        with vicinal.connect(tmp_path / "db") as database:
            assert [record.text for record in database.collection(name).get()] == texts
    assert "--on-error is stop, skip or replace" in command("import", tmp_path / "db", "c", file, "--on-error", "x").err


def test_a_lone_surrogate_among_thousands_is_skipped(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    rows = ['{"text": "a"}\n'] * 3000
    rows[1999] = '{"text": "\\ud800"}\n'
    file.write_text("".join(rows))
    done = command("import", tmp_path / "db", "c", file, "--encoder", "none", "--on-error", "skip")
    assert f"{file}:2000: the text holds a lone surrogate" in done.err
    assert done.out.endswith("c holds 2,999.\n")


def test_nul_and_huge_cells_are_kept(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text('text,v\n"a\0b",' + "x" * 300_000 + "\n")
    [row] = read_rows(tmp_path / "x.csv")
    assert row.row == {"text": "a\0b", "metadata": {"v": "x" * 300_000}}
