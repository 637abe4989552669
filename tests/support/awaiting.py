"""A database with awaitable calls, for synchronous tests: an event loop in a thread awaits them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Mapping
from typing import Any, TypeVar
from uuid import UUID

from vicinal import Collection, Database, aio
from vicinal.contract import Capabilities, Notes
from vicinal.types import Record

T = TypeVar("T")


class Loop:
    """An event loop of a test session."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def __call__(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(120)


_loops: list[Loop] = []


def the_loop() -> Loop:
    if not _loops:
        _loops.append(Loop())
    return _loops[0]


class CalledCollection(Collection):
    """Wraps an `AsyncCollection` as a `Collection`. The base class derives `len` and the like from calls."""

    def __init__(self, awaited: aio.AsyncCollection) -> None:
        self.awaited = awaited

    @property
    def name(self) -> str:
        return self.awaited.name

    @property
    def uuid(self) -> UUID:
        return self.awaited.uuid

    def scroll(self, *args: Any, **kwargs: Any) -> Iterator[Record]:  # type: ignore[override]  # the twin says how
        rows = self.awaited.scroll(*args, **kwargs)
        loop, ended = the_loop(), object()

        async def following() -> Any:
            return await anext(rows, ended)

        first = loop(following())  # so that errors of the call are raised here

        def others() -> Iterator[Record]:
            row = first
            while row is not ended:
                yield row
                row = loop(following())

        return others()

    def notes(self, owner: str) -> Any:
        return CalledNotes(self.awaited.notes(owner))

    def within(self, where: Any) -> CalledCollection:
        return CalledCollection(self.awaited.within(where))

    def __repr__(self) -> str:
        return repr(self.awaited).removeprefix("Async")


class CalledNotes(Notes):
    def __init__(self, awaited: aio.AsyncNotes) -> None:
        self.awaited = awaited

    def __getitem__(self, key: str) -> bytes:
        return the_loop()(self.awaited.read())[key]

    def __setitem__(self, key: str, value: bytes) -> None:
        the_loop()(self.awaited.update({key: value}))

    def __delitem__(self, key: str) -> None:
        if not the_loop()(self.awaited.remove(key)):
            raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(the_loop()(self.awaited.read()))

    def __len__(self) -> int:
        return len(the_loop()(self.awaited.read()))

    def setdefault(self, key: str, default: Any = None) -> bytes:
        return the_loop()(self.awaited.setdefault(key, default))

    def replace(self, key: str, before: bytes | None, value: bytes) -> bool:
        return the_loop()(self.awaited.replace(key, before, value))

    def update(self, other: Mapping[str, bytes] = {}, /, **more: bytes) -> None:  # type: ignore[override]
        the_loop()(self.awaited.update({**other, **more}))


class CalledDatabase(Database):
    """Wraps an `AsyncDatabase` as a `Database`."""

    def __init__(self, awaited: aio.AsyncDatabase) -> None:
        self.awaited = awaited

    @property
    def capabilities(self) -> Capabilities:
        return self.awaited.capabilities

    def collection(self, *args: Any, **kwargs: Any) -> Collection:  # type: ignore[override]
        return CalledCollection(the_loop()(self.awaited.collection(*args, **kwargs)))

    def __contains__(self, name: object) -> bool:
        return name in self.collections()

    def __repr__(self) -> str:
        return repr(self.awaited).removeprefix("Async")


def _called(name: str) -> Any:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return the_loop()(getattr(self.awaited, name)(*args, **kwargs))

    return call


for _called_class, _base in ((CalledCollection, Collection), (CalledDatabase, Database)):
    for _name in vars(_base):
        if not _name.startswith("_") and _name not in vars(_called_class):
            setattr(_called_class, _name, _called(_name))
