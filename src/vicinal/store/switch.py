"""Builds the next generation beside the current one, and makes the commit that moves every process to it.

Compact, purge, reembed, alter, restore and repair differ only in what they copy.

    copy live rows by ranges in short reads      blocks no other call
    replay the changes made meanwhile            until few are left
    publish an index of the copy                 so that no process has to build one after the switch
    replay the changes made meanwhile            until few are left; readers of the index apply them too
    sync, rename new-* to g2, sync the folder    left over if we die here
    BEGIN IMMEDIATE on g1, replay the rest, set moved_to = g2, COMMIT      the switch
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import apsw
import numpy as np
from numpy.typing import NDArray

from ..contract import FloatMatrix
from ..deadline import check_deadline
from ..errors import DiskFull, StoreError
from .changes import NONCE_BYTES, insert_change, read_commits, read_ended
from .connections import Connections, translated
from .creation import create_generation, create_in_memory
from .files import Files
from .folder_names import building_name
from .generation import Generation, next_name
from .rows import Row, delete_rows, insert_rows, rows_between, rows_by_slot
from .state import State, read_state, update_state
from .vectors import FileVectors, Vectors

_COPY_SLOTS = 4096  # per short read
_REPLAY_UNTIL_CHANGES = 64  # few enough to be replayed while writers wait
_REPLAY_ROUNDS_MAX = 8  # limit if a writer never pauses
_SPACE_MARGIN = 1.1
_CHECKPOINT_BYTES = 8 << 20
_LOCAL_WAIT_SECONDS = 10.0  # no other process knows of the new generation
_IN_MEMORY = "memory"

Copied = tuple[Row, memoryview | bytes]
Transform = Callable[[list[Copied]], list[Copied]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What the next generation will be.

    Attributes:
        state: a function from the state that is current at the end to the new one; slots and stamps are filled in.
        transform: applied to each batch of rows, without changing their number or order; None for no change.
        source: copy from this generation instead of the current one, and replay nothing.
    """

    state: Callable[[State], State] = lambda state: state
    transform: Transform | None = None
    source: Generation | None = None


def switch(
    files: Files,
    folder: str,
    old: Generation,
    plan: Plan,
    *,
    now: int,
    timeout: float,
    publish: Callable[[str, NDArray[np.int64]], None],
) -> str:
    """Builds the next generation, commits the switch and returns its name. The caller holds the builder role.

    Args:
        publish: saves the indexes of the generation in a folder that no other process knows; its second argument is
            the new slot for each old slot, -1 for none.

    Raises:
        DiskFull: not enough free space; nothing changed.
        WriterBusy: the last lock was not available; nothing changed.
    """
    _check_space(files, folder, plan.source or old)
    building = os.path.join(folder, building_name())
    final_name = next_name(old.name)
    final = os.path.join(folder, final_name)
    try:
        with old.connections.turn, old.connections.reader() as connection:
            start = read_state(connection)
        create_generation(files, building, _first_state(plan, start))
        with _copy_in(files, building, plan, now) as copy:
            copy.everything(plan.source or old)
            if plan.source is None:
                _replay_until_few(copy, old)
            copy.stamp(plan, start)
        publish(building, copy.new_slots)
        if plan.source is None:
            with _copy_in(files, building, plan, now, copy) as again:
                _replay_until_few(again, old)
            copy = again
        files.rename(building, final)
        files.sync_folder(folder)

        def commit(connection: apsw.Connection) -> None:
            last = read_state(connection)
            if last.moved_to is not None:
                raise StoreError("the collection was switched by another process meanwhile", name="generation")
            with _copy_in(files, final, plan, now, copy) as rest:
                if plan.source is None:
                    rest.replay(connection, old.vectors)
                rest.finish(plan, last, connection)
            update_state(connection, replace(last, moved_to=final_name))
            connection.execute("COMMIT")

        old.connections.write(commit, timeout, "full")
    except BaseException:
        _abandon(files, building, final, old)
        raise
    return final_name


