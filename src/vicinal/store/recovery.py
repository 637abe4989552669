"""What is checked and repaired on opening after a crash. Nothing here needs exclusive access."""

from __future__ import annotations

import logging
import os

import apsw

from ..errors import WriterBusy
from .files import Files
from .generation import Generation
from .rows import unreadable_slots
from .state import State, read_state
from .writing import Transaction

_log = logging.getLogger("vicinal.store")

_WAIT_SECONDS = 5.0
_LOG_HEADER_BYTES, _FRAME_HEADER_BYTES, _PAGE_BYTES = 32, 24, 4096


def recover(files: Files, generation: Generation) -> tuple[str, ...]:
    """Repairs what a crash or power cut left, and returns one sentence for each finding.

    A generation without a log was closed properly, so there is nothing to check.
    """
    if generation.folder is None:
        return ()
    log = os.path.join(generation.folder, "records.db-wal")
    if not files.exists(log):
        return ()
    found = [*_left_by_the_dead(files, generation, log), *_lost_since_synced(generation)]
    for sentence in found:
        _log.warning("%s: %s", generation.folder, sentence)
    return tuple(found)


def _left_by_the_dead(files: Files, generation: Generation, log: str) -> list[str]:
    """Checks the data past the last commit under the write lock, so that no living writer can have written it."""
    try:
        return generation.connections.write(
            lambda connection: [
                *_cut_short(files, generation, log),
                *_vectors_past_end(generation, read_state(connection)),
            ],
            0.0,
            "full",
        )
    except WriterBusy:
        return []  # other processes are at work, so the log is in use


def _cut_short(files: Files, generation: Generation, log: str) -> list[str]:
    """Frames of the log that no commit covers."""
    if generation.connections.is_one:
        return []  # the single connection is in its transaction, so there is none to query
    connections = generation.connections
    with connections.turn, connections.reader() as connection:
        read_state(connection)  # SQLite checks the log at the first read
        frames, _ = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
    end = _LOG_HEADER_BYTES + max(frames, 0) * (_FRAME_HEADER_BYTES + _PAGE_BYTES)
    file = files.open(log)
    try:
        header, next_frame = file.read_at(16, 8), file.read_at(end + 8, 8)
        size = file.size()
    finally:
        file.close()
    if len(next_frame) < 8 or header != next_frame:  # other salts: frames of an earlier round, already checkpointed
        return []
    return [f"the log holds {size - end:,} bytes past its last whole commit: a write cut short, or damage"]


def _vectors_past_end(generation: Generation, state: State) -> list[str]:
    past = generation.vectors.end() - state.next_slot
    if past <= 0:
        return []
    return [f"{past:,} vectors lie past the last commit, of a writer that was killed; their slots are skipped"]


def _lost_since_synced(generation: Generation) -> list[str]:
    """Marks rows as dead that are newer than the last sync and whose vector or columns did not survive."""
    state = generation.state
    if state.synced >= state.change or state.moved_to is not None:
        return []
    connections = generation.connections
    with connections.turn, connections.reader() as connection, connection:
        if not unreadable_slots(connection, generation.vectors, state.synced):
            return []
    try:
        return connections.write(lambda writer: _end_unreadable(generation, writer), _WAIT_SECONDS, "full")
    except WriterBusy:
        return ["rows since the last sync could not be checked: another writer is at work"]


def _end_unreadable(generation: Generation, connection: apsw.Connection) -> list[str]:
    state = read_state(connection)
    lost = unreadable_slots(connection, generation.vectors, state.synced)
    if not lost:
        return []
    transaction = Transaction(connection, generation.vectors, state, "full")
    transaction.end(lost)
    transaction.finish()
    connection.execute("COMMIT")
    return [f"{len(lost):,} rows written after the last sync (change {state.synced}) were lost to a power failure"]
