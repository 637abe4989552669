"""Vectors from PostgreSQL, streamed by a server-side cursor."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..numbers import checked_integer
from .cells import as_indices, as_matrix, check_batch_size

__all__ = ["iter_postgres_vectors"]


def iter_postgres_vectors(
    dsn: str | None = None,
    table: str = "vectors",
    index_column: str = "id",
    vector_column: str = "embedding",
    batch_size: int = 10_000,
    where_clause: str | None = None,
    connection_factory: Callable[[], Any] | None = None,
    *,
    limit: int | None = None,
    order_by: str | None = None,
    fetch_query: str | None = None,
    params: Sequence[Any] | Mapping[str, Any] | None = None,
) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
    """Yields batches of indices and vectors, read in one transaction; memory holds one batch.

    Args:
        dsn: connection string; its connection is closed at the end.
        table: may include its schema, `schema.table`. Names of tables and columns are quoted.
        index_column: integers.
        vector_column: float4[], float8[], pgvector, bytea of native float32, or text such as "[1, 2]".
        batch_size: the most rows in a batch.
        where_clause: trusted SQL, inserted into the statement verbatim. Never let users of your program write it.
        connection_factory: returns a psycopg connection, which stays open; instead of `dsn`.
        limit: the most rows.
        order_by: trusted SQL, like `where_clause`.
        fetch_query: trusted SQL that replaces the whole statement; its first two columns are index and vector.
        params: values for placeholders in `fetch_query`.

    Yields:
        Indices, and float32 of shape (n, dim). Errors are raised with the first batch, not by the call.

    Raises:
        ImportError: psycopg is not installed.
        ValueError: neither `dsn` nor `connection_factory` is given, `params` is given without `fetch_query`, a vector
            is null, or dimensions differ.
        psycopg.Error: is passed through.
    """
    check_batch_size(batch_size)
    if params is not None and fetch_query is None:
        raise ValueError("params are for the placeholders of fetch_query, which was not given")
    if limit is not None and checked_integer("limit", limit) < 0:
        raise ValueError(f"limit must not be negative, got {limit}")
    statement = fetch_query or _statement(table, index_column, vector_column, where_clause, order_by, limit)
    with _connection(dsn, connection_factory) as connection:
        first_row, dim = 0, None
        # A unique name, so that two streams on one connection do not collide; the cursor needs an open transaction.
        with connection.transaction(), connection.cursor(name=f"lshrs_{uuid.uuid4().hex}") as cursor:
            cursor.itersize = batch_size
            cursor.execute(statement, params)
            while rows := cursor.fetchmany(batch_size):
                indices = as_indices([row[0] for row in rows], first_row)
                vectors = as_matrix([row[1] for row in rows], first_row, dim)
                first_row, dim = first_row + len(rows), vectors.shape[1]
                yield indices, vectors


@contextmanager
def _connection(dsn: str | None, factory: Callable[[], Any] | None) -> Iterator[Any]:
    if factory is not None:
        yield factory()
        return
    if dsn is None:
        raise ValueError("give dsn, a connection string, or connection_factory")
    try:
        import psycopg
    except ImportError as error:
        raise ImportError("reading PostgreSQL needs psycopg: pip install 'vicinal-lshrs[postgres]'") from error
    with psycopg.connect(dsn) as connection:
        yield connection


def _statement(
    table: str, index_column: str, vector_column: str, where: str | None, order_by: str | None, limit: int | None
) -> Any:
    try:
        from psycopg import sql
    except ImportError as error:
        raise ImportError("reading PostgreSQL needs psycopg: pip install 'vicinal-lshrs[postgres]'") from error
    parts = [
        sql.SQL("SELECT {}, {} FROM {}").format(
            sql.Identifier(index_column), sql.Identifier(vector_column), sql.Identifier(*table.split("."))
        )
    ]
    if where:
        parts.append(sql.SQL("WHERE ({})").format(sql.SQL(where)))  # pyright: ignore[reportArgumentType]  # trusted, as documented
    if order_by:
        parts.append(sql.SQL("ORDER BY {}").format(sql.SQL(order_by)))  # pyright: ignore[reportArgumentType]  # the same
    if limit is not None:
        parts.append(sql.SQL("LIMIT {}").format(sql.Literal(limit)))
    return sql.SQL(" ").join(parts)