def switch_in_memory(
    files: Files,
    old: Generation,
    plan: Plan,
    *,
    now: int,
    timeout: float,
    put_in_force: Callable[[Generation, NDArray[np.int64]], None],
) -> None:
    """The same without files; writers and readers wait."""

    def commit(connection: apsw.Connection) -> None:
        last = read_state(connection)
        new = create_in_memory(files, _first_state(plan, last))
        copy = _Copy(new.connections, new.vectors, plan, now)
        copy.everything(old)
        copy.finish(plan, last, connection)
        put_in_force(new, copy.new_slots)
        update_state(connection, replace(last, moved_to=_IN_MEMORY))  # for writers that wait for this lock
        connection.execute("COMMIT")

    old.connections.write(commit, timeout, "process")


def _first_state(plan: Plan, start: State) -> State:
    state = plan.state(start if plan.source is None else replace(plan.source.state, next_id=start.next_id))
    return replace(state, next_slot=0, moved_to=None)


def _check_space(files: Files, folder: str, source: Generation) -> None:
    assert source.folder is not None
    needed = int(files.tree_bytes(source.folder) * _SPACE_MARGIN)
    free = files.free_bytes(folder)
    if free < needed:
        raise DiskFull(
            f"building the next generation may need {needed:,} bytes, {free:,} are free",
            name="disk",
            value=free,
            place=folder,
            remedy="Free space and try again; nothing changed.",
        )


def _replay_until_few(copy: _Copy, old: Generation) -> None:
    for _ in range(_REPLAY_ROUNDS_MAX):
        with old.connections.turn, old.connections.reader() as connection, connection:
            behind = read_state(connection).change - copy.change
            if behind <= _REPLAY_UNTIL_CHANGES:
                return
            copy.replay(connection, old.vectors)


def _abandon(files: Files, building: str, final: str, old: Generation) -> None:
    """Removes the new generation, which no process knows yet; if the switch was committed after all, it stays."""
    if files.exists(building):
        files.remove_tree(building)
    if files.exists(final):
        with old.connections.turn, old.connections.reader() as connection:
            moved_to = read_state(connection).moved_to
        if moved_to is None:
            files.remove_tree(final)


