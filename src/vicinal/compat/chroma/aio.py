"""The same client and collections with awaitable calls, which run in threads and stop when cancelled."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID

from ...aio.threads import Threads
from .client import ClientAPI
from .collection import Collection

__all__ = ["AsyncClientAPI", "AsyncCollection"]

P = ParamSpec("P")
T = TypeVar("T")


def _of_collection(
    method: Callable[Concatenate[Collection, P], T],
) -> Callable[Concatenate[AsyncCollection, P], Coroutine[Any, Any, T]]:
    @wraps(method)
    async def call(self: AsyncCollection, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._threads.run(lambda: method(self._of, *args, **kwargs))

    return call  # type: ignore[return-value]  # it has the same signature


def _of_client(
    method: Callable[Concatenate[ClientAPI, P], T],
) -> Callable[Concatenate[AsyncClientAPI, P], Coroutine[Any, Any, T]]:
    @wraps(method)
    async def call(self: AsyncClientAPI, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._threads.run(lambda: method(self._of, *args, **kwargs))

    return call  # type: ignore[return-value]  # it has the same signature


def _collection_of_client(
    method: Callable[Concatenate[ClientAPI, P], Collection],
) -> Callable[Concatenate[AsyncClientAPI, P], Coroutine[Any, Any, AsyncCollection]]:
    @wraps(method)
    async def call(self: AsyncClientAPI, *args: P.args, **kwargs: P.kwargs) -> AsyncCollection:
        return AsyncCollection(await self._threads.run(lambda: method(self._of, *args, **kwargs)), self._threads)

    return call  # type: ignore[return-value]  # it has the same signature


class AsyncCollection:
    """A collection whose calls are awaited."""

    def __init__(self, of: Collection, threads: Threads) -> None:
        self._of = of
        self._threads = threads

    @property
    def name(self) -> str:
        """The name when this handle was created, or the one that it set."""
        return self._of.name

    @property
    def id(self) -> UUID:
        """The id of the collection."""
        return self._of.id

    @property
    def metadata(self) -> dict[str, Any] | None:
        """Metadata of the collection."""
        return self._of.metadata

    @property
    def configuration_json(self) -> dict[str, Any]:
        """The configuration as JSON."""
        return self._of.configuration_json

    @property
    def configuration(self) -> dict[str, Any]:
        """The configuration with the embedding function itself."""
        return self._of.configuration

    def __repr__(self) -> str:
        return f"AsyncCollection(name={self.name})"

    add = _of_collection(Collection.add)
    upsert = _of_collection(Collection.upsert)
    update = _of_collection(Collection.update)
    delete = _of_collection(Collection.delete)
    modify = _of_collection(Collection.modify)
    count = _of_collection(Collection.count)
    get = _of_collection(Collection.get)
    peek = _of_collection(Collection.peek)
    query = _of_collection(Collection.query)


class AsyncClientAPI:
    """A client whose calls are awaited, created by `AsyncHttpClient`."""

    def __init__(self, of: ClientAPI, threads: Threads) -> None:
        self._of = of
        self._threads = threads

    @classmethod
    async def made(cls, make: Callable[[], ClientAPI]) -> AsyncClientAPI:
        """Creates a client, in a thread because this sends a request to the server."""
        threads = Threads()
        try:
            return cls(await threads.run(make), threads)
        except BaseException:
            threads.end()
            raise

    create_collection = _collection_of_client(ClientAPI.create_collection)
    get_or_create_collection = _collection_of_client(ClientAPI.get_or_create_collection)
    get_collection = _collection_of_client(ClientAPI.get_collection)
    delete_collection = _of_client(ClientAPI.delete_collection)
    count_collections = _of_client(ClientAPI.count_collections)
    reset = _of_client(ClientAPI.reset)
    heartbeat = _of_client(ClientAPI.heartbeat)
    get_version = _of_client(ClientAPI.get_version)
    get_max_batch_size = _of_client(ClientAPI.get_max_batch_size)
    set_tenant = _of_client(ClientAPI.set_tenant)
    set_database = _of_client(ClientAPI.set_database)

    async def list_collections(self, limit: int | None = None, offset: int | None = None) -> Sequence[AsyncCollection]:
        """Returns the collections, oldest first."""
        found = await self._threads.run(lambda: self._of.list_collections(limit, offset))
        return [AsyncCollection(one, self._threads) for one in found]

    def get_settings(self) -> Any:
        """The settings of the client."""
        return self._of.get_settings()

    async def close(self) -> None:
        """Releases connections and threads."""
        await self._threads.run(self._of.close)
        self._threads.end()
