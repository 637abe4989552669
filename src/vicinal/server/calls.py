"""Handles requests for the engine: reads arguments, checks limits, runs the call in a thread, sends the response."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from .. import warn
from ..collection import Collection
from ..database import Database
from ..deadline import Deadline
from ..encoders.registry import is_registered
from ..errors import (
    CollectionNotFound,
    EncoderNotFound,
    InvalidArgument,
    LimitExceeded,
    NotAllowed,
    StoreError,
    Unsupported,
    VicinalError,
)
from ..types import Stats
from ..wire.arguments import Backup, Get, Handle, Open, Reembed, Search
from ..wire.calls import call
from ..wire.errors import Failure
from ..wire.names import name_of_path
from ..wire.reading import query_of, read
from ..wire.results import Names, Page
from ..wire.routes import Route
from ..wire.values import vector_from
from . import metrics
from .access import check_collection, check_role
from .batching import SearchBatcher
from .exchange import Exchange, Scope
from .handles import Handles
from .keys import Key
from .kinds import Kind, Kinds
from .limits import check_limits, limited_get
from .pool import Pool
from .settings import ServerSettings

__all__ = ["Calls"]

_NDJSON: Final = b"application/x-ndjson"
_DEFAULT_HANDLE: Final = Handle()
_SCRAPE_SECONDS: Final = 10.0
_SIZED_MAX: Final = 1000  # collections whose sizes are reported
_FOLDER_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,127}")
# Calls that rebuild or read whole files may take longer than a search.
_LONG: Final = frozenset(
    (
        "verify",
        "verify_all",
        "repair",
        "compact",
        "purge",
        "backup",
        "snapshot",
        "restore",
        "reembed",
        "alter",
        "drop",
        "wait_indexed",
    )
)
# Calls that only touch rows visible to a handle (`Collection.within`), or no rows. A key restricted to some rows may
# use only these: new calls are unavailable to it until they have been reviewed.
_KEEPS_TO_ROWS: Final = frozenset(
    (
        "add",
        "upsert",
        "update",
        "delete",
        "get",
        "scroll",
        "peek",
        "ids",
        "count",
        "facets",
        "distinct",
        "min_max",
        "search",
        "search_many",
        "search_range",
        "recommend",
        "duplicates",
        "explain",
        "why_not",
        "sync",
        "wait_indexed",
        "collection",
        "collections",
    )
)

_encode = msgspec.json.Encoder().encode


class Calls:
    """The calls of one worker."""

    def __init__(self, settings: ServerSettings, database: Database, pool: Pool) -> None:
        self._settings = settings
        self._database = database
        self._pool = pool
        self._handles = Handles(database)
        self._kinds = Kinds(settings)
        self._shared = SearchBatcher(pool)

    async def answer(self, route: Route, exchange: Exchange, scope: Scope) -> None:
        """Processes a request, from its path to its response."""
        settings, parts = self._settings, scope["path_params"]
        name = name_of_path(parts["collection"]) if "collection" in parts else ""
        if name:
            check_collection(exchange.key, name)
        _check_rows_reached(exchange.key, route)
        held = _handle_of(route, scope)
        arguments = None if route.arguments is None else read(route.arguments, await exchange.body())
        exchange.asked = arguments
        kind = self._kinds.of(arguments) if type(arguments) is Search else None
        check_limits(settings, None if kind else arguments, held)
        with exchange.watched():
            if kind is None:
                await self._answer(route, exchange, parts, name, held, arguments)
            else:
                await exchange.send_json(await self._share(exchange, name, held, kind, arguments))

    async def _answer(
        self, route: Route, exchange: Exchange, parts: Mapping[str, str], name: str, held: Handle, arguments: Any
    ) -> None:
        settings = self._settings
        deadline = exchange.deadline(settings.admin_timeout if route.call in _LONG else settings.timeout)
        if route.noun == "database":
            work = partial(self._on_database, route, exchange, name, arguments)
            await exchange.send_model(await self._run(exchange, deadline, work))
            return
        use = partial(self._use, exchange, name, held)
        if route.streamed:
            await self._stream(route, exchange, use, arguments)
        else:
            arguments = self._settled(route, arguments)
            target = partial(_on_collection, route, parts.get("owner"), arguments)
            body = await self._run(exchange, deadline, lambda: use(lambda docs: self._encoded(target(docs))))
            await exchange.send_json(body)

    async def metrics(self, exchange: Exchange) -> bytes:
        """Returns the metrics of all workers, and the sizes of the collections that requests were made for."""
        _check_unrestricted(exchange.key)
        return await self._pool.run(Deadline(_SCRAPE_SECONDS), lambda: metrics.render(self._sizes()))

    # -- in a thread

    def _on_database(self, route: Route, exchange: Exchange, name: str, arguments: Any) -> msgspec.Struct:
        key = exchange.key
        more = {"name": name} if name else {}
        if isinstance(arguments, Open):
            more |= self._opening(name, arguments, key)
        try:
            made = call(route, self._database, None if isinstance(arguments, Open) else arguments, **more)
        finally:
            if route.call in ("drop", "repair"):
                self._handles.forget(name)
        exchange.collection = "" if route.call == "drop" else name
        if isinstance(made, Names) and key is not None and key.collections:
            return Names([one for one in made.collections if one in key.collections])
        assert isinstance(made, msgspec.Struct)  # no call of a database is a stream
        return made

    def _opening(self, name: str, arguments: Open, key: Key | None) -> dict[str, Any]:
        """Arguments for `Database.collection`; a key that may not create collections only opens existing ones."""
        given = arguments.given()
        if given.get("encoder") is not None:
            self._check_encoder(given["encoder"])
        may_create = key is None or (key.may("write") and key.where is None)
        if given.get("create") is not False and not may_create:
            if name not in self._database:
                check_role(key, "write")
                raise NotAllowed(
                    "a key that reaches some rows only makes no collections",
                    name="api_key",
                    place="request",
                    remedy="Make the collection with another key first.",
                )
            given["create"] = False  # even if the collection is dropped meanwhile
        return given

    def _check_encoder(self, encoder: str) -> None:
        """Checks an encoder's name: a client must not name a file of this machine, or a model that nobody allowed."""
        names = encoder.split(":")
        if encoder not in self._settings.encoders and names[0] not in self._settings.encoders:
            remedy = f"It has {', '.join(self._settings.encoders)}; more are listed in encoders of the server."
            if not is_registered(encoder):
                said = f"no encoder is registered as {names[0]!r:.80}"
                raise EncoderNotFound(said, name="encoder", value=encoder, remedy=remedy)
            raise NotAllowed(
                f"this server makes no collection with the encoder {encoder!r:.80}",
                name="encoder",
                value=encoder,
                remedy=remedy,
            )

    def _settled(self, route: Route, arguments: Any) -> Any:
        """Completes or restricts arguments as this server requires."""
        if isinstance(arguments, Get):
            return limited_get(self._settings, arguments)
        if isinstance(arguments, Reembed):
            self._check_encoder(arguments.encoder)
        if isinstance(arguments, Backup):
            return Backup(path=self._backup_path(arguments.path))
        return arguments

    def _backup_path(self, name: str) -> str:
        """Returns a path in the folder for backups: a client must not choose where to write on this machine."""
        if self._settings.backup_folder is None:
            raise Unsupported(
                "this server does not make backups", name="path", value=name, remedy="Start it with backup_folder."
            )
        if not _FOLDER_NAME.fullmatch(name):
            raise InvalidArgument(
                f"a backup's path is the name of a folder in the server's folder for backups, not {name!r:.80}",
                name="path",
                value=name,
                remedy="Use letters, digits, '.', '-' and '_', such as 'monday'.",
            )
        return os.path.join(self._settings.backup_folder, name)

    def _encoded(self, made: Any) -> bytes:
        body = _encode(made)
        rows = getattr(made, "records", None) or getattr(made, "hits", None)
        if isinstance(rows, list) and len(rows) > self._settings.rows_max:
            raise LimitExceeded(
                f"there are more than {self._settings.rows_max:,} rows to read",
                name="limit",
                value=self._settings.rows_max,
                remedy="Read them page by page with limit and offset, or all of them with scroll.",
            )
        return body

    def _use(self, exchange: Exchange, name: str, held: Handle, work: Callable[[Collection], Any]) -> Any:
        def counted(docs: Collection) -> Any:
            exchange.collection = name
            return work(docs)

        return self._handles.use(name, held, exchange.key, counted)

    def _sizes(self) -> Iterator[Stats]:
        there = set(self._database.collections())
        for name in [name for name in metrics.seen_collections() if name in there][:_SIZED_MAX]:
            try:
                yield self._handles.use(name, _DEFAULT_HANDLE, None, Collection.stats)
            except (CollectionNotFound, StoreError):
                continue  # dropped or damaged meanwhile: it has no size

    # -- in the event loop

    async def _run(self, exchange: Exchange, deadline: Deadline, work: Callable[[], Any]) -> Any:
        def warned() -> Any:
            with warn.collected(exchange.warnings):
                return work()

        return await self._pool.run(deadline, warned)

    async def _share(self, exchange: Exchange, name: str, held: Handle, kind: Kind, arguments: Any) -> bytes:
        vector, deadline = vector_from(arguments.query, "query"), exchange.deadline(self._settings.timeout)
        within = None if exchange.key is None or exchange.key.where is None else exchange.key.id
        whole = name, held.durability, held.timeout, held.uuid, held.within, within, kind.said
        use = partial(self._handles.use, name, held, exchange.key)
        try:
            body = await self._shared.search(whole, use, vector, kind.given, deadline, exchange.warnings)
        except CollectionNotFound:
            raise
        except VicinalError:
            exchange.collection = name
            raise
        exchange.collection = name
        return body

    async def _stream(self, route: Route, exchange: Exchange, use: Callable[..., Any], arguments: Any) -> None:
        """Sends page by page, each with its own deadline; no resources are held for a client that reads nothing."""
        seconds = self._settings.timeout

        def first() -> tuple[Iterator[Page], Page]:
            pages = use(lambda docs: call(route, docs, arguments))
            return pages, next(pages)

        pages, page = await self._run(exchange, exchange.deadline(seconds), first)
        await exchange.begin_stream(_NDJSON)
        while not page.end:
            await exchange.send_part(_encode(page) + b"\n")
            try:
                page = await self._run(exchange, exchange.deadline(seconds), partial(next, pages))
            except VicinalError as error:
                if exchange.has_left:
                    raise
                exchange.log("failed", exchange.status, error=str(error))
                page = Page(error=msgspec.Raw(_encode(Failure.of(error, exchange.id))))
                break
        await exchange.send_part(_encode(page) + b"\n", is_last=True)