class _Copy:
    """Writes the next generation: rows at dense slots, in the old order."""

    def __init__(
        self, connections: Connections, vectors: Vectors, plan: Plan, now: int, earlier: _Copy | None = None
    ) -> None:
        self._connections = connections
        self._vectors = vectors
        self._transform = plan.transform
        self._now = now
        self.change = 0  # of the old generation, copied so far
        self._known_slots = 0  # its slots at that change
        self._slot = 0  # the next slot in the new generation
        self._new_slots = np.empty(0, dtype=np.int64)  # by old slot, -1 for none
        self._told: int | None = None  # the end of its own feed; None if it has none yet
        if earlier is not None:
            self._go_on_from(earlier)

    def _go_on_from(self, earlier: _Copy) -> None:
        self.change, self._known_slots = earlier.change, earlier._known_slots
        self._slot, self._new_slots, self._told = earlier._slot, earlier._new_slots, earlier._told

    @property
    def new_slots(self) -> NDArray[np.int64]:
        """The new slot for each old slot; -1 for none."""
        return self._new_slots

    @property
    def dimension(self) -> int | None:
        return self._vectors.dimension

    def everything(self, source: Generation) -> None:
        """Copies all rows of `source`, by ranges; concurrent changes are left to `replay`."""
        connections = source.connections
        with connections.turn, connections.reader() as connection:
            state = read_state(connection)
        self.change, self._known_slots = state.change, state.next_slot
        self._new_slots = np.full(state.next_slot, -1, dtype=np.int64)
        for first in range(0, state.next_slot, _COPY_SLOTS):
            check_deadline()
            with connections.turn, connections.reader() as connection, connection:
                last = min(first + _COPY_SLOTS, state.next_slot)
                self._append(rows_between(connection, source.vectors, first, last), source.vectors)
        self._copy_kv(source)

    def replay(self, connection: apsw.Connection, vectors: Vectors) -> None:
        """Applies the old generation's commits since the last round, as of this transaction."""
        state = read_state(connection)
        if state.change == self.change:
            return
        if state.trimmed > self.change:
            raise StoreError("changes were trimmed under the builder", name="changes")  # the role prevents this
        dead, touched = read_ended(connection, self.change)
        self._delete([slot for slot in dead.tolist() if slot < self._known_slots])
        self._touch(rows_by_slot(connection, vectors, [s for s in touched.tolist() if s < self._known_slots]), vectors)
        self._new_slots = np.concatenate(
            [self._new_slots, np.full(state.next_slot - self._known_slots, -1, dtype=np.int64)]
        )
        for first in range(self._known_slots, state.next_slot, _COPY_SLOTS):
            last = min(first + _COPY_SLOTS, state.next_slot)
            self._append(rows_between(connection, vectors, first, last), vectors)
        if self._told is not None:
            self._retell(connection, self._told)
            self._told = state.change
        self.change, self._known_slots = state.change, state.next_slot

    def stamp(self, plan: Plan, start: State) -> None:
        """Makes it a generation that can be opened. Later replays are added to its feed, commit by commit."""
        change = self.change if plan.source is None else start.change

        def write(connection: apsw.Connection) -> None:
            update_state(connection, self._state(plan, start, change, change, secrets.token_bytes(NONCE_BYTES)))

        self._write(write)
        self._vectors.sync()
        self._told = change

    def _retell(self, old: apsw.Connection, after: int) -> None:
        """Adds the old generation's commits after `after` to the feed, in terms of the new slots."""
        commits = list(read_commits(old, after))

        def write(connection: apsw.Connection) -> None:
            for change, first, count, dead, touched in commits:
                slots = self._mapped(range(first, first + count))
                start = slots[0] if slots else self._slot
                ended, changed = self._mapped(dead.tolist()), self._mapped(touched.tolist())
                insert_change(connection, change, first=start, count=len(slots), dead=ended, touched=changed)

        self._write(write)

    def finish(self, plan: Plan, last: State, old: apsw.Connection) -> None:
        """Writes the final state, while the old generation is locked."""

        def write(connection: apsw.Connection) -> None:
            if plan.source is None:
                _replace_kv(connection, old)
            change, trimmed, nonce = last.change + 1, last.change + 1, secrets.token_bytes(NONCE_BYTES)
            if self._told is not None:
                known = read_state(connection)
                trimmed, nonce = known.trimmed, known.trimmed_nonce
                for missing in range(self._told + 1, change + 1):
                    insert_change(connection, missing, first=self._slot, count=0)
            update_state(connection, self._state(plan, last, change, trimmed, nonce))

        self._write(write)
        self._vectors.sync()

    def _state(self, plan: Plan, last: State, change: int, trimmed: int, nonce: bytes) -> State:
        """The new state by the plan, from the old generation's state, at `change`."""
        state = plan.state(last if plan.source is None else replace(plan.source.state, next_id=last.next_id))
        return replace(
            state,
            next_slot=self._slot,
            next_id=max(state.next_id, last.next_id),
            change=change,
            synced=change,
            trimmed=trimmed,
            trimmed_nonce=nonce,
            moved_to=None,
        )

    def _write(self, work: Callable[[apsw.Connection], None]) -> None:
        def commit(connection: apsw.Connection) -> None:
            work(connection)
            connection.execute("COMMIT")

        self._connections.write(commit, _LOCAL_WAIT_SECONDS, "process")
        if self._connections.log_bytes > _CHECKPOINT_BYTES:
            with translated(self._connections.place):
                self._connections.checkpoint(0)
            self._connections.log_bytes = 0

    def _append(self, rows: Sequence[Row], vectors: Vectors) -> None:
        kept = [row for row in rows if not row.is_expired(self._now)]
        if not kept:
            return
        copied: list[Copied] = [(row, vectors.raw(row.slot) if row.space is not None else b"") for row in kept]
        if self._transform is not None:
            copied = self._transform(copied)
        placed = list(self._placed(kept, copied))
        self._write(lambda connection: insert_rows(connection, placed))

    def _placed(self, kept: Sequence[Row], copied: Sequence[Copied]) -> Iterator[Copied]:
        """The rows at their new slots, after writing their vectors."""
        first = self._slot
        old_slots = [row.slot for row in kept]
        self._new_slots[old_slots] = np.arange(first, first + len(kept))
        self._slot += len(kept)
        block = _block([raw for _, raw in copied])
        if block is not None:
            self._vectors.fix_dimension(block.shape[1])
            self._vectors.write(first, block)
        return ((replace(row, slot=first + i), raw) for i, (row, raw) in enumerate(copied))

    def _delete(self, slots: Sequence[int]) -> None:
        self._write(lambda connection: delete_rows(connection, self._mapped(slots)))

    def _mapped(self, slots: Sequence[int]) -> list[int]:
        found: list[int] = self._new_slots[list(slots)].tolist()
        return [slot for slot in found if slot >= 0]

    def _touch(self, rows: dict[int, Row], vectors: Vectors) -> None:
        """Writes metadata and expiry again, in their current version."""

        def write(connection: apsw.Connection) -> None:
            for old_slot, row in rows.items():
                for slot in self._mapped([old_slot]):
                    new = next(iter(rows_by_slot(connection, self._vectors, [slot]).values()))
                    new = replace(new, change=row.change, metadata=row.metadata, expires_at=row.expires_at)
                    connection.execute(
                        "UPDATE rows SET change = ?, crc = ?, expires_at = ?, metadata = ? WHERE slot = ?",
                        (new.change, new.crc(self._vectors), new.expires_at, new.metadata, slot),
                    )

        self._write(write)

    def _copy_kv(self, source: Generation) -> None:
        with source.connections.turn, source.connections.reader() as connection, connection:
            self._write(lambda copy: _replace_kv(copy, connection))


