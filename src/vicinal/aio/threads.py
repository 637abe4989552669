"""A database of this process behind an event loop: its calls run in threads."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from itertools import islice
from typing import Any, Final, Self, TypeVar

from ..collection import Collection
from ..database import Database
from ..deadline import Deadline, within
from ..warn import collected, warn_user

__all__ = ["InThreads"]

T = TypeVar("T")

_THREADS_MAX: Final = 32
_PAGE_ROWS: Final = 256


class Threads:
    """The threads shared by all handles of one database."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = ThreadPoolExecutor(_THREADS_MAX, thread_name_prefix="vicinal-aio")

    async def run(self, work: Callable[[], T]) -> T:
        """Returns the result of a function. Cancelling stops the function, and the await ends when it has ended."""
        if self._pool is None:
            return work()  # it is closed and raises an error that says so
        deadline, heard = Deadline(math.inf), list[str]()

        def begin() -> T:
            with within(deadline), collected(heard):
                return work()

        running = asyncio.get_running_loop().run_in_executor(self._pool, copy_context().run, begin)
        try:
            done = await asyncio.shield(running)
        except asyncio.CancelledError:
            deadline.cancel()
            await _ended(running)
            raise
        finally:
            for message in heard:
                warn_user(message)
        return done

    def end(self) -> None:
        """Releases the threads; they finish what they are doing."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False)


class InThreads:
    """A database or a collection.

    Args:
        noun: the object that is called.
        threads: those of its database.
    """

    def __init__(self, noun: Database | Collection, threads: Threads) -> None:
        self._noun = noun
        self._threads = threads

    @classmethod
    def of_database(cls, database: Database) -> Self:
        return cls(database, Threads())

    async def call(self, call: str, given: Mapping[str, Any]) -> Any:
        return await self._threads.run(lambda: getattr(self._noun, call)(**given))

    async def rows(self, call: str, given: Mapping[str, Any]) -> AsyncIterator[Any]:
        rows: Iterator[Any] = await self.call(call, given)
        while page := await self._threads.run(lambda: list(islice(rows, _PAGE_ROWS))):
            for row in page:
                yield row

    async def notes(self, call: str, owner: str, given: Mapping[str, Any]) -> Any:
        assert isinstance(self._noun, Collection)
        notes = self._noun.notes(owner)
        work: dict[str, Callable[[], Any]] = {
            "read": lambda: dict(notes.items()),
            "update": lambda: notes.update(given["notes"]),
            "setdefault": lambda: notes.setdefault(given["key"], given["default"]),
            "replace": lambda: notes.replace(given["key"], given["before"], given["value"]),
            "remove": lambda: notes.pop(given["key"], None) is not None,
        }
        return await self._threads.run(work[call])

    async def collection(self, given: Mapping[str, Any]) -> InThreads:
        return InThreads(await self.call("collection", given), self._threads)

    def within(self, where: Any) -> InThreads:
        assert isinstance(self._noun, Collection)
        return InThreads(self._noun.within(where), self._threads)

    def known(self, name: str) -> Any:
        value = getattr(self._noun, name)
        return value() if callable(value) else value

    async def close(self) -> None:
        await self._threads.run(self._noun.close)
        if isinstance(self._noun, Database):
            self._threads.end()


async def _ended(running: asyncio.Future[Any]) -> None:
    """Waits for a cancelled call to end, whatever its result and however often the wait is cancelled."""
    while not running.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([running])
    with contextlib.suppress(Exception):
        running.result()
