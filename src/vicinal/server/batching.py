"""Concurrent searches that share one scan of the rows.

While a pass is running, searches that arrive wait, and those of one kind (the same collection, `k` and filter) are
answered together by the next pass: the more load, the less each costs. A search that arrives when no other is running
does not wait. The thread that has run a pass also runs the next one, so that the event loop is only woken once per pass
and dispatches nothing for it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import Any, Final, Protocol, TypeVar

import msgspec
import numpy as np

from ..collection import Collection
from ..deadline import Deadline, within
from ..errors import VicinalError
from ..locks import new_lock
from ..types import Hits
from ..warn import collected
from ..wire import results
from . import metrics
from .pool import Pool

__all__ = ["SearchBatcher"]

_PASS_MAX: Final = 64  # searches

T = TypeVar("T")


class Use(Protocol):
    """Calls a function with the collection; see `Handles.use`."""

    def __call__(self, work: Callable[[Collection], T], /) -> T: ...


@dataclass(slots=True, eq=False)
class _Pending:
    vector: Any
    deadline: Deadline
    warnings: list[str]
    answer: asyncio.Future[bytes | Exception]


@dataclass(slots=True, eq=False)
class _Queue:
    """Searches of one kind; removed when empty."""

    use: Use
    arguments: dict[str, Any]
    waiting: deque[_Pending] = field(default_factory=deque)


class _OfPass(Deadline):
    """The longest deadline of its searches; it is over when no client waits any more."""

    __slots__ = ("_searches", "_server")

    def __init__(self, searches: Sequence[Deadline], server: Deadline | None = None) -> None:
        super().__init__(max(one.left() for one in searches))
        self._searches, self._server = searches, server

    def left(self) -> float:
        self._look()
        return super().left()

    def check(self) -> None:
        self._look()
        super().check()

    def _look(self) -> None:
        is_stopping = self._server is not None and self._server.is_cancelled
        if is_stopping or all(one.is_cancelled for one in self._searches):
            self.cancel()


class SearchBatcher:
    """The batcher of one worker; used from its event loop."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._lock = new_lock()  # guards the next two attributes: the event loop adds to them, threads take from them
        self._queues: dict[Any, _Queue] = {}
        self._waiting = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def search(
        self, kind: Any, use: Use, vector: Any, arguments: dict[str, Any], deadline: Deadline, warnings: list[str]
    ) -> bytes:
        """Returns the hits of one vector, as the body of a response.

        Args:
            kind: equal for searches that one pass can answer.
            use: calls a function with the collection; see `Handles.use`.
            arguments: of `Collection.search` and `search_many`, the same for equal kinds.
            warnings: warnings of the engine are appended.
        """
        self._pool.check_room(self._waiting)
        pending = _Pending(vector, deadline, warnings, asyncio.get_running_loop().create_future())
        with self._lock:
            queue = self._queues.get(kind)
            is_new = queue is None
            if queue is None:
                queue = self._queues[kind] = _Queue(use, arguments)
            queue.waiting.append(pending)
            self._waiting += 1
        if is_new:
            task = asyncio.create_task(self._answer(kind, queue))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        found = await pending.answer
        if isinstance(found, Exception):
            raise found
        return found

    async def _answer(self, kind: Any, queue: _Queue) -> None:
        """Runs until the queue is empty, usually in a single thread."""
        loop, has_ended = asyncio.get_running_loop(), False
        while not has_ended:
            server = Deadline(inf)
            try:
                has_ended = await self._pool.run(server, partial(self._passes, kind, queue, server, loop))
            except Exception as error:  # no thread was started
                pending = self._next(kind, queue)
                _deliver(pending, [error] * len(pending))
                has_ended = not pending

    def _passes(self, kind: Any, queue: _Queue, server: Deadline, loop: asyncio.AbstractEventLoop) -> bool:
        """Runs in a thread: pass after pass. False if other calls wait for the thread; the queue may not be empty."""
        while pending := self._next(kind, queue):
            loop.call_soon_threadsafe(_deliver, pending, _pass(queue, pending, server))
            if self._pool.is_full:
                return False
        return True

    def _next(self, kind: Any, queue: _Queue) -> list[_Pending]:
        """The searches of the next pass; if there are none, the queue is removed."""
        with self._lock:
            pending = [queue.waiting.popleft() for _ in range(min(len(queue.waiting), _PASS_MAX))]
            self._waiting -= len(pending)
            if not pending:
                del self._queues[kind]
        return pending


def _deliver(pending: Sequence[_Pending], found: Sequence[bytes | Exception]) -> None:
    """Runs in the event loop."""
    for one, answer in zip(pending, found, strict=True):
        if not one.answer.done():  # a cancelled request no longer waits
            one.answer.set_result(answer)


def _pass(queue: _Queue, pending: Sequence[_Pending], server: Deadline) -> Sequence[bytes | Exception]:
    """Runs one pass for all searches; if one of them is invalid, runs them one by one."""
    metrics.count_pass(len(pending))
    warnings: list[str] = []
    time = _OfPass([one.deadline for one in pending], server)
    try:
        time.check()
        with collected(warnings), within(time):
            return _answers(queue, pending)
    except Exception as error:
        return [error] * len(pending)
    finally:
        for one in pending if warnings else ():
            one.warnings.extend(warnings)


def _answers(queue: _Queue, pending: Sequence[_Pending]) -> Sequence[bytes | Exception]:
    if len(pending) > 1:
        try:
            vectors = _together([one.vector for one in pending])
            return queue.use(lambda docs: [_encoded(hits) for hits in docs.search_many(vectors, **queue.arguments)])
        except VicinalError:
            pass
    return [_alone(queue, one) for one in pending]


def _together(vectors: list[Any]) -> Any:
    """float32, shape (queries, dim), if all are arrays of one length: the engine validates a single array faster."""
    if all(isinstance(one, np.ndarray) for one in vectors) and len({len(one) for one in vectors}) == 1:
        return np.stack(vectors)
    return vectors


def _alone(queue: _Queue, pending: _Pending) -> bytes | Exception:
    try:
        pending.deadline.check()
        return queue.use(lambda docs: _encoded(docs.search(pending.vector, **queue.arguments)))
    except VicinalError as error:
        return error


_encode: Final = msgspec.json.Encoder().encode


def _encoded(hits: Hits) -> bytes:
    return _encode(results.Hits.of(hits))
