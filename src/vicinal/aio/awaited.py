"""What the `async` twins have in common, and what stands behind them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Protocol, Self

__all__ = ["Awaited", "Backend"]


class Backend(Protocol):
    """A database or a collection as its twin needs it: a call by its name, with all arguments by name."""

    async def call(self, call: str, given: Mapping[str, Any]) -> Any:
        """What the call gives."""
        ...

    def rows(self, call: str, given: Mapping[str, Any]) -> AsyncIterator[Any]:
        """Rows that come one by one."""
        ...

    async def notes(self, call: str, owner: str, given: Mapping[str, Any]) -> Any:
        """What a call of notes gives, as the table of routes names them."""
        ...

    async def collection(self, given: Mapping[str, Any]) -> Backend:
        """Of a database: a collection."""
        ...

    def within(self, where: Any) -> Backend:
        """Of a collection: the rows that match a filter."""
        ...

    def known(self, name: str) -> Any:
        """What is known without asking: the value of a property."""
        ...

    async def close(self) -> None:
        """Ends it; calls that run are waited for."""
        ...


class Awaited:
    """A noun whose calls are awaited."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def close(self) -> None:
        """Gives it up; calls that run are waited for."""
        await self._backend.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"Async{self._backend.known('__repr__')}"
