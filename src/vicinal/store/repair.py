"""Builds a new generation from the readable parts of a damaged one and makes it current; the damaged files are kept.

hold the builder role and, if the records still accept it, the write lock
find the state and every row that is proven by its checksum
write them to new-*, sync, rename to the next g*
set moved_to in the damaged records, if they still accept it: processes that have them open follow
rename the damaged generation to damaged-*
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import UUID

import apsw

from ..errors import CollectionDropped, Damaged, StoreError, WriterBusy
from ..types import Id, LostRow, RepairReport
from .backup import SNAPSHOTS
from .builder import builder_role
from .changes import NONCE_BYTES
from .connections import Connections, connect_file, open_hardened, translated
from .creation import create_builder, create_generation
from .drop import is_dropped
from .files import Files
from .filesystems import read_only_error
from .folder_names import building_name
from .forensics import READ_ERRORS, VectorBytes, opened_records, opened_vectors
from .forking import sqlite_in_use
from .generation import DROPPED, generations, next_name
from .names import repair_name
from .rows import UUID_BYTES, insert_rows
from .salvage import Survey, dimension_by_rows, highest_change, kept_rows, readable_kv, survey
from .salvage_state import plausible_state, proven_state
from .state import State, read_state, update_state
from .state_copy import STATE_COPY, read_state_copy

T = TypeVar("T")

_NUMBER_MAX = 2**62  # no count of ours comes near it, but a flipped high bit does


@dataclass(frozen=True, slots=True)
class _Origin:
    """The state to continue from.

    Attributes:
        is_proven: by its checksum; otherwise its numbers are meaningless.
        note: for the user, or "".
    """

    state: State
    is_proven: bool
    note: str


def repair_collection(files: Files, folder: str, timeout: float) -> RepairReport:
    """Rebuilds the collection; see `Database.repair`."""
    if files.read_only:
        raise read_only_error(folder)
    names = generations(files, folder)
    if not names:
        raise _hopeless(folder, "there is no generation in it")
    source = _in_force(files, folder, names)
    if not files.exists(os.path.join(folder, source, "records.db")):
        raise _hopeless(folder, f"{source}/records.db, which holds the rows, is gone")
    _refuse_dropped(files, folder, source)
    building = os.path.join(folder, building_name())
    try:
        with _sole_builder(files, os.path.join(folder, source), timeout):
            report = _rebuild(files, folder, names, source, building, timeout)
    finally:
        if files.exists(building):
            files.remove_tree(building)
    return replace(report, kept_at=_set_aside(files, folder, names, source))


# -- which generation, under which locks, from which state


def _in_force(files: Files, folder: str, names: list[str]) -> str:
    """The generation that was last written to, as far as can be determined."""
    name = names[0]
    for following in names[1:]:
        with (
            opened_records(files, os.path.join(folder, name)) as connections,
            connections.turn,
            connections.reader() as connection,
        ):
            state = proven_state(connection)
            change = highest_change(connection)
        if state is None:
            moved = _is_newer(files, os.path.join(folder, following), change)
        else:
            moved = state.moved_to is not None
        if not moved:
            break
        name = following
    return name


def _refuse_dropped(files: Files, folder: str, source: str) -> None:
    """Data that was deleted on purpose must stay deleted. If the records are unreadable, the marker decides."""
    path = os.path.join(folder, source)
    with opened_records(files, path) as connections, connections.turn, connections.reader() as connection:
        state = proven_state(connection)
    if state.moved_to == DROPPED if state is not None else is_dropped(files, folder):
        raise CollectionDropped(
            "the collection was dropped", name="collection", place=folder, remedy="Create it again if you need it."
        )


def _is_newer(files: Files, generation: str, change: int) -> bool:
    """Whether a generation is past a commit of the one before: then that one had switched to it."""
    with opened_records(files, generation) as connections, connections.turn, connections.reader() as connection:
        state = proven_state(connection)
    return state is not None and state.change > change


@contextlib.contextmanager
def _sole_builder(files: Files, generation: str, timeout: float) -> Iterator[None]:
    """Holds the builder role, in a new file if the old one cannot be locked any more."""
    path = os.path.join(generation, "builder.db")
    if not _can_be_locked(files, path):
        if files.exists(path):
            files.rename(path, f"{path}-damaged-{secrets.token_hex(4)}")
        create_builder(files, generation)
    with builder_role(files, generation, timeout) as is_builder:
        if not is_builder:
            raise WriterBusy(
                f"another process was building during the whole timeout of {timeout:g} s",
                name="timeout",
                value=timeout,
                place=generation,
                remedy="Raise `timeout=`; background work ends on its own.",
            )
        yield


def _can_be_locked(files: Files, path: str) -> bool:
    try:
        connection = open_hardened(path, apsw.SQLITE_OPEN_READWRITE, files.vfs)
    except apsw.Error:
        return False
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except apsw.BusyError:
        return True
    except apsw.Error:
        return False
    finally:
        connection.close()
    return True


def _locked(connections: Connections, timeout: float, work: Callable[[apsw.Connection], T]) -> T:
    """Runs `work` with the records, locked against writers if they are intact enough to be written to."""
    has_begun = False

    def begin(connection: apsw.Connection) -> T:
        nonlocal has_begun
        has_begun = True
        return work(connection)

    try:
        return connections.write(begin, timeout, "full")
    except StoreError as error:
        if has_begun or isinstance(error, WriterBusy):
            raise
    with connections.turn, connections.reader() as connection:
        return work(connection)


def _origin(files: Files, folder: str, source: str, connection: apsw.Connection) -> _Origin:
    """The best available state.

    Raises:
        Damaged: nothing says what the rows mean.
    """
    proven = proven_state(connection)
    if proven is not None:
        return _Origin(proven, True, "")
    path = os.path.join(folder, source)
    state, taken_from = next(_second_hand(files, folder, source, connection), (None, ""))
    if state is None:
        raise _hopeless(folder, "nothing in it says which metric and encoder its rows have")
    with opened_vectors(files, path, 1) as vectors:
        dimension = dimension_by_rows(connection, vectors.read_at)
    note = f"The state was lost. Metric {state.metric!r}, encoder and settings were taken from {taken_from}."
    return _Origin(replace(state, dimension=dimension or state.dimension), False, note)


def _second_hand(files: Files, folder: str, source: str, connection: apsw.Connection) -> Iterator[tuple[State, str]]:
    """(state of the same collection, its source), the most trustworthy first."""
    copy = read_state_copy(files, os.path.join(folder, source))
    if copy is not None:
        yield copy, f"{source}/{STATE_COPY}"
    damaged = plausible_state(connection)
    if damaged is not None:
        yield damaged, f"{source}/records.db, whose checksum no longer holds"
    for name in _others(files, folder, source):
        path = os.path.join(folder, name)
        with opened_records(files, path) as connections, connections.turn, connections.reader() as elsewhere:
            state = proven_state(elsewhere)
        if state is not None and state.moved_to != DROPPED:  # that was another collection of the same name
            yield state, name


def _others(files: Files, folder: str, source: str) -> Iterator[str]:
    """Older generations and snapshots, newest first."""
    names = generations(files, folder)
    yield from reversed(names[: names.index(source)])
    root = os.path.join(folder, SNAPSHOTS)
    for entry in files.list_folder(root) if files.exists(root) else []:
        yield os.path.join(SNAPSHOTS, entry)


# -- building


def _rebuild(files: Files, folder: str, names: list[str], source: str, building: str, timeout: float) -> RepairReport:
    path = os.path.join(folder, source)
    final = next_name(names[-1])

    def build(connection: apsw.Connection) -> RepairReport:
        origin = _origin(files, folder, source, connection)
        with opened_vectors(files, path, origin.state.dimension) as vectors:
            found = survey(connection, vectors, origin.state.next_slot if origin.is_proven else 0)
            if not origin.is_proven and not found.kept:
                raise _hopeless(folder, "no row can be read")
            create_generation(files, building, _next_state(origin, found))
            _fill(files, building, connection, vectors, found)
        repair_name(files, folder, origin.state.name)
        files.rename(building, os.path.join(folder, final))
        files.sync_folder(folder)
        with contextlib.suppress(*READ_ERRORS):  # if it fails, no process can have it open and write to it
            update_state(connection, replace(read_state(connection), moved_to=final))
            connection.execute("COMMIT")
        return _report(origin, found)

    with opened_records(files, path) as connections:
        return _locked(connections, timeout, build)


def _next_state(origin: _Origin, found: Survey) -> State:
    """Counters only increase: an id that was assigned is not assigned again, as far as is known."""
    state = origin.state
    change = 1 + max(found.change, state.change if 0 <= state.change < _NUMBER_MAX else 0)
    return replace(
        state,
        next_slot=len(found.kept),
        next_id=max(found.highest_id + 1, state.next_id if 0 < state.next_id < _NUMBER_MAX else 1),
        change=change,
        synced=change,
        trimmed=change,
        trimmed_nonce=secrets.token_bytes(NONCE_BYTES),
        moved_to=None,
    )


def _fill(files: Files, building: str, source: apsw.Connection, vectors: VectorBytes, found: Survey) -> None:
    """Copies the rows to dense slots, in the old order, and `kv`; closing the records syncs them."""
    path = os.path.join(building, "records.db")
    file = files.open(os.path.join(building, "vectors.f32"))
    try:
        with sqlite_in_use.own.lock, translated(path):
            connection = connect_file(path, files)
            try:
                slot = 0
                for batch in kept_rows(source, vectors, found):
                    placed = [(replace(row, slot=slot + i), raw) for i, (row, raw) in enumerate(batch)]
                    with connection:
                        insert_rows(connection, placed)
                    for row, raw in placed:
                        file.write_at(row.slot * len(raw), raw)
                    slot += len(batch)
                with connection:
                    connection.executemany("INSERT INTO kv VALUES (?, ?, ?, ?)", readable_kv(source))
            finally:
                connection.close()
        file.sync()
    finally:
        file.close()
    files.sync_folder(building)


def _set_aside(files: Files, folder: str, names: list[str], source: str) -> str:
    """Renames every generation but the new one, oldest first, and returns where the damaged one is kept."""
    kept_at = {name: os.path.join(folder, f"damaged-{name}-{secrets.token_hex(4)}") for name in names}
    for name in names:
        try:
            files.rename(os.path.join(folder, name), kept_at[name])
        except StoreError:  # Windows: a process has it open, and was told to switch; upkeep removes it later
            kept_at[name] = os.path.join(folder, name)
    files.sync_folder(folder)
    return kept_at[source]


def _report(origin: _Origin, found: Survey) -> RepairReport:
    lost = [LostRow(_known_id(id_), slot, why) for slot, (id_, why) in sorted(found.lost.items())]
    notes = [origin.note] if origin.note else []
    notes += [
        f"Slots {one.first} to {one.last} cannot be read; which of them held rows is not known."
        for one in found.unreadable
    ]
    if not found.knows_all_lost:
        notes.append("More rows may be lost than are named: the index of ids is damaged too.")
    if found.doubtful:
        ids = ", ".join(repr(_known_id(id_)) for id_ in found.doubtful)
        notes.append(f"{len(found.doubtful):,} rows are kept that may have been deleted before the damage: {ids}.")
    return RepairReport(len(found.kept), tuple(lost), tuple(notes), "")


def _known_id(value: object) -> Id | None:
    if isinstance(value, bytes) and len(value) == UUID_BYTES:
        return UUID(bytes=value)
    return value if isinstance(value, (int, str)) else None


def _hopeless(folder: str, why: str) -> Damaged:
    return Damaged(
        f"the collection cannot be repaired: {why}",
        name="collection",
        place=folder,
        remedy="Restore a backup. Nothing was changed.",
    )
