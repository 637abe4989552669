"""The application of one worker: every request goes through `Application`, every call of the engine through `Calls`."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from multiprocessing import parent_process
from multiprocessing.connection import wait as wait_for
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec
from starlette.routing import Route as PathRoute
from starlette.routing import Router
from uvicorn.config import STARTUP_FAILURE

from ..database import Database, connect
from ..errors import InvalidArgument, NotFound, ServerFailed, VicinalError
from ..wire.routes import ROUTES, Route
from . import metrics
from .access import Access, check_role
from .calls import Calls
from .exchange import Exchange, LateBody, Message, Scope
from .folder import FolderGone, ServedFolder
from .logs import log
from .openapi import document
from .pool import Pool
from .settings import ServerSettings
from .vikingdb.face import VikingFace
from .vikingdb.face import routes as viking_routes
from .watch import Watch

__all__ = ["make_application"]

_MEMORY_SECONDS: Final = 5.0
_LATE: Final = 408
_NOT_ALLOWED: Final = 405
_NOT_READY: Final = 503
_EXIT_STUCK: Final = 70  # EX_SOFTWARE

Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def make_application(settings: ServerSettings, *, keys_required: bool) -> Application:
    """Creates the application in each worker. An error here would recur after a restart, so it ends all workers."""
    try:
        return Application(settings, keys_required=keys_required)
    except Exception:
        log.exception("start failed")
        sys.exit(STARTUP_FAILURE)


class Application:
    """An ASGI application; starlette does the routing.

    Args:
        keys_required: whether there were keys when the server started.
    """

    def __init__(self, settings: ServerSettings, *, keys_required: bool) -> None:
        self._settings = settings
        self._access = Access(settings, keys_required=keys_required)
        self._folder: ServedFolder | None = None
        self._database: Database | None = None
        self._pool: Pool | None = None
        self._calls: Calls | None = None
        self.viking: VikingFace | None = None
        self._document = msgspec.json.encode(document())
        self._is_stopping = False
        self._watch = Watch()
        self._tasks: set[asyncio.Task[None]] = set()
        open_to_all = {"/healthz": self._healthz, "/readyz": self._readyz, "/openapi.json": self._openapi}
        self._router = Router(
            [
                *(PathRoute(path, _Endpoint(dict(calls))) for path, calls in self._paths()),
                *(
                    PathRoute(path, _Endpoint({"GET": _Call(path, None, answer)}))
                    for path, answer in open_to_all.items()
                ),
                PathRoute("/metrics", _Endpoint({"GET": _Call("/metrics", "read", self._metrics)})),
                *viking_routes(),
            ],
            redirect_slashes=False,
            default=_unknown,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != "http":
            return
        exchange = Exchange(scope, receive, send, self._settings, self._watch)
        scope["vicinal"] = self, exchange
        try:
            _check_path(scope)
            await self._router(scope, receive, send)
        except LateBody as late:
            await self._tell(exchange, late.error, _LATE)
        except FolderGone as gone:
            await self._tell(exchange, gone.error, _NOT_READY)
        except _WrongMethod as wrong:
            await self._tell(exchange, wrong.error, _NOT_ALLOWED, [(b"allow", wrong.allowed)])
        except VicinalError as error:
            await self._tell(exchange, error)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.exception("fault", extra={"fields": {"request": exchange.id, "route": exchange.route}})
            fault = ServerFailed(
                f"the server had an internal error: {type(error).__name__}",
                name="request",
                value=exchange.id,
                remedy="See its log for the id of the request.",
            )
            await self._tell(exchange, fault)

    async def admit(self, exchange: Exchange, call: _Call) -> None:
        """Checks host, key and role, and that the folder still exists."""
        if call.role is None:
            return
        exchange.key = self._access.check(exchange.headers)
        check_role(exchange.key, call.role)  # type: ignore[arg-type]  # one of the roles
        assert self._folder is not None  # opened before the first request is accepted
        self._folder.check()

    async def _tell(
        self,
        exchange: Exchange,
        error: VicinalError,
        status: int | None = None,
        more: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        if exchange.has_left:
            exchange.count_left()
            return
        if exchange.status:  # the response has begun: only its end can signal an error
            raise error
        await exchange.send_error(error, status, more)

    # -- routes

    def _paths(self) -> list[tuple[str, list[tuple[str, _Call]]]]:
        """The calls of each path, most frequent first: routes are searched in order."""
        found: dict[str, list[tuple[str, _Call]]] = {}
        often = ("search", "search_many", "get", "upsert", "add")
        for route in sorted(ROUTES, key=lambda one: often.index(one.call) if one.call in often else len(often)):
            call = _Call(f"{route.noun}.{route.call}", route.role, partial(self._call, route))
            found.setdefault(route.path, []).append((route.verb, call))
        return list(found.items())

    async def _call(self, route: Route, exchange: Exchange, scope: Scope) -> None:
        assert self._calls is not None  # created before the first request is accepted
        await self._calls.answer(route, exchange, scope)

    async def _healthz(self, exchange: Exchange, scope: Scope) -> None:
        """Responds if the process is alive."""
        await exchange.send_json(b'{"status":"ok"}')

    async def _readyz(self, exchange: Exchange, scope: Scope) -> None:
        """Responds whether it can serve: the folder exists, the keys are readable, and no stop was requested."""
        assert self._folder is not None
        ready = not self._is_stopping and self._folder.is_ready()
        try:
            self._access.check_readable()
        except VicinalError:
            ready = False
        await exchange.send_json(b'{"status":"ready"}' if ready else b'{"status":"not ready"}', 200 if ready else 503)

    async def _openapi(self, exchange: Exchange, scope: Scope) -> None:
        await exchange.send_json(self._document)

    async def _metrics(self, exchange: Exchange, scope: Scope) -> None:
        assert self._calls is not None
        await exchange.send_bytes(await self._calls.metrics(exchange), metrics.CONTENT_TYPE.encode())

    # -- life

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            self._start()
        except Exception as error:
            log.exception("start failed")
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._is_stopping = True
        await self._stop()
        await send({"type": "lifespan.shutdown.complete"})

    def _start(self) -> None:
        self._folder = ServedFolder(self._settings.path)
        self._database = connect(self._settings.path)
        self._pool = Pool(self._settings.threads, self._settings.waiting_max)
        self._calls = Calls(self._settings, self._database, self._pool)
        self.viking = VikingFace(self._settings, self._access, self._database, self._pool, self._folder.check)
        task = asyncio.create_task(_note_memory())
        self._tasks.add(task)
        gc.freeze()  # objects as old as the worker need not be examined by every garbage collection
        threading.Thread(target=_end_with_parent, name="vicinal-parent", daemon=True).start()
        log.info("worker started", extra={"fields": {"path": self._settings.path}})

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        assert self._pool is not None
        assert self._database is not None
        ended = await self._pool.stop()
        if self.viking is not None:
            await self.viking.stop()
        log.info("worker stops", extra={"fields": {"calls_ended": ended}})
        if not ended:  # Python would wait for the thread; its write is either complete or has no effect
            os._exit(_EXIT_STUCK)
        await asyncio.to_thread(self._database.close)


class _WrongMethod(Exception):
    """The path exists, but not with this method."""

    def __init__(self, error: InvalidArgument, allowed: bytes) -> None:
        super().__init__(error)
        self.error = error
        self.allowed = allowed


class _Call:
    """What a method of a path does.

    Args:
        name: its name in metrics.
        role: the lowest role that a key must have; None: no key is required.
    """

    __slots__ = ("answer", "name", "role")

    def __init__(self, name: str, role: str | None, answer: Callable[[Exchange, Scope], Awaitable[None]]) -> None:
        self.name = name
        self.role = role
        self.answer = answer


class _Endpoint:
    """All methods of one path."""

    def __init__(self, calls: dict[str, _Call]) -> None:
        self._calls = calls | ({"HEAD": calls["GET"]} if "GET" in calls else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        application, exchange = scope["vicinal"]
        call = self._calls.get(exchange.method)
        if call is None:
            error = InvalidArgument(
                f"the path takes {' and '.join(sorted(self._calls))}, not {exchange.method:.20}",
                name="method",
                value=exchange.method,
                place="request",
                remedy="/openapi.json describes every call.",
            )
            raise _WrongMethod(error, ", ".join(sorted(self._calls)).encode())
        exchange.route = call.name
        await application.admit(exchange, call)
        await call.answer(exchange, scope)


def _check_path(scope: Scope) -> None:
    """Raises InvalidArgument for a path that is not UTF-8: replacing its bytes would make another name of it."""
    if "\ufffd" in scope["path"]:
        try:
            unquote_to_bytes(scope["raw_path"]).decode()
        except UnicodeDecodeError:
            raise InvalidArgument(
                "the path is not UTF-8",
                name="path",
                value=scope["raw_path"].decode("latin-1"),
                place="request",
                remedy="Percent-encode the UTF-8 of each name.",
            ) from None


async def _unknown(scope: Scope, receive: Receive, send: Send) -> None:
    raise NotFound(
        "there is nothing at this path", name="path", value=scope["path"], remedy="/openapi.json describes every call."
    )


async def _note_memory() -> None:
    while True:
        metrics.note_memory()
        await asyncio.sleep(_MEMORY_SECONDS)


def _end_with_parent() -> None:
    """Ends this worker with its parent: if the parent was killed, the worker would hold the port forever."""
    parent = parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        log.warning("the parent process has died")
        os.kill(os.getpid(), 15)
