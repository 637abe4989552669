"""The single row that describes a generation and its progress."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from operator import attrgetter
from types import MappingProxyType
from typing import Any

import apsw

from ..contract import METRICS, Metric
from ..errors import Damaged, FormatUnsupported
from .checksum import crc_of, is_whole
from .connections import Connections

FORMAT = 1
_DIMENSION_MAX = 65536  # of a vector that can be encoded as a code
_SLOTS_MAX = 2**32 - 2


@dataclass(frozen=True, slots=True)
class State:
    """Columns of the table `state`, in the order of docs/format.md."""

    uuid: bytes
    format: int
    writer: str
    name: str
    dimension: int | None
    metric: Metric
    encoder: str | None
    settings: str
    next_slot: int
    next_id: int
    change: int
    synced: int
    trimmed: int
    trimmed_nonce: bytes
    moved_to: str | None

    @property
    def setting(self) -> Mapping[str, Any]:
        """The settings fixed at creation."""
        return _parsed(self.settings)


@cache  # needed by every call, and a process sees few different values
def _parsed(settings: str) -> Mapping[str, Any]:
    return MappingProxyType(json.loads(settings))


class EncoderChanged(Exception):
    """The collection's encoder is no longer the one that encoded a vector: encode again. Never seen by users."""


_COLUMNS = [field.name for field in fields(State)]
_values = attrgetter(*_COLUMNS)  # `astuple` would copy each value deeply, in a sixth of the time of a small commit
_SELECT = f"SELECT {', '.join(_COLUMNS)}, crc FROM state"
_INSERT = f"INSERT INTO state(one, {', '.join(_COLUMNS)}, crc) VALUES (1{', ?' * (len(_COLUMNS) + 1)})"
_UPDATE = f"UPDATE state SET {', '.join(f'{c} = ?' for c in [*_COLUMNS, 'crc'])}"

CREATE_STATE = """
CREATE TABLE state(
  one INTEGER PRIMARY KEY CHECK (one = 1), uuid BLOB NOT NULL, format INTEGER NOT NULL, writer TEXT NOT NULL,
  name TEXT NOT NULL, dimension INTEGER, metric TEXT NOT NULL, encoder TEXT, settings TEXT NOT NULL,
  next_slot INTEGER NOT NULL, next_id INTEGER NOT NULL, change INTEGER NOT NULL, synced INTEGER NOT NULL,
  trimmed INTEGER NOT NULL, trimmed_nonce BLOB NOT NULL, moved_to TEXT, crc INTEGER NOT NULL
) STRICT"""


def insert_state(connection: apsw.Connection, state: State) -> None:
    connection.execute(_INSERT, (*_values(state), crc_of(*_values(state))))


def update_state(connection: apsw.Connection, state: State) -> None:
    connection.execute(_UPDATE, (*_values(state), crc_of(*_values(state))))


def read_state(connection: apsw.Connection) -> State:
    """The state as seen by this transaction.

    Raises:
        FormatUnsupported: written in a format that this version does not know.
        Damaged: the checksum of the row is wrong.
    """
    found = connection.execute(_SELECT).fetchone()
    place = connection.filename or ":memory:"
    if found is None:
        raise Damaged("the state row is missing", name="state", place=place, remedy="Restore a backup.")
    state = State(*found[:-1])
    if state.format != FORMAT:
        raise FormatUnsupported(
            f"this collection has format {state.format}, written by Vicinal {state.writer}; "
            f"this version reads format {FORMAT}",
            name="format",
            value=state.format,
            place=place,
            remedy="Install a newer Vicinal; nothing was changed.",
        )
    if not is_whole(found[-1], *found[:-1]):
        raise Damaged("the state row fails its checksum", name="state", place=place, remedy="Restore a backup.")
    if not _can_be(state):
        raise Damaged("the state row has impossible values", name="state", place=place, remedy="Restore a backup.")
    return state


def _can_be(state: State) -> bool:
    """Checks numbers by which memory is allocated. A correct checksum does not prove that they are valid."""
    dimension = 1 if state.dimension is None else state.dimension
    return (
        1 <= dimension <= _DIMENSION_MAX
        and state.metric in METRICS
        and 0 <= state.next_slot <= _SLOTS_MAX
        and min(state.next_id, state.change, state.synced, state.trimmed) >= 0
    )


def peek_state(connections: Connections) -> tuple[int, str | None, bytes]:
    """(change, moved_to, uuid), read at the start of every call: only three columns, and no checksum."""
    found = connections.first("SELECT change, moved_to, uuid FROM state")
    assert found is not None  # read_state has seen the row when the generation was opened
    return found[0], found[1], found[2]
