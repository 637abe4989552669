"""The table `kv`: values that programs keep beside the rows of a collection, by owner."""

from __future__ import annotations

from collections.abc import Mapping

import apsw

from ..errors import Damaged
from .checksum import crc_of, is_whole


def read_notes(connection: apsw.Connection, owner: str) -> dict[str, bytes]:
    """All notes of one owner, by key in ascending order."""
    found: dict[str, bytes] = {}
    for key, value, crc in connection.execute("SELECT key, value, crc FROM kv WHERE owner = ? ORDER BY key", (owner,)):
        if not is_whole(crc, owner, key, value):
            raise Damaged(
                f"the note {key!r:.80} of {owner!r:.80} fails its checksum",
                name="notes",
                value=key,
                place=connection.filename or ":memory:",
                remedy="Write it again, or restore a backup.",
            )
        found[key] = value
    return found


def write_notes(connection: apsw.Connection, owner: str, notes: Mapping[str, bytes | None]) -> None:
    """Writes each note, or removes it if the value is None."""
    for key, value in notes.items():
        if value is None:
            connection.execute("DELETE FROM kv WHERE owner = ? AND key = ?", (owner, key))
        else:
            row = (owner, key, value, crc_of(owner, key, value))
            connection.execute("INSERT OR REPLACE INTO kv VALUES (?, ?, ?, ?)", row)
