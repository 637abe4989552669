"""The state of a damaged generation: as written if that can be proven, otherwise what its columns still say."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import apsw

from ..contract import METRICS
from .checksum import crc_of, is_whole
from .forensics import READ_ERRORS
from .pages import Pages
from .state import FORMAT, State, read_state

_STATE_COLUMNS = len(fields(State))
_INT_BITS = 64


def proven_state(connection: apsw.Connection) -> State | None:
    """The newest state whose checksum is correct, or becomes correct by flipping one bit; None if there is none."""
    with contextlib.suppress(*READ_ERRORS):
        return read_state(connection)
    found = [state for columns, crc in _stored(connection) if (state := _proven(columns, crc)) is not None]
    return max(found, key=lambda state: state.change, default=None)


def plausible_state(connection: apsw.Connection) -> State | None:
    """A state with a wrong checksum, in which everything that cannot be recomputed is plausible."""
    for columns, _ in _stored(connection):
        state = State(*columns)
        if _makes_sense(state):
            return state
    return None


def _stored(connection: apsw.Connection) -> Iterator[tuple[list[Any], Any]]:
    """(columns, checksum) of every row of `state` found in a page."""
    for cell in Pages(connection).cells():
        if cell.rowid == 1 and len(cell.columns) == _STATE_COLUMNS + 2:  # plus `one`, which is the rowid, and crc
            yield cell.columns[1:-1], cell.columns[-1]


def _proven(columns: list[Any], crc: Any) -> State | None:
    if is_whole(crc, *columns):
        return State(*columns)
    for i, value in enumerate(columns):
        for candidate in _one_bit_off(value):
            turned_back = [*columns[:i], candidate, *columns[i + 1 :]]
            if is_whole(crc, *turned_back):  # unique: CRC-32 distinguishes any two flips in such a short row
                return State(*turned_back)
    with contextlib.suppress(TypeError, ValueError):
        if (crc_of(*columns) ^ crc).bit_count() == 1:  # the flip is in the checksum itself
            return State(*columns)
    return None


def _one_bit_off(value: Any) -> Iterator[Any]:
    if isinstance(value, int):
        for bit in range(_INT_BITS):
            turned = (value ^ 1 << bit) % (1 << _INT_BITS)
            yield turned - (1 << _INT_BITS) if turned >> (_INT_BITS - 1) else turned
    elif isinstance(value, (str, bytes)):
        raw = value.encode(errors="surrogateescape") if isinstance(value, str) else value
        for bit in range(8 * len(raw)):
            turned_raw = bytearray(raw)
            turned_raw[bit // 8] ^= 1 << bit % 8
            yield turned_raw.decode(errors="surrogateescape") if isinstance(value, str) else bytes(turned_raw)


def _makes_sense(state: State) -> bool:
    """Of the numbers, only the dimension matters here, which the rows' checksums prove; the others are recomputed."""
    try:
        encoder = None if state.encoder is None else json.loads(state.encoder)
        settings = json.loads(state.settings)
    except (TypeError, ValueError):
        return False
    return (
        state.format == FORMAT
        and state.metric in METRICS
        and isinstance(state.uuid, bytes)
        and isinstance(settings, dict)
        and isinstance(encoder, (dict, type(None)))
        and isinstance(state.name, str)
        and isinstance(state.dimension, (int, type(None)))
    )
