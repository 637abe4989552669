"""Files in the formats of other programs, written by them if they are installed; docs/import.md imports each."""

from __future__ import annotations

import json
import sqlite3
import struct
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

TEXTS = ["Grüße aus Köln", 'say "hello", twice', "two\nlines"]
VECTORS = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.25], [0.5, 0.5, -1.0]], np.float32)


def pandas(folder: Path) -> None:
    """A frame with a named index, nullable columns and ns timestamps."""
    library = pytest.importorskip("pandas", reason="pandas is not installed")
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    frame = library.DataFrame(
        {
            "body": TEXTS,
            "emb": list(VECTORS),
            "stars": library.array([5, None, 3], dtype="Int64"),
            "price": [19.9, float("nan"), 5.0],
            "seen": library.to_datetime(["2024-05-01T10:00:00.5", None, "2024-05-02"], format="ISO8601"),
            "kind": library.Categorical(["a", "b", None]),
        },
        index=library.Index(["p1", "p2", "p3"], name="sku"),
    )
    frame.to_parquet(folder / "pandas.parquet")


def polars(folder: Path) -> None:
    """Lists, arrays of fixed length, structs and dates."""
    library = pytest.importorskip("polars", reason="polars is not installed")
    frame = library.DataFrame(
        {
            "id": [1, 2, 3],
            "text": TEXTS,
            "vector": library.Series(VECTORS, dtype=library.Array(library.Float32, 3)),
            "tags": [["a", "b"], [], None],
            "maker": [{"name": "Ann", "year": 1999}, None, {"name": "Bo", "year": None}],
            "day": [date(2024, 5, 1), None, date(1969, 12, 31)],
            "took": [None, 1.5, float("nan")],
        }
    )
    frame.write_parquet(folder / "polars.parquet")


def pyarrow(folder: Path) -> None:
    """A Feather file with dictionaries, times, durations, bytes and maps."""
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    feather = pytest.importorskip("pyarrow.feather", reason="pyarrow is not installed")
    table = arrow.table(
        {
            "id": arrow.array(["a", "b", "c"]).dictionary_encode(),
            "text": arrow.array(TEXTS, arrow.large_string()),
            "vector": arrow.array(list(VECTORS), arrow.list_(arrow.float32(), 3)),
            "opens": arrow.array([36_000, None, 0], arrow.time32("s")),
            "takes": arrow.array([90_000, None, 1_500], arrow.duration("ms")),
            "raw": arrow.array([b"\xff", None, b""]),
            "sizes": arrow.array([[("s", 1)], None, []], arrow.map_(arrow.string(), arrow.int32())),
            "price": arrow.array([Decimal("19.90"), None, Decimal("5.00")]),
            "exact": arrow.array([1_714_557_600_000_000_001, None, 0], arrow.timestamp("ns")),
        }
    )
    feather.write_feather(table, folder / "pyarrow.feather", compression="uncompressed")


def duckdb(folder: Path) -> None:
    """Output of COPY: arrays, structs, timestamps, decimals, UUIDs."""
    library = pytest.importorskip("duckdb", reason="duckdb is not installed")
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    with library.connect() as connection:
        connection.execute(
            "create table t (doc_id bigint, text varchar, embedding float[3], made timestamp, "
            "dims struct(w int, h int), "
            "price decimal(10, 2), key uuid)"
        )
        rows = [
            (10 + i, text, vector.tolist(), datetime(2024, 5, 1 + i, 10), {"w": i, "h": None}, Decimal("19.90"), None)
            for i, (text, vector) in enumerate(zip(TEXTS, VECTORS, strict=True))
        ]
        connection.executemany("insert into t values (?, ?, ?, ?, ?, ?, ?)", rows)
        connection.execute(f"copy t to '{folder / 'duckdb.parquet'}' (format parquet)")


