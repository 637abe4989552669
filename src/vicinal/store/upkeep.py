"""Upkeep of a collection: publishing indexes, reclaiming dead rows, making copies, and dropping it.

Everything that builds or removes files holds the builder role, so that only one process at a time does it.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

from ..contract import Index, SavedIndex
from ..errors import CollectionDropped, StoreError, WriterBusy
from ..locks import new_rlock
from .backoff import Backoff
from .backup import (
    GenerationSwitched,
    StoredSnapshot,
    back_up,
    bury_snapshot,
    drop_snapshot,
    find_snapshot,
    list_snapshots,
    snapshot_folders,
    take_snapshot,
)
from .builder import builder_role, clear_up
from .drop import drop_generation
from .feed import Opened
from .files import Files
from .generation import DAMAGED, DROPPED, generations, open_generation
from .lock_holders import holder_of
from .publishing import Pace, awaited_parts, due_parts, publish_due, publish_generation
from .switch import Plan, switch, switch_in_memory

if TYPE_CHECKING:
    from .store import Store

_log = logging.getLogger("vicinal.store")

IndexT = TypeVar("IndexT", bound=Index)

_SYNC_EVERY_SECONDS = 1.0
_FOLLOW_EVERY_SECONDS = 2.0
_QUIET_SECONDS = 5.0
_LOOK_AGAIN_SECONDS = 0.2
_LOOK_THROUGH_SECONDS = 10.0
_PAUSE_SECONDS = 1.0  # without a write
_RESTING_SECONDS = 15.0
_COMPACT_SLOTS_MIN = 1024  # fewer dead slots are not worth a generation


class Upkeep(Generic[IndexT]):
    """The upkeep of one store; called by the housekeeping threads, and by users who do not want to wait for them.

    Attributes:
        lock: held while the thread that builds is at work; acquired before any lock of the store.
        sync_lock: the same for the thread that syncs, which no build delays.
    """

    def __init__(self, store: Store[IndexT]) -> None:
        self._store = store
        self.lock = new_rlock()
        self.sync_lock = new_rlock()
        self._compaction, self._publication = Backoff("compaction"), Backoff("publication")
        self._is_builder = False
        self._is_ending = False
        self._checked_slots = 0  # in memory: the slot count when dead ones were last counted
        self._has_leftovers = False  # whether a process had an earlier generation open when it should be removed
        self._looked_at = self._synced_at = self._cleared_at = time.monotonic()
        self._nothing_due: object = None  # what was checked when nothing was due
        self._looked_through_at = -_LOOK_THROUGH_SECONDS

    @property
    def _files(self) -> Files:
        return self._store.files

    @property
    def _folder(self) -> str:
        assert self._store.folder is not None  # callers reject upkeep in memory
        return self._store.folder

    def builder(self) -> str | None:
        """The process that is publishing or compacting, if it can be determined."""
        if self._is_builder:
            return "this process"
        with self._store.in_force() as opened:
            folder = opened.generation.folder
        return None if folder is None else holder_of(os.path.join(folder, "builder.db"))

    def end(self) -> None:
        """Called before `finish`: background builds end soon."""
        self._is_ending = True

    def finish(self) -> None:
        """Called before closing: syncs; publishes only what is past the limit, so short-lived processes close fast."""
        if self._files.read_only:
            return
        if self._store.writer.unsynced:
            self._store.sync(_SYNC_EVERY_SECONDS)
        self.build(pace=Pace.PAUSE)

    def postponed(self) -> tuple[str, ...]:
        """What failed and will be retried, one sentence each."""
        return tuple(one.report for one in (self._compaction, self._publication) if one.report)

    def keep_synced(self) -> None:
        """Syncs and follows a switch, if due. Called twice a second."""
        with self.sync_lock:
            now = time.monotonic()
            if not self._is_kept():
                return
            if self._store.writer.unsynced and now - self._synced_at >= _SYNC_EVERY_SECONDS:
                self._synced_at = now
                self._store.sync(_SYNC_EVERY_SECONDS)
            if now - self._looked_at >= _FOLLOW_EVERY_SECONDS:
                self._looked_at = now
                self._store.current()

    def keep_built(self) -> None:
        """Publishes, compacts and clears up, if due. Called once a second unless other builds take longer."""
        with self.lock:
            if self._is_kept():
                self._build_what_is_due(time.monotonic())

    def _is_kept(self) -> bool:
        return self._store.is_awake and self._store.on_disk and not self._files.read_only

    def _build_what_is_due(self, now: float) -> None:
        if self._has_leftovers and now - self._cleared_at >= _FOLLOW_EVERY_SECONDS:
            self._cleared_at = now
            self.clear_up()
        quiet = now - self._store.writer.wrote_at
        pace = Pace.QUIET if quiet >= _QUIET_SECONDS else Pace.PAUSE if quiet >= _PAUSE_SECONDS else Pace.BUSY
        known = self._store.known_place()
        is_known = known is not None and (*known, pace) == self._nothing_due
        if not is_known or now - self._looked_through_at >= _LOOK_THROUGH_SECONDS:  # rows may also have expired
            self._looked_through_at = now
            self.build(pace=pace)

    def look_again(self) -> None:
        """Checks again: parts built since nothing was due may be worth saving."""
        self._nothing_due = None

    def after_write_in_memory(self) -> None:
        """There is no housekeeping in memory: the write that makes compaction due also does it."""
        with self._store.in_force() as opened:
            slots = opened.feed.state.next_slot
            if slots - self._checked_slots < _COMPACT_SLOTS_MIN:
                return
            self._checked_slots = slots
            if not self._needs_compaction(opened):
                return
        self._checked_slots = 0
        self.rebuild(Plan(), timeout=_SYNC_EVERY_SECONDS, now=time.time_ns() // 1000)

    def build(self, *, always: bool = False, pace: Pace = Pace.QUIET) -> None:
        """Publishes, compacts and clears up, if there is something to do and no other process does it.

        Args:
            always: also save parts that are hardly worth it.
            pace: how much is being written.
        """
        pace = Pace.ALWAYS if always else pace
        with self._store.in_force() as opened:
            looked_at = (opened.generation.name, opened.feed.state.change, pace)
            needs_compaction = self._needs_compaction(opened)
            parts = awaited_parts(opened, pace) if self._is_ending else due_parts(opened, pace)
        if needs_compaction and self._compaction.is_due() and self._compact():
            return
        if always or (parts and self._publication.is_due()):
            self._publish_and_clear_up(pace)
        if not parts and not needs_compaction:
            self._nothing_due = looked_at

    def _compact(self) -> bool:
        """False if it failed: another process does it, writers leave no gap, no disk space, a damaged row."""
        try:
            self.rebuild(Plan(), timeout=_SYNC_EVERY_SECONDS, now=time.time_ns() // 1000)
        except (StoreError, OSError) as error:
            self._compaction.failed(error)
            _log.info("%s: %s", self._store.place, self._compaction.report)
            return False
        self._compaction.succeeded()
        return True

    def rebuild(self, plan: Plan, *, timeout: float, now: int) -> bool:
        """Builds the next generation and moves every process to it; False if the old files are still in use.

        Raises:
            WriterBusy: another process held the builder role, or writers left no gap.
            DiskFull: nothing changed.
        """
        if not self._store.on_disk:
            with self._store.in_force() as opened:
                replace = functools.partial(self._store.open_files.replace, taken_along=_taken_along(opened, plan))
                switch_in_memory(self._files, opened.generation, plan, now=now, timeout=timeout, put_in_force=replace)
            return True
        with self._sole_builder(timeout) as opened:
            clear_up(self._files, self._folder, opened.generation.name)  # a leftover may have the new one's name
            publish = functools.partial(
                publish_generation,
                self._files,
                make_index=self._store.make_index,
                taken_along=_taken_along(opened, plan),
                builds_all=plan.source is not None,  # its rows are not those in the text index
            )
            switch(self._files, self._folder, opened.generation, plan, now=now, timeout=timeout, publish=publish)
        self._store.current()
        return self._publish_and_clear_up(Pace.QUIET, is_awaited=True)

    def _publish_and_clear_up(self, pace: Pace, *, is_awaited: bool = False) -> bool:
        with self._building() as opened:
            cleared = opened is not None and self._publish(opened, pace, is_awaited)
        self._has_leftovers = not cleared
        return cleared

    def clear_up(self) -> bool:
        """Removes what is left of earlier generations; False if a process still has them open."""
        with self._building() as opened:
            cleared = opened is not None and clear_up(self._files, self._folder, opened.generation.name)
        self._has_leftovers = not cleared
        return cleared

    def leftovers(self) -> list[str]:
        """Files beside the current generation that may contain old rows: due for removal, but they still exist."""
        with self._store.in_force() as opened:
            in_force = opened.generation.name
        entries = self._files.list_folder(self._folder)
        earlier = {*generations(self._files, self._folder)} - {in_force}
        return sorted(entry for entry in entries if entry in earlier or entry.startswith(("new-", "dead-", DAMAGED)))

    def back_up(self, database: str) -> str:
        """A consistent copy in another database's folder, made despite concurrent writes and switches."""
        while True:
            with self._store.in_force() as opened, contextlib.suppress(GenerationSwitched):
                return back_up(self._files, opened.generation, database)

    def take_snapshot(self, name: str, timeout: float) -> StoredSnapshot:
        with self._sole_builder(timeout) as opened:
            return take_snapshot(self._files, self._folder, opened.generation, name)

    def snapshots(self) -> list[StoredSnapshot]:
        self._store.current()  # raises an error if the files are gone
        return list_snapshots(self._files, self._folder)

    def snapshot_names(self) -> list[str]:
        """The names of all snapshots; for one without a readable description, the name of its folder."""
        known = {found.folder: found.name for found in self.snapshots()}
        folders = snapshot_folders(self._files, self._folder)
        return [known.get(folder, os.path.basename(folder)) for folder in folders]

    def drop_snapshots(self, timeout: float) -> list[str]:
        """Removes all snapshots, including damaged ones; returns their names."""
        with self._sole_builder(timeout):
            names = self.snapshot_names()
            for folder in snapshot_folders(self._files, self._folder):
                bury_snapshot(self._files, self._folder, folder)
        return names

    def restore(self, name: str, *, timeout: float, now: int) -> None:
        """Switches to a new generation with the rows of a snapshot."""
        source = open_generation(self._files, find_snapshot(self._files, self._folder, name).folder)
        assert source is not None  # find_snapshot has just read from it
        try:
            self.rebuild(Plan(source=source), timeout=timeout, now=now)
        finally:
            source.retire()

    def remove_damaged(self, timeout: float) -> list[str]:
        """Removes the generations that `repair` set aside; returns their names."""
        with self._sole_builder(timeout):
            found = [entry for entry in self._files.list_folder(self._folder) if entry.startswith(DAMAGED)]
            for entry in found:
                self._files.remove_tree(os.path.join(self._folder, entry))
        return found

    def drop_snapshot(self, name: str, timeout: float) -> None:
        with self._sole_builder(timeout):
            drop_snapshot(self._files, self._folder, name)

    def drop(self, timeout: float) -> None:
        """Drops the collection; the next call raises `CollectionDropped`."""
        with self._sole_builder(timeout) as opened:
            drop_generation(self._files, self._folder, opened.generation, timeout)
            self._store.query_log.remove()  # the folder may be reused before it is deleted
        with contextlib.suppress(CollectionDropped):
            self._store.open_files.move_on(opened, DROPPED)

    @contextlib.contextmanager
    def _sole_builder(self, timeout: float) -> Iterator[Opened[IndexT]]:
        """The current generation, with the builder role on it for the block.

        Raises:
            WriterBusy: another process held the role all the time.
        """
        with self._building(timeout) as opened:
            if opened is None:
                raise WriterBusy(
                    f"another process was building during the whole timeout of {timeout:g} s",
                    name="timeout",
                    value=timeout,
                    place=self._store.place,
                    remedy="Raise `timeout=`; background work ends on its own.",
                )
            yield opened

    @contextlib.contextmanager
    def _building(self, wait_seconds: float = 0.0) -> Iterator[Opened[IndexT] | None]:
        """Like `_sole_builder`, but None if the role is not available.

        The previous holder may have switched while we waited, and then the role is that of a generation that is no
        longer current: so check again, and wait for the role of the next one.
        """
        deadline = time.monotonic() + wait_seconds
        while True:
            with self._store.in_force() as opened:
                path = os.path.join(self._folder, opened.generation.name)
                with builder_role(self._files, path, min(wait_seconds, _LOOK_AGAIN_SECONDS)) as held:
                    if held and opened.feed.follow() is None:
                        self._is_builder = True
                        try:
                            yield opened
                        finally:
                            self._is_builder = False
                        return
            if time.monotonic() >= deadline:
                yield None
                return

    def _publish(self, opened: Opened[IndexT], pace: Pace, is_awaited: bool) -> bool:
        """Saves the parts of the index that are due and removes leftovers. Holds the role."""
        folder = os.path.join(self._folder, opened.generation.name)
        try:
            publish_due(self._files, folder, opened, pace, lambda: is_awaited or self._is_ending)
            self._publication.succeeded()
        except (OSError, StoreError) as error:  # such as a full disk or a folder just deleted: only costs time later
            self._publication.failed(error)
            _log.warning("the index of %s was not saved: %s", self._store.place, error)
        return clear_up(self._files, self._folder, opened.generation.name)

    def _needs_compaction(self, opened: Opened[IndexT]) -> bool:
        slots, live = opened.feed.state.next_slot, opened.feed.index.live_count(time.time_ns() // 1000)
        return slots - live > max(live, _COMPACT_SLOTS_MIN)


def _taken_along(opened: Opened[IndexT], plan: Plan) -> Mapping[str, SavedIndex]:
    with opened.feed.building:
        return {} if plan.source is not None else opened.feed.index.taken_along()


def not_resting(stores: Iterable[Store[IndexT]], now: float) -> list[Store[IndexT]]:
    """The stores without those that have not been used for so long that there is hardly anything to do."""
    return [store for store in stores if store.writer.unsynced or now - store.used_at < _RESTING_SECONDS]