@contextlib.contextmanager
def _copy_in(files: Files, folder: str, plan: Plan, now: int, earlier: _Copy | None = None) -> Iterator[_Copy]:
    """A copy that writes into `folder`, continuing an earlier one; at the end, everything is synced and closed."""
    connections = Connections(os.path.join(folder, "records.db"), files, secure_delete=True)
    file = files.open(os.path.join(folder, "vectors.f32"))
    try:
        with connections.turn, connections.reader() as connection:
            dimension = read_state(connection).dimension if earlier is None else earlier.dimension
        yield _Copy(connections, FileVectors(file, dimension, files.maps_past_end), plan, now, earlier)
        file.sync()
    finally:
        file.close()
        connections.close()  # the writer's is closed last, so SQLite checkpoints its log, and syncs


def _block(raws: Sequence[memoryview | bytes]) -> FloatMatrix | None:
    """Vectors of the rows as one matrix, zero for rows without a vector; None if no row has one."""
    width = max((len(raw) for raw in raws), default=0)
    if width == 0:
        return None
    joined = b"".join(bytes(raw) if len(raw) else bytes(width) for raw in raws)
    return np.frombuffer(joined, dtype=np.float32).reshape(len(raws), -1)


def _replace_kv(new: apsw.Connection, old: apsw.Connection) -> None:
    new.execute("DELETE FROM kv")
    new.executemany("INSERT INTO kv VALUES (?, ?, ?, ?)", old.execute("SELECT owner, key, value, crc FROM kv"))
