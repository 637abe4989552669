"""Any collection, exported to a file of any format and imported again, is the same collection, bit for bit.

Or the format cannot represent it, and the export says so before the first byte.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

import vicinal
from vicinal.cli.files import Reading, read_rows, write_rows
from vicinal.errors import InvalidInput

ENDINGS = (".jsonl", ".csv", ".csv.gz", ".parquet", ".npy")
COLLECTIONS = 2000
PARTS = 4
DIMENSION = 3

# Difficult content for readers of files: line ends of all kinds, blanks, delimiters, quotation marks, byte order
# marks, values that look like another type, names of columns.
HARD = [
    "\r", "\n", "\r\n", "\0", "", " ", "\t", ",", ";", "|", '"', '""', "'", "\\", "\ufeff", "\u2028", "\x85", "\x1a",
    "\x1b[2J", "=1+1", "null", "NaN", "true", "True", "1", "01", "1.10", "1e3", "+5", "-0", "1,5", "[1]", '"x"',
    '{"$date":"2024-05-01"}', '{"$oid":"a"}', "2024-05-01", "id", "text", "Vector", " ttl ", "metadata", "metadata.id",
    "$x", "$$x", "$oid", "$numberLong", "sep=;", "_id", "_source", "sparse", "__index_level_0__", "é", "🔥",
    "\U0010ffff",
]  # fmt: skip
FLOATS = [0.0, -0.0, 1.0, 0.1, 1e-45, -3.4e38, 1.17549435e-38, 16777217.0]

Make = Callable[[random.Random], Any]


def text(of: random.Random) -> str:
    """Returns difficult pieces, and sometimes any characters, but no lone surrogates."""
    if of.random() < 0.7:
        return "".join(of.choices(HARD, k=of.choice([1, 1, 1, 2, 3])))
    codes = (of.choice([of.randrange(0x80), of.randrange(0xD800), of.randrange(0xE000, 0x110000)]) for _ in range(4))
    return "".join(map(chr, codes))


def whole_number(of: random.Random) -> int:
    return of.choice([0, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), of.randrange(100)])


def double(of: random.Random) -> float:
    found = struct.unpack("<d", of.randbytes(8))[0]
    return found if found - found == 0 else of.choice(FLOATS)


def instant(of: random.Random) -> datetime:
    zone = of.choice([None, UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(minutes=1))])
    return datetime(of.randrange(1, 10_000), 1 + of.randrange(12), 1, 23, 59, 59, of.randrange(10**6), tzinfo=zone)


SCALARS: Sequence[Make] = (
    text,
    text,
    whole_number,
    double,
    lambda of: None,
    lambda of: of.random() < 0.5,
    lambda of: of.randrange(-(10**40), 10**40),
    lambda of: Decimal(of.randrange(10**6)).scaleb(of.randrange(-9, 9)),
    lambda of: date(of.randrange(1, 10_000), 1, 31),
    instant,
    lambda of: UUID(int=of.getrandbits(128)),
)


def value(of: random.Random) -> Any:
    kind = of.randrange(6)
    if kind == 0:
        return [of.choice(SCALARS)(of) for _ in range(of.randrange(3))]
    if kind == 1:
        return {text(of): of.choice(SCALARS)(of) for _ in range(of.randrange(3))}
    return of.choice(SCALARS)(of)


def float32(of: random.Random) -> float:
    found = struct.unpack("<f", of.randbytes(4))[0]
    return found if found - found == 0 else of.choice(FLOATS)


PARTS_OF_ROWS: dict[str, Make] = {
    "text": text,
    "vector": lambda of: np.array([float32(of) for _ in range(DIMENSION)], np.float32),
    "metadata": lambda of: {text(of): value(of) for _ in range(of.randrange(4))},
    "sparse": lambda of: {of.randrange(2**32 - 1): float32(of) or 1.0 for _ in range(1 + of.randrange(2))},
    "ttl": lambda of: datetime(2100, 1, 1, tzinfo=UTC) + timedelta(microseconds=of.randrange(10**17)),
}


def collection(seed: int) -> list[dict[str, Any]]:
    """Returns up to four rows; in some collections all rows have only a vector, which is all that npy can store."""
    of = random.Random(seed)
    kinds = of.choice([[text], [whole_number], [text, whole_number, lambda of: UUID(int=of.getrandbits(128))]])
    ids = [of.choice(kinds)(of) or "no text" for _ in range(of.randrange(5))]
    parts = ["vector"] if of.random() < 0.25 else [name for name in PARTS_OF_ROWS if of.random() < 0.7]
    always = parts == ["vector"] or of.random() < 0.3
    return [
        {"id": id_, **{name: PARTS_OF_ROWS[name](of) for name in parts if always or of.random() < 0.6}}
        for id_ in {(type(id_), id_): id_ for id_ in ids}.values()
    ]


@pytest.fixture(scope="module")
def database() -> Iterator[vicinal.Database]:
    with vicinal.connect(":memory:") as opened:
        yield opened


def stored(docs: vicinal.Collection) -> list[Any]:
    """Returns the content of a collection, with the types of all values: 1, 1.0 and True are equal, but different."""
    return [
        (
            repr(record.id),
            record.text,
            sorted(map(repr, record.metadata.items())),
            None if record.vector is None else record.vector.tobytes(),
            record.expires_at,
            record.sparse and sorted(map(repr, record.sparse.items())),
        )
        for record in docs.get(vectors=True)
    ]


def emptied(database: vicinal.Database, name: str) -> vicinal.Collection:
    docs = database.collection(name, dimension=DIMENSION, zero_vectors="allow")
    old = docs.ids()
    if old:
        docs.delete(old)
    return docs


def check(database: vicinal.Database, folder: Path, rows: list[dict[str, Any]]) -> None:
    source, again = emptied(database, "source"), emptied(database, "again")
    if rows:
        source.add(rows=rows)
    records, wanted = source.get(vectors=True), stored(source)
    for ending in ENDINGS:
        file, ids = folder / f"all{ending}", folder / "ids.txt"
        beside = ids if ending == ".npy" else None
        before = {path: path.read_bytes() for path in folder.iterdir()}
        try:
            write_rows(file, records, beside)
        except InvalidInput:
            assert ending == ".npy"  # which holds nothing but vectors
            assert any(set(row) - {"metadata"} != {"id", "vector"} or row.get("metadata") for row in rows)
            assert {path: path.read_bytes() for path in folder.iterdir()} == before
            continue
        reading = Reading(ids=beside)
        read = [row.row for row in read_rows(file, reading=reading)]
        assert [row["id"] for row in read] == [row["id"] for row in rows]
        if rows:
            again.upsert(rows=read)
        assert stored(again) == wanted, ending
        # For our own files, only whether ids are texts or numbers has to be detected.
        assert not [note for note in reading.notes if not note.endswith((": id int", ": id text"))]
        file.unlink()  # some file systems sync what a file is replaced by


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.slow) for part in range(1, PARTS))])
def test_any_collection_comes_back_the_same(part: int, database: vicinal.Database, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    for seed in range(part, COLLECTIONS, PARTS):
        try:
            check(database, tmp_path, collection(seed))
        except Exception as error:
            error.add_note(f"the collection of seed {seed}: {collection(seed)!r}")
            raise


@pytest.mark.parametrize(
    "rows",
    [
        [{"id": "\r", "text": "a\rb", "metadata": {"k\r": "\r"}, "sparse": {7: 0.5}}],
        [{"id": " ", "vector": np.ones(3)}, {"id": "\n", "vector": np.ones(3)}, {"id": "\ufeff", "vector": np.ones(3)}],
        [{"id": "a", "text": ""}, {"id": "b"}, {"id": "c", "text": '""'}, {"id": "d", "text": " "}],
        [{"id": 1, "text": "x"}, {"id": "1", "text": "y"}],
        [{"id": "1", "text": "x", "metadata": {"n": "2024"}}, {"id": "01", "metadata": {"n": 2024}}],
        [{"id": "a", "metadata": {"price": 19.9}}, {"id": "b", "metadata": {"price": "19.90"}}],
        [{"id": "a", "text": "x" * 200_000, "metadata": {"long": "\n" * 200_000}}],
        [{"id": i, "text": f"{i}\r"} for i in range(3000)],
    ],
)
def test_what_readers_stumble_over_comes_back(
    rows: list[dict[str, Any]], database: vicinal.Database, tmp_path: Path
) -> None:
    check(database, tmp_path, rows)