def sqlite(folder: Path) -> None:
    """Two tables, with vectors in the format of sqlite-vec: consecutive little-endian float32 values."""
    connection = sqlite3.connect(folder / "shop.sqlite")
    connection.execute('create table "articles" (id integer primary key, text text, vector blob, price real, raw blob)')
    connection.execute("create table orders (id integer primary key)")
    rows = [
        (i, text, struct.pack("<3f", *vector), price, raw)
        for i, text, vector, price, raw in zip(
            (7, 8, 9), TEXTS, VECTORS.tolist(), (19.9, None, 5.0), (b"\xff", None, b""), strict=True
        )
    ]
    connection.executemany("insert into articles values (?, ?, ?, ?, ?)", rows)
    connection.commit()
    connection.close()


def mongoexport(folder: Path) -> None:
    """Extended JSON, in canonical form for one document and relaxed for the others."""
    documents = [
        {
            "_id": {"$oid": "65f0c0ffee0000000000000a"},
            "text": TEXTS[0],
            "views": {"$numberLong": "9007199254740993"},
            "at": {"$date": {"$numberLong": "1714557600000"}},
            "price": {"$numberDecimal": "19.90"},
            "score": {"$numberDouble": "NaN"},
            "key": {"$binary": {"base64": "AAAAAAAAAAAAAAAAAAAABw==", "subType": "04"}},
        },
        {"_id": {"$oid": "65f0c0ffee0000000000000b"}, "text": TEXTS[1], "at": {"$date": "2024-05-01T10:00:00Z"}},
        {"_id": {"$oid": "65f0c0ffee0000000000000c"}, "text": TEXTS[2], "tags": ["a", {"n": {"$numberInt": "5"}}]},
    ]
    (folder / "mongo.jsonl").write_text("".join(json.dumps(one) + "\n" for one in documents), encoding="utf-8")


def excel(folder: Path) -> None:
    """CSV as saved by Excel in Germany: semicolons, decimal commas, Windows-1252, CR LF."""
    cells = ["Nr;Text;Preis;PLZ;Lager"]
    for number, (text, price, zip_code) in enumerate(
        zip(TEXTS, ("1.234,50", "5,00", "12,5"), ("01234", "99999", "00001"), strict=True), 1
    ):
        quoted = '"' + text.replace('"', '""') + '"'
        cells.append(f"{number};{quoted};{price};{zip_code};")
    (folder / "excel.csv").write_bytes("".join(f"{line}\r\n" for line in cells).encode("cp1252"))


def hugging_face(folder: Path) -> None:
    """A split as on the hub, with the features that `datasets` writes to the schema."""
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    features = {
        "text": {"dtype": "string", "_type": "Value"},
        "label": {"names": ["neg", "pos"], "_type": "ClassLabel"},
        "embeddings": {"feature": {"dtype": "float32", "_type": "Value"}, "_type": "Sequence"},
        "image": {"_type": "Image"},
    }
    table = arrow.table(
        {
            "text": TEXTS,
            "label": arrow.array([0, 1, None], arrow.int64()),
            "embeddings": arrow.array([VECTORS[0], None, VECTORS[2]], arrow.list_(arrow.float32())),
            "image": [{"bytes": b"\x89PNG", "path": None}, None, {"bytes": None, "path": "a.png"}],
        }
    ).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    parquet.write_table(table, folder / "train-00000-of-00001.parquet", row_group_size=2)


def faiss(folder: Path) -> None:
    """The vectors of an index, and the ids of its IndexIDMap."""
    np.save(folder / "vectors.npy", np.asfortranarray(VECTORS))
    np.save(folder / "ids.npy", np.array([101, 2**40, 7], np.int64))


def elasticsearch(folder: Path) -> None:
    """Output of elasticdump."""
    lines = [
        json.dumps(
            {"_index": "docs", "_id": f"e{i}", "_score": 1, "_source": {"title": text, "views": i}}, ensure_ascii=False
        )
        for i, text in enumerate(TEXTS)
    ]
    (folder / "elastic.jsonl").write_text("\n".join(lines), encoding="utf-8")


FILES = (pandas, polars, pyarrow, duckdb, sqlite, mongoexport, excel, hugging_face, faiss, elasticsearch)
NOON = datetime(2024, 5, 1, 10, tzinfo=UTC)
