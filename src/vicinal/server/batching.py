"""Searches of concurrent requests that share one pass over the rows.

While one pass is under way, the searches that come meanwhile wait, and those of one kind (the same collection, `k` and
filter) are answered by the next pass together: the more there is to do, the less each costs. A search that finds nobody
before it waits for nobody.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol, TypeVar

import msgspec

from ..collection import Collection
from ..deadline import Deadline
from ..errors import VicinalError
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


@dataclass(slots=True)
class _Queue:
    """Searches of one kind."""

    use: Use
    arguments: dict[str, Any]
    waiting: deque[_Pending] = field(default_factory=deque)
    is_running: bool = False


class _OfPass(Deadline):
    """The time of the search that has most of it, and over when nobody waits for any."""

    __slots__ = ("_searches",)

    def __init__(self, searches: Sequence[Deadline]) -> None:
        super().__init__(max(one.left() for one in searches))
        self._searches = searches

    def left(self) -> float:
        self._look()
        return super().left()

    def check(self) -> None:
        self._look()
        super().check()

    def _look(self) -> None:
        if all(one.is_cancelled for one in self._searches):
            self.cancel()


class SearchBatcher:
    """Of one worker; used from its event loop."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._queues: dict[Any, _Queue] = {}
        self._waiting = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def search(
        self, kind: Any, use: Use, vector: Any, arguments: dict[str, Any], deadline: Deadline, warnings: list[str]
    ) -> bytes:
        """Hits of one vector, as the body of an answer.

        Args:
            kind: equal for searches that one pass can answer.
            use: calls a function with the collection; see `Handles.use`.
            arguments: of `Collection.search` and `search_many`, the same for equal kinds.
            warnings: what the engine warns of is added.
        """
        self._pool.check_room(self._waiting)
        queue = self._queues.get(kind)
        if queue is None:
            queue = self._queues[kind] = _Queue(use, arguments)
        pending = _Pending(vector, deadline, warnings, asyncio.get_running_loop().create_future())
        queue.waiting.append(pending)
        self._waiting += 1
        if not queue.is_running:
            queue.is_running = True
            task = asyncio.create_task(self._run(kind, queue))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        found = await pending.answer
        if isinstance(found, Exception):
            raise found
        return found

    async def _run(self, kind: Any, queue: _Queue) -> None:
        while queue.waiting:
            pending = [queue.waiting.popleft() for _ in range(min(len(queue.waiting), _PASS_MAX))]
            self._waiting -= len(pending)
            time = _OfPass([one.deadline for one in pending])
            try:
                found: Sequence[bytes | Exception] = await self._pool.run(time, partial(_pass, queue, pending))
            except Exception as error:
                found = [error] * len(pending)
            for one, answer in zip(pending, found, strict=True):
                if not one.answer.done():  # a request that was cancelled waits no more
                    one.answer.set_result(answer)
        del self._queues[kind]


def _pass(queue: _Queue, pending: Sequence[_Pending]) -> Sequence[bytes | Exception]:
    """In a thread: one pass for all; where something is wrong with one of them, one by one."""
    metrics.count_pass(len(pending))
    warnings: list[str] = []
    try:
        with collected(warnings):
            return _answers(queue, pending)
    finally:
        for one in pending if warnings else ():
            one.warnings.extend(warnings)


def _answers(queue: _Queue, pending: Sequence[_Pending]) -> Sequence[bytes | Exception]:
    if len(pending) > 1:
        try:
            vectors = [one.vector for one in pending]
            return queue.use(lambda docs: [_encoded(hits) for hits in docs.search_many(vectors, **queue.arguments)])
        except VicinalError:
            pass
    return [_alone(queue, one) for one in pending]


def _alone(queue: _Queue, pending: _Pending) -> bytes | Exception:
    try:
        pending.deadline.check()
        return queue.use(lambda docs: _encoded(docs.search(pending.vector, **queue.arguments)))
    except VicinalError as error:
        return error


_encode: Final = msgspec.json.Encoder().encode


def _encoded(hits: Hits) -> bytes:
    return _encode(results.Hits.of(hits))
