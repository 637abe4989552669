"""Index and records of an opened generation as of one point in time, and how long a call keeps the files open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import apsw

from ..contract import Index
from ..errors import Damaged
from .feed import Opened
from .reading import ChangedMeanwhile, Reader

IndexT = TypeVar("IndexT", bound=Index)
T = TypeVar("T")
S = TypeVar("S")


class Using(Generic[IndexT]):
    """An opened generation in a `with` block, which leaves it at the end. A class for speed: every call has one or two.

    The generation counts users: one that an interrupt keeps from leaving counts until it is garbage collected.
    """

    __slots__ = ("__weakref__", "_hold", "_opened")

    def __init__(self, hold: Callable[[object], Opened[IndexT]]) -> None:
        self._hold = hold

    def __enter__(self) -> Opened[IndexT]:
        self._opened = self._hold(self)
        return self._opened

    def __exit__(self, *_: object) -> None:
        self._opened.generation.leave(self)


class Taking(Generic[IndexT, T]):
    """`Store.snapshot` in a `with` block. A class for speed: every search has one."""

    __slots__ = ("__weakref__", "_generation", "_hold", "_take")

    def __init__(self, hold: Callable[[object], Opened[IndexT]], take: Callable[[IndexT, Reader], T]) -> None:
        self._hold = hold
        self._take = take

    def __enter__(self) -> tuple[T, Reader]:
        opened = self._hold(self)
        self._generation = opened.generation
        try:
            return taken(opened, self._take)
        except BaseException:
            self._generation.leave(self)
            raise

    def __exit__(self, *_: object) -> None:
        self._generation.leave(self)


def taken(opened: Opened[IndexT], take: Callable[[IndexT, Reader], S]) -> tuple[S, Reader]:
    """What `take` reads from the current index, and a reader whose calls each see the then current records."""
    generation, feed = opened.generation, opened.feed
    with generation.connections.turn, feed.lock.turn, feed.lock.held:
        reader = Reader(generation, feed.state, None, feed.rows)
        return take(feed.index, reader), reader


def at_moment(opened: Opened[IndexT], take: Callable[[IndexT, Reader], S], work: Callable[[S, Reader], T]) -> T:
    """Runs `work` on what `take` reads from the index, with a reader of the same commit; nothing changes meanwhile.

    Raises:
        Damaged: the records contain a row of a change that they do not know.
    """
    generation, feed = opened.generation, opened.feed

    def once(connection: apsw.Connection) -> T:
        reader = Reader(generation, feed.state, connection, feed.rows)
        return work(take(feed.index, reader), reader)

    def at(connection: apsw.Connection) -> T:
        try:
            return once(connection)
        except ChangedMeanwhile:  # impossible here, so the saved index was not of these records
            feed.distrust(connection)
        try:
            return once(connection)
        except ChangedMeanwhile as error:
            raise Damaged(
                "a row belongs to a change that the state does not know",
                name="rows",
                place=generation.connections.place,
                remedy="Run verify() to see which rows, and repair() to keep the others.",
            ) from error

    return feed.at_moment(at)