def _on_collection(route: Route, owner: str | None, arguments: Any, docs: Collection) -> Any:
    return call(route, docs if owner is None else docs.notes(name_of_path(owner)), arguments)


def _handle_of(route: Route, scope: Scope) -> Handle:
    query = scope["query_string"]
    if not query:
        return _DEFAULT_HANDLE
    parameters = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    if not route.held or len({name for name, _ in parameters}) < len(parameters):
        raise InvalidArgument(
            "the query has a parameter that the call does not take, or one twice",
            name="query",
            value=query.decode("latin-1"),
            place="request",
            remedy="Arguments of a call are sent in its body.",
        )
    return query_of(Handle, dict(parameters))


def _check_rows_reached(key: Key | None, route: Route) -> None:
    if route.call not in _KEEPS_TO_ROWS or route.noun == "notes":
        _check_unrestricted(key, of_rows=True)


def _check_unrestricted(key: Key | None, *, of_rows: bool = False) -> None:
    """Raises NotAllowed for a key restricted to a part, if the call cannot be limited to a part."""
    if key is not None and (key.where is not None or (key.is_restricted and not of_rows)):
        raise NotAllowed(
            "the key reaches a part of the rows, and this speaks of all",
            name="api_key",
            place="request",
            remedy="Use a key without a filter.",
        )
