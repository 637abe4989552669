"""A database behind a server, with the calls of `vicinal.Database` as requests."""

from __future__ import annotations

import json
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NoReturn

from .. import notebook
from ..arguments import AutoIds, EncoderLike, ZeroVectors
from ..collection import Collection
from ..collection_settings import ANALYZER, COSINE, ENGLISH, REFUSE, UUIDS, check_name, check_opening, is_default
from ..contract import REMOTE, Capabilities, Durability, Metric
from ..database import CALLS, Database
from ..errors import StoreError, Unsupported
from ..indexes.kernels import kernels
from ..indexes.vector_index import index_setting
from ..inputs.calls import for_users, no_attribute
from ..wire.requests import Place
from ..wire.routes import Route, route_of
from .calls import answered_by_server
from .collection import RemoteCollection, place_of
from .server import Server
from .transport import Transport

__all__ = ["RemoteDatabase", "check_place", "opening"]

_TIMEOUT_SECONDS: Final = 30.0  # the default of `drop` and `repair`
_OPEN: Final = route_of("database", "collection")


@for_users
@answered_by_server("database", but=("collection",))
class RemoteDatabase(Database):
    """A database behind a server, returned by `connect("http://...")`. Thread-safe."""

    def __init__(self, server: Server) -> None:
        self._transport = Transport(server)
        self._handles = weakref.WeakSet()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            """Without the hint that a collection has this name: `hasattr` must not send a request."""
            raise no_attribute(self, name, CALLS)

    @property
    def capabilities(self) -> Capabilities:
        """The differences from a database of this process."""
        return REMOTE

    def collection(
        self,
        name: str,
        *,
        encoder: EncoderLike | None = None,
        dimension: int | None = None,
        metric: Metric = COSINE,
        durability: Durability = "full",
        language: str = ENGLISH,
        analyzer: str | Mapping[str, Any] = ANALYZER,
        auto_ids: AutoIds = UUIDS,
        zero_vectors: ZeroVectors = REFUSE,
        index: str | Mapping[str, Any] | None = None,
        create: bool = True,
        timeout: float = 30.0,
    ) -> Collection:
        """See `Database.collection`. An encoder is given by its name and must exist on the server."""
        self._transport.check_open()
        given = opening(
            name,
            encoder=encoder,
            dimension=dimension,
            metric=metric,
            durability=durability,
            language=language,
            analyzer=analyzer,
            auto_ids=auto_ids,
            zero_vectors=zero_vectors,
            index=index,
            create=create,
            timeout=timeout,
        )
        opened = self._transport.call(_OPEN, Place(name), given)
        handle = RemoteCollection(self._transport, opened, place_of(opened, durability, timeout))
        self._handles.add(handle)
        return handle

    def close(self) -> None:
        """Closes the connections and every collection opened through this database."""
        for handle in list(self._handles):
            handle.close()
        self._transport.close()

    def __contains__(self, name: object) -> bool:
        return name in self.collections()

    def _ask(self, route: Route, given: Mapping[str, Any]) -> Any:
        self._transport.check_open()
        return self._transport.call(route, check_place(given), given)

    def _repr_html_(self) -> str:
        """A description for notebooks."""
        title = notebook.joined("Database ", notebook.code(self._transport.server.url))
        try:
            names = self.collections()
        except StoreError as error:  # closed or unreachable: displaying it must not fail
            return notebook.card(title, {"state": error.message})
        return notebook.card(title, {"collections": f"{len(names):,}"}, {"": [notebook.code(name) for name in names]})

    def __repr__(self) -> str:
        return f"Database({self._transport.server.url!r}{', closed' if self._transport.is_closed else ''})"


def check_place(given: Mapping[str, Any]) -> Place:
    """Returns the collection that a call of the database refers to, if any.

    Raises:
        InvalidArgument: the name is invalid.
        Unsupported: a timeout was given, but the server decides how long to wait for others.
    """
    if "name" not in given:
        return Place()
    check_name(given["name"])
    if given.get("timeout", _TIMEOUT_SECONDS) != _TIMEOUT_SECONDS:  # no argument may be ignored silently
        raise Unsupported(
            "how long a server waits for other writers before it drops or repairs, it decides itself",
            name="timeout",
            value=given["timeout"],
            remedy="Leave timeout= out.",
        )
    return Place(given["name"])


def opening(name: str, *, durability: str, timeout: float, analyzer: Any, index: Any, **given: Any) -> dict[str, Any]:
    """The arguments of `Database.collection` to send: settings that were given explicitly."""
    settings = {key: given[key] for key in ("dimension", "metric", "language", "auto_ids", "zero_vectors", "create")}
    analysis = check_opening(name, durability=durability, timeout=timeout, analyzer=analyzer, **settings)
    if index is not None:
        index_setting(index, kernels(), given["metric"])
    if not is_default(analyzer):
        settings["analyzer"] = json.loads(analysis) if analysis.startswith("{") else analysis
    sent = {key: value for key, value in settings.items() if not is_default(value)}
    if sent["create"]:
        del sent["create"]
    return {**sent, "encoder": given["encoder"], "index": index}
