"""Builds an index and saves its parts without holding a lock: which parts are due, and how each is saved.

A part is written as a whole, so rewriting a large one is not worth it for a change of one row: a process that opens
the collection applies the few changes that a file lacks.
"""

from __future__ import annotations

import enum
import logging
import os
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..contract import Index, SavedIndex
from ..errors import StoreError
from .changes import nonce_of, rows_since
from .commit import forget_changes
from .feed import Feed, Opened
from .files import Files
from .generation import open_generation
from .publication import INDEX_FOLDER, Publication, newest_of_all, publish, remove_others
from .reading import ChangedMeanwhile, Reader
from .state import State, read_state

__all__ = [
    "Pace",
    "awaited_parts",
    "build",
    "due_parts",
    "move_along",
    "oldest",
    "publish_due",
    "publish_generation",
]

_log = logging.getLogger("vicinal.store")

_ROWS_MIN: Final = 4096
_ROWS_BUSY_MIN: Final = 1 << 16
_SHARE: Final = 32  # a part is worth rewriting when a 32nd of the rows changed
_QUIET_SHARE: Final = 128
_SMALL_BYTES: Final = 512 << 10
_TRIES: Final = 5


class Pace(enum.Enum):
    """How much is currently being written."""

    BUSY = "rows keep coming, and saving competes with whoever writes them"
    PAUSE = "no row for a second"
    QUIET = "no row for some seconds"
    ALWAYS = "whatever has changed at all is to be saved"


def oldest(opened: Opened[Any]) -> Publication | None:
    """Of the last saved files of all parts, the one with the earliest commit.

    None if a part was not saved; a lagging part is built from the rows when it is first used, and needs no changes.
    """
    index, published = opened.feed.index, opened.feed.published
    if any(part not in published and part not in index.lagging for part in index.parts):
        return None
    return min(published.values(), key=lambda publication: publication.change)


def due_parts(opened: Opened[Any], pace: Pace) -> list[str]:
    """Parts that are worth saving now."""
    feed = opened.feed
    state, published = feed.state, feed.published
    unsaved = {part: feed.index.unsaved(part) for part in feed.index.parts}
    behind = [part for part in feed.index.parts if _change_of(published.get(part)) < state.change or unsaved[part]]
    if not behind:
        return []
    connections, rows = opened.generation.connections, {}
    with connections.turn, connections.reader() as connection, connection:
        for change in {_change_of(published.get(part)) for part in behind}:
            rows[change] = rows_since(connection, change)
    return [
        part
        for part in behind
        if _is_worth_it(
            published.get(part), max(rows[_change_of(published.get(part))], unsaved[part]), state.next_slot, pace
        )
    ]


