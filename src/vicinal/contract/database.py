"""The calls of a database: written once in `vicinal.database`, from where `make docs` brings them here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Any, Self

    from ..arguments import AutoIds, EncoderLike, ZeroVectors
    from ..types import RepairReport, VerifyReport
    from .capabilities import Capabilities
    from .collection import AsyncCollection, Collection
    from .words import Durability, Metric


__all__ = ["AsyncDatabase", "Database"]


class Database(Protocol):
    """What a `Database` owes its users, embedded or behind a server."""

    def collection(
        self,
        name: str,
        *,
        encoder: EncoderLike | None = None,
        dimension: int | None = None,
        metric: Metric = "cosine",
        durability: Durability = "full",
        language: str = "en",
        analyzer: str | Mapping[str, Any] = "default",
        auto_ids: AutoIds = "uuid",
        zero_vectors: ZeroVectors = "refuse",
        index: str | Mapping[str, Any] | None = None,
        create: bool = True,
        timeout: float = 30.0,
    ) -> Collection:
        """Opens the collection, or creates it."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """The features that this kind of database has and others may lack."""
        ...

    def collections(self) -> list[str]:
        """The names of the collections, sorted."""
        ...

    def drop(self, name: str, *, timeout: float = 30.0) -> None:
        """Deletes the collection with everything in it, including snapshots."""
        ...

    def verify(self, name: str) -> VerifyReport:
        """Checks every file of a collection, even of one that cannot be opened. Changes nothing."""
        ...

    def verify_all(self) -> dict[str, VerifyReport]:
        """Checks every collection. Changes nothing."""
        ...

    def repair(self, name: str, *, timeout: float = 30.0) -> RepairReport:
        """Rebuilds the collection from what is readable, and keeps the damaged files beside it."""
        ...

    def __contains__(self, name: object) -> bool: ...

    def close(self) -> None:
        """Closes every collection opened through this database."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class AsyncDatabase(Protocol):
    """The same, awaited."""

    async def collection(
        self,
        name: str,
        *,
        encoder: EncoderLike | None = None,
        dimension: int | None = None,
        metric: Metric = "cosine",
        durability: Durability = "full",
        language: str = "en",
        analyzer: str | Mapping[str, Any] = "default",
        auto_ids: AutoIds = "uuid",
        zero_vectors: ZeroVectors = "refuse",
        index: str | Mapping[str, Any] | None = None,
        create: bool = True,
        timeout: float = 30.0,
    ) -> AsyncCollection:
        """Opens the collection, or creates it."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """The features that this kind of database has and others may lack."""
        ...

    async def collections(self) -> list[str]:
        """The names of the collections, sorted."""
        ...

    async def drop(self, name: str, *, timeout: float = 30.0) -> None:
        """Deletes the collection with everything in it, including snapshots."""
        ...

    async def verify(self, name: str) -> VerifyReport:
        """Checks every file of a collection, even of one that cannot be opened. Changes nothing."""
        ...

    async def verify_all(self) -> dict[str, VerifyReport]:
        """Checks every collection. Changes nothing."""
        ...

    async def repair(self, name: str, *, timeout: float = 30.0) -> RepairReport:
        """Rebuilds the collection from what is readable, and keeps the damaged files beside it."""
        ...

    async def close(self) -> None:
        """Closes every collection opened through this database."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
