"""The tables of a collection. A file with other tables is not ours, even if its checksums are correct."""

from __future__ import annotations

from functools import cache

import apsw

from ..errors import Damaged
from .changes import CREATE_CHANGES
from .rows import CREATE_ROWS
from .state import CREATE_STATE

_CREATE_KV = """
CREATE TABLE kv(
  owner TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID"""
SCHEMA = (CREATE_STATE, CREATE_ROWS, CREATE_CHANGES, _CREATE_KV)

Definition = tuple[object, ...]  # type, name, table, SQL


def check_schema(connection: apsw.Connection) -> None:
    """Compares the definition of every table, index, view and trigger, since it determines what a column means.

    Raises:
        Damaged: one is missing, changed or added.
    """
    found, expected = definitions(connection), _expected()
    if found == expected:
        return
    strange = [f"{one[0]} {one[1]!r:.80}" for one in {*found} ^ {*expected}]
    raise Damaged(
        f"the tables are not those of format 1: {', '.join(sorted(set(strange)))}",
        name="records",
        place=connection.filename or ":memory:",
        remedy="Restore a backup. repair() keeps the rows where their own table is as it should be.",
    )


def definitions(connection: apsw.Connection) -> tuple[Definition, ...]:
    """Everything that the file defines, by name."""
    return tuple(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name").fetchall())


@cache
def _expected() -> tuple[Definition, ...]:
    connection = apsw.Connection(":memory:")
    try:
        for statement in SCHEMA:
            connection.execute(statement)
        return definitions(connection)
    finally:
        connection.close()
