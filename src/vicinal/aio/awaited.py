"""The common base of the `async` twins, and the interface of their backends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Protocol, Self

__all__ = ["Awaited", "Backend"]


class Backend(Protocol):
    """A database or a collection as its twin needs it: calls by name, with all arguments by name."""

    async def call(self, call: str, given: Mapping[str, Any]) -> Any:
        """Returns the result of the call."""
        ...

    def rows(self, call: str, given: Mapping[str, Any]) -> AsyncIterator[Any]:
        """Yields rows one by one."""
        ...

    async def notes(self, call: str, owner: str, given: Mapping[str, Any]) -> Any:
        """Returns the result of a call of notes, named as in the table of routes."""
        ...

    async def collection(self, given: Mapping[str, Any]) -> Backend:
        """Opens a collection; for databases."""
        ...

    def within(self, where: Any) -> Backend:
        """Returns the view of the rows that match a filter; for collections."""
        ...

    def known(self, name: str) -> Any:
        """The value of a property, without a request."""
        ...

    async def close(self) -> None:
        """Closes it; waits for running calls."""
        ...


class Awaited:
    """An object whose calls are awaited."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def close(self) -> None:
        """Closes it; waits for running calls."""
        await self._backend.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"Async{self._backend.known('__repr__')}"
