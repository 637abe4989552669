"""Checks a generation against its own checksums, SQLite's structure, its feed and its saved index.

Each check catches what the others miss: a checksum does not notice a row that is gone, SQLite's integrity_check
does not notice bit flips in columns, and neither notices an old page that a lost write left in place.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass

import apsw
import numpy as np
from numpy.typing import NDArray

from ..contract import FloatMatrix, Index, Slots
from .changes import nonce_of, read_delta
from .checksum import is_whole
from .connections import open_hardened
from .files import Files
from .findings import Findings
from .forensics import MAGIC, Unreadable, VectorBytes, opened_records, opened_vectors, page, stored_rows, together
from .publication import INDEX_FOLDER, Unusable, load_newest, read_saved, saved_files
from .rows import shown_id
from .schema import check_schema
from .state import State, read_state
from .state_copy import STATE_COPY, agrees, read_state_copy

MakeIndex = Callable[[State], Index]

# Fields of SQLite's file header that are the same in all our files (sqlite.org/fileformat2.html). integrity_check does
# not notice a flip there: with 1 instead of 2 at byte 18, the file is no longer in WAL mode.
_HEADER_FIELDS = (
    (0, MAGIC, "magic"),
    (16, b"\x10\x00", "page size"),
    (18, b"\x02\x02", "journal mode"),
    (20, b"\x00\x40\x20\x20", "page layout"),
    (44, b"\x00\x00\x00\x04", "schema format"),
    (48, bytes(8), "cache size and vacuum"),
    (56, b"\x00\x00\x00\x01", "text encoding"),
    (60, bytes(12), "user version, vacuum and application"),
    (72, bytes(20), "reserved"),
)

# What a slot contains, other than the number of the change that wrote or last touched its row.
_UNKNOWN, _NO_ROW, _REPORTED = -1, -2, -3

_SAMPLED = 4096  # vectors whose codes are recomputed; different ones in each call
_Sample = tuple[Slots, FloatMatrix]


@dataclass(frozen=True, slots=True)
class Subject:
    """A generation, or a snapshot, which is one too.

    Attributes:
        path: its folder.
        name: the folder as shown in findings.
    """

    files: Files
    path: str
    name: str
    findings: Findings

    @property
    def records(self) -> str:
        return f"{self.name}/records.db"

    def problem(self, place: str, what: str) -> None:
        """Adds a problem in `records.db`, where everything that is not derived is stored."""
        self.findings.problem(self.records, place, what)


def check_generation(subject: Subject, make_index: MakeIndex | None) -> int:
    """Adds problems to the findings and returns the number of intact rows."""
    good = 0
    _check_builder(subject)
    with subject.findings.guarding(subject.records), opened_records(subject.files, subject.path) as connections:
        subject.findings.files += 1
        with connections.turn, connections.reader() as connection:
            _check_header(subject, connection)
        with connections.turn, connections.reader() as connection, connection:
            with subject.findings.guarding(subject.records, "schema"):
                check_schema(connection)
            _check_structure(subject, connection)
            good = _check_contents(subject, connection, make_index)
    return good


def _check_builder(subject: Subject) -> None:
    if subject.files.read_only:
        return  # no process builds there
    path = os.path.join(subject.path, "builder.db")
    subject.findings.files += 1
    with subject.findings.guarding(f"{subject.name}/builder.db"):
        connection = open_hardened(path, apsw.SQLITE_OPEN_READWRITE, subject.files.vfs)
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except apsw.BusyError:
            pass  # another process holds the role, so it can be held
        finally:
            connection.close()


def _check_header(subject: Subject, connection: apsw.Connection) -> None:
    header = page(connection, 1)
    for position, expected, what in _HEADER_FIELDS:
        found = header[position : position + len(expected)]
        if found != expected:
            subject.problem(f"byte {position}", f"{what} is {found.hex()}, not {expected.hex()}")


def _check_structure(subject: Subject, connection: apsw.Connection) -> None:
    with subject.findings.guarding(subject.records, "structure"):
        for (message,) in connection.execute("PRAGMA integrity_check"):
            if message != "ok":
                subject.problem("structure", message.replace("\n", "; "))


def _check_contents(subject: Subject, connection: apsw.Connection, make_index: MakeIndex | None) -> int:
    findings = subject.findings
    before = findings.problem_count
    state = _check_state(subject, connection)
    if state is None:
        return 0
    with opened_vectors(subject.files, subject.path, state.dimension) as vectors:
        findings.files += 1
        rows, has_vector = _check_rows(subject, connection, state, vectors)
        sample = _sample(state, vectors, has_vector)
    with findings.guarding(subject.records, "changes"):
        _compare(subject, rows, _rows_by_feed(subject, connection, state))
    copy = read_state_copy(subject.files, subject.path)
    if copy is None or not agrees(copy, state):
        findings.note(f"{subject.name}/{STATE_COPY}", "", "the second copy of the settings is missing or damaged")
    findings.files += 1
    with findings.guarding(subject.records, "kv"):
        _check_kv(subject, connection)
    good = int(np.count_nonzero(rows >= 0))
    with findings.guarding(f"{subject.name}/index"):
        _note_unusable_indexes(subject, connection, state)
        if make_index is not None and findings.problem_count == before:  # otherwise the difference is already explained
            _compare_with_index(subject, connection, state, make_index(state), good)
            _compare_with_vectors(subject, connection, state, make_index(state), sample)
    return good


def _check_state(subject: Subject, connection: apsw.Connection) -> State | None:
    state: State | None = None
    with subject.findings.guarding(subject.records, "state"):
        state = read_state(connection)
        if connection.execute("SELECT count(*) FROM state").get != 1:
            subject.problem("state", "there is more than one row")
    return state


def _check_kv(subject: Subject, connection: apsw.Connection) -> None:
    for owner, key, value, crc in connection.execute("SELECT owner, key, value, crc FROM kv"):
        if not is_whole(crc, owner, key, value):
            subject.problem(f"kv {owner!r}, {key!r:.80}", "fails its checksum")


# -- rows, one by one and against the feed


def _check_rows(
    subject: Subject, connection: apsw.Connection, state: State, vectors: VectorBytes
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """What each slot contains according to the table, and whether it is an intact row with a vector."""
    holds = np.full(state.next_slot, _NO_ROW, dtype=np.int64)
    has_vector = np.zeros(state.next_slot, dtype=np.bool_)
    unreadable: list[Unreadable] = []
    for found in stored_rows(connection, 0, state.next_slot):
        if isinstance(found, Unreadable):
            unreadable.append(found)
            continue
        row, crc = found
        fault = vectors.fault(row, crc)
        if fault is None and row.change > state.change:
            fault = f"belongs to change {row.change}, the state knows {state.change}"
        if fault is not None:
            subject.problem(f"slot {row.slot}, id {shown_id(row.id)}", fault)
        holds[row.slot] = row.change if fault is None else _REPORTED
        has_vector[row.slot] = fault is None and row.space is not None
    for one in together(unreadable):
        subject.problem(f"slots {one.first} to {one.last}", f"cannot be read: {one.why}")
        holds[one.first : one.last + 1] = _REPORTED
    with subject.findings.guarding(subject.records, "rows"):
        for (slot,) in connection.execute("SELECT slot FROM rows WHERE slot < 0 OR slot >= ?", (state.next_slot,)):
            subject.problem(f"slot {slot}", f"was never handed out: the state knows {state.next_slot:,}")
    return holds, has_vector


def _rows_by_feed(subject: Subject, connection: apsw.Connection, state: State) -> NDArray[np.int64]:
    """What each slot contains according to the changes since the trimmed ones."""
    holds = np.full(state.next_slot, _UNKNOWN, dtype=np.int64)
    expected = state.trimmed + 1
    for change, nonce, first, count, dead, touched, crc in connection.execute("SELECT * FROM changes ORDER BY change"):
        if not is_whole(crc, change, nonce, first, count, dead, touched):
            subject.problem(f"change {change}", "fails its checksum")
            return np.full(state.next_slot, _UNKNOWN, dtype=np.int64)  # the rest cannot be determined
        if change != expected:
            break
        expected += 1
        holds[first : first + count] = change
        holds[np.frombuffer(touched, dtype="<u4")] = change
        holds[np.frombuffer(dead, dtype="<u4")] = _NO_ROW
    if expected != state.change + 1:
        subject.problem(f"change {expected}", f"is missing; the state is at {state.change}")
        return np.full(state.next_slot, _UNKNOWN, dtype=np.int64)
    return holds


def _compare(subject: Subject, rows: NDArray[np.int64], feed: NDArray[np.int64]) -> None:
    for slot in np.flatnonzero((rows != feed) & (rows != _REPORTED) & (feed != _UNKNOWN)).tolist():
        if rows[slot] == _NO_ROW:
            subject.problem(f"slot {slot}", f"the row of change {feed[slot]} is gone, and no change deleted it")
        elif feed[slot] == _NO_ROW:
            subject.problem(f"slot {slot}", "the row was deleted, and is there")
        else:
            subject.problem(f"slot {slot}", f"the row is as of change {rows[slot]}, and change {feed[slot]} wrote it")


# -- saved indexes


def _note_unusable_indexes(subject: Subject, connection: apsw.Connection, state: State) -> None:
    for part, change, nonce, path in saved_files(subject.files, subject.path):
        subject.findings.files += 1
        name = f"{subject.name}/index/{os.path.basename(path)}"
        if change > state.change or nonce_of(connection, state, change) != nonce:
            subject.findings.note(name, "", "belongs to other records: it is not used")
            continue
        try:
            read_saved(subject.files, path, state.uuid, part, change, nonce)
        except Unusable as error:
            subject.findings.note(name, "", f"{error}: it is not used, the next one is made from the records")


def _compare_with_index(subject: Subject, connection: apsw.Connection, state: State, index: Index, good: int) -> None:
    """Detects a row that vanished from table, feed and id index at once: the saved index still has it."""
    part = index.parts[0]  # the only one that knows which slots are rows
    load = functools.partial(index.load, part)
    saved = load_newest(subject.files, subject.path, connection, state, part, load)
    if saved is None:
        return
    if saved.change < state.change:
        index.apply(read_delta(connection, saved.change, state.change, saved.slot_count, state.next_slot), [part])
    if index.live_count() != good:
        subject.problem("rows", f"{good:,} are there, {index.live_count():,} were when the index was saved")


def _sample(state: State, vectors: VectorBytes, has_vector: NDArray[np.bool_]) -> _Sample:
    """Random slots, ascending, and their vectors; all slots of a small collection."""
    slots = np.flatnonzero(has_vector)
    if len(slots) > _SAMPLED:
        slots = np.sort(np.random.default_rng().choice(slots, _SAMPLED, replace=False))
    raw = b"".join(vectors.raw(slot) for slot in slots.tolist())
    return slots.astype(np.uint32), np.frombuffer(raw, np.float32).reshape(len(slots), state.dimension or 0)


def _compare_with_vectors(
    subject: Subject, connection: apsw.Connection, state: State, index: Index, sample: _Sample
) -> None:
    """Detects a saved index that is intact but wrong: its checksum only proves that it is what was written."""
    for part in index.comparable:
        load = functools.partial(index.load, part)
        saved = load_newest(subject.files, subject.path, connection, state, part, load)
        if saved is None:
            continue
        differing = index.differing(part, *sample)
        if len(differing):
            subject.findings.problem(
                f"{subject.name}/{INDEX_FOLDER}/{saved.file}",
                f"slot {differing[0]}",
                f"does not go with its vector, nor do {len(differing) - 1:,} more of the {len(sample[0]):,} compared: "
                "searches may miss rows. Delete this file while nobody has the collection open, or repair: "
                "it is rebuilt from the rows",
            )