def _is_worth_it(published: Publication | None, rows: int, slots: int, pace: Pace) -> bool:
    """Whether to save a part again after `rows` changed rows since it was last saved, if ever."""
    if pace is Pace.ALWAYS:
        return True
    if pace is Pace.QUIET and (published is None or published.size <= _SMALL_BYTES or rows >= slots // _QUIET_SHARE):
        return True
    rows = max(rows, slots) if published is None else rows
    return rows >= max(_ROWS_BUSY_MIN if pace is Pace.BUSY else _ROWS_MIN, slots // _SHARE)


def _change_of(published: Publication | None) -> int:
    return 0 if published is None else published.change


def build(opened: Opened[Any], *, awaited: bool = False) -> bool:
    """One step of work that searches would otherwise do row by row; False if nothing is left.

    Args:
        awaited: see `VectorIndex.refine`.
    """
    feed = opened.feed
    with feed.building:
        snapshot, state = feed.at_moment(lambda _: (feed.index.snapshot(), feed.state))
        try:
            rows = Reader(opened.generation, state)
            return bool(snapshot.build(rows, urgent=True) or snapshot.refine(rows, awaited=awaited))
        except ChangedMeanwhile:
            return True


def awaited_parts(opened: Opened[Any], pace: Pace) -> list[str]:
    """Parts worth saving now if a caller may be waiting: no words are read that no search has used."""
    return [part for part in due_parts(opened, pace) if opened.feed.index.is_ready(part)]


def publish_due(
    files: Files, folder: str, opened: Opened[Any], pace: Pace, is_awaited: Callable[[], bool] = lambda: False
) -> None:
    """Saves the parts that are due and trims the changes that all parts cover. The caller holds the builder role.

    Args:
        folder: of the generation.
        is_awaited: returns whether a caller is waiting by now; then slow builds are skipped.

    Raises:
        StoreError, OSError: a full disk, or a folder just deleted; what was saved before remains.
    """
    feed = opened.feed
    feed.published = _known_to_all(files, folder, opened)
    for part in due_parts(opened, pace):
        with feed.building:
            saved = _saved(opened, part, is_awaited)
        nonce = None if saved is None else _nonce_of(opened, saved.change)
        if saved is not None and nonce is not None:
            published = publish(files, folder, feed.state.uuid, part, nonce, saved)
            feed.published = {**feed.published, part: published}
    covered = oldest(opened)
    if covered is not None:
        forget_changes(opened.generation, covered)
    if os.path.isdir(os.path.join(folder, INDEX_FOLDER)):
        remove_others(files, folder, feed.published.values())


def _known_to_all(files: Files, folder: str, opened: Opened[Any]) -> dict[str, Publication]:
    """What is currently saved: another process may have been the builder since this one looked."""
    connections = opened.generation.connections
    with connections.turn, connections.reader() as connection, connection:
        found = newest_of_all(files, folder, connection, read_state(connection))
    return found  # noqa: RET504  # to mypy, a `with` of apsw might swallow errors


def publish_generation(
    files: Files,
    folder: str,
    new_slots: NDArray[np.int64],
    *,
    make_index: Callable[[State], Index],
    taken_along: Mapping[str, SavedIndex],
    builds_all: bool = False,
) -> None:
    """Saves the index of a generation that is not current yet, so that no process has to build one.

    A lagging part is moved along, and not built if it was never used. If publication fails, for example on a full disk,
    it only costs time later.

    Args:
        new_slots: for each slot of the current generation, the slot of its row here; -1 for none.
        taken_along: see `Index.taken_along`, of the current generation.
        builds_all: whether to build lagging parts too.
    """
    generation = open_generation(files, folder)
    if generation is None:
        return
    try:
        feed = Feed(files, generation, make_index)
        move_along(feed.index, taken_along, new_slots)
        opened = Opened(generation, feed)
        while build(opened, awaited=True):
            pass
        publish_due(files, folder, opened, Pace.ALWAYS, lambda: not builds_all)
    except (OSError, StoreError) as error:
        _log.warning("the index of %s was not saved: %s", folder, error)
    finally:
        generation.retire()


def move_along(index: Index, taken_along: Mapping[str, SavedIndex], new_slots: NDArray[np.int64]) -> None:
    """Loads the lagging parts of another generation's index into this one; those that do not fit are built on use."""
    for part, saved in taken_along.items():
        try:
            index.load_moved(part, saved, new_slots)
        except Exception as error:
            _log.warning("%s is not taken along: %s: %s", part, type(error).__name__, error)


def _saved(opened: Opened[Any], part: str, is_awaited: Callable[[], bool]) -> SavedIndex | None:
    """A part of the index at the newest commit, completely built; None if it changes faster than it can be saved, or
    if a caller is waiting and it lacks much.
    """
    feed = opened.feed
    for _ in range(_TRIES):
        snapshot, state = feed.at_moment(lambda _: (feed.index.snapshot((part,)), feed.state))
        rows = Reader(opened.generation, state)
        try:
            while snapshot.build(rows, urgent=is_awaited()):
                pass
            if is_awaited() and not feed.index.is_ready(part):
                return None
            found: SavedIndex = snapshot.save(part, rows)
        except ChangedMeanwhile:
            continue
        return found
    return None


def _nonce_of(opened: Opened[Any], change: int) -> bytes | None:
    """The nonce that identifies the commit; None if there was no commit yet."""
    connections = opened.generation.connections
    with connections.turn, connections.reader() as connection, connection:
        nonce = nonce_of(connection, read_state(connection), change) if change else None
    return nonce  # noqa: RET504  # to mypy, a `with` of apsw might swallow errors
