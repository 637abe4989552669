"""Authenticates requests of this protocol, dispatches them, and wraps responses in its envelopes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from starlette.routing import Route as PathRoute

from ... import warn
from ...database import Database
from ...errors import NotFound, VicinalError
from ...llm.configured import configured_model
from ...wire.reading import read
from ..access import Access, check_role
from ..exchange import Exchange, Scope
from ..keys import Key
from ..pool import Pool
from ..settings import ServerSettings
from . import answers
from .answers import Refusal, control_failure, control_success, data_failure, data_success
from .catalogue import Catalogue
from .control_plane import ACTIONS, Action, Body, ControlPlane
from .data_plane import CALLS, Call, DataPlane, Plane, RequestContext
from .memory.answers import memory_failure, memory_success
from .memory.catalogue import MemoryCatalogue
from .memory.control import ACTIONS as MEMORY_ACTIONS
from .memory.control import MemoryAction, MemoryControl
from .memory.plane import CALLS as MEMORY_CALLS
from .memory.plane import MemoryPlane
from .memory.reading import Reading
from .memory.requests import CollectionBody
from .models import Models
from .signature import ALGORITHM, Signed, check_body, check_signature, read_signed

__all__ = ["VikingFace", "routes"]

PREFIX: Final = "/api/vikingdb/"
MEMORY: Final = "/api/memory/"
VERSION: Final = "2025-06-09"
_KNOWLEDGE: Final = "/api/knowledge/"
_NOT_IMPLEMENTED: Final = 1000024  # of the knowledge service, whose codes are numbers
_LOG_ID: Final = b"x-tt-logid"
_LOG_ID_TEXT: Final = re.compile(r"[!-~]{1,256}")


class VikingFace:
    """The protocol's handlers in one worker. Its routes are beside those of our own API.

    Args:
        access: checks access.
        still_there: raises if the folder is gone.
    """

    def __init__(
        self, settings: ServerSettings, access: Access, database: Database, pool: Pool, still_there: Callable[[], None]
    ) -> None:
        self._settings = settings
        self._access = access
        self._pool = pool
        self._still_there = still_there
        models = Models(settings)
        catalogue = Catalogue(database, models)
        self._data = DataPlane(settings, catalogue, models)
        self._control = ControlPlane(settings, catalogue, models)
        model = configured_model()
        self._reading = None if model is None else Reading(settings.path, database, model)
        memory = MemoryCatalogue(database, models, self._reading)
        self._memory = MemoryPlane(memory)
        self._memory_control = MemoryControl(memory)

    async def stop(self) -> None:
        if self._reading is not None:
            await asyncio.to_thread(self._reading.stop)

    async def ping(self, exchange: Exchange) -> None:
        """For clients that call it before they authenticate."""
        await exchange.send_json(b'{"code":"Success","message":"success"}')

    async def call(self, call: Call[DataPlane], exchange: Exchange, scope: Scope) -> None:
        """Handles a call of the data plane."""
        result = await self._result(call, self._data, exchange, scope)
        await exchange.send_json(data_success(call.api, exchange.id, result))

    async def memory(self, call: Call[MemoryPlane], exchange: Exchange, scope: Scope) -> None:
        """Handles a call of the memory service."""
        result = await self._result(call, self._memory, exchange, scope)
        await exchange.send_json(memory_success(exchange.id, result))

    async def memory_ping(self, exchange: Exchange, scope: Scope) -> None:
        """For clients that authenticate."""
        _, signed = self._admit(exchange, scope)
        await self._body(exchange, signed)
        await exchange.send_json(memory_success(exchange.id, {}))

    async def _result(self, call: Call[Plane], plane: Plane, exchange: Exchange, scope: Scope) -> Any:
        key, signed = self._admit(exchange, scope)
        check_role(key, call.role)
        self._still_there()
        body = await self._body(exchange, signed)
        request = read(call.model, body)
        exchange.asked = request
        given = exchange.headers.first(_LOG_ID).decode("latin-1")
        context = RequestContext(key, given or None, body)
        result = await self._run(exchange, lambda: call.work(plane, request, context))
        exchange.collection = getattr(request, "collection_name", None) or ""
        return result

    async def control(self, action: Action | MemoryAction | None, exchange: Exchange, scope: Scope) -> None:
        """Handles a call of the control plane; None: the query names it."""
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        name = query.get("Action", "")
        key, signed = self._admit(exchange, scope)
        if action is None:
            action = ACTIONS.get(name) or MEMORY_ACTIONS.get(name)
        if action is None:
            raise Refusal("InvalidParameter", f"there is no action {name!r:.80}", name="Action", value=name)
        exchange.route = f"vikingdb.{action.name}"
        check_role(key, action.role)
        self._still_there()
        body = await self._body(exchange, signed)
        if isinstance(action, MemoryAction):
            work = partial(action.work, self._memory_control, read(CollectionBody, body), key)
        else:
            work = partial(action.work, self._control, read(Body, body), key)
        result = await self._run(exchange, work, admin=True)
        await exchange.send_json(control_success(action.name, query.get("Version", VERSION), "", exchange.id, result))

    def _admit(self, exchange: Exchange, scope: Scope) -> tuple[Key | None, Signed | None]:
        """Returns the key, and what was signed; the body must still be compared with it."""
        if not exchange.headers.first(b"authorization").startswith(ALGORITHM.encode()):
            exchange.key = self._access.check(exchange.headers)
            return exchange.key, None
        skew = self._settings.signature_seconds
        signed = read_signed(exchange.headers, datetime.now(UTC), skew)
        key, secret = self._access.check_signing(exchange.headers, signed.access_key)
        query = scope["query_string"].decode("latin-1")
        check_signature(signed, secret, exchange.method, scope["path"], query)
        exchange.key = key
        return key, signed

    async def _body(self, exchange: Exchange, signed: Signed | None) -> bytes:
        body = await exchange.body()
        if signed is not None:
            check_body(signed, body)
        return body

    async def _run(self, exchange: Exchange, work: Callable[[], Any], *, admin: bool = False) -> Any:
        settings = self._settings

        def warned() -> Any:
            with warn.collected(exchange.warnings):
                return work()

        with exchange.watched():
            deadline = exchange.deadline(settings.admin_timeout if admin else settings.timeout)
            return await self._pool.run(deadline, warned)


class VikingRoute:
    """One path of the protocol, as an endpoint of starlette.

    Args:
        name: its name in metrics.
        failure: makes the body of an error response.
        needs: what the query must contain, or the path does not exist.
    """

    def __init__(
        self,
        name: str,
        method: str,
        answer: Callable[[VikingFace, Exchange, Scope], Any],
        failure: Callable[[VicinalError, str, int], bytes] = data_failure,
        needs: bytes = b"",
    ) -> None:
        self._name = name
        self._needs = needs
        self._methods = (method, "HEAD") if method == "GET" else (method,)
        self._answer = answer
        self._failure = failure

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        application, exchange = scope["vicinal"]
        if self._needs not in scope["query_string"]:
            raise _nothing_at(scope["path"])
        exchange.route = self._name
        exchange.failure = self._failure
        given = exchange.headers.first(_LOG_ID).decode("latin-1")
        if _LOG_ID_TEXT.fullmatch(given):
            exchange.id = given
        try:
            if exchange.method not in self._methods:
                message = f"the path takes {self._methods[0]}, not {exchange.method:.20}"
                raise Refusal("InvalidParameter", message, status=405, name="method", value=exchange.method)
            await self._answer(application.viking, exchange, scope)
        except VicinalError as error:
            if exchange.status or exchange.has_left:
                raise
            await exchange.send_error(error, answers.failed_status(error))


def routes() -> list[PathRoute]:
    """All paths of the protocol."""
    found = [
        PathRoute(f"{PREFIX}Ping", VikingRoute("vikingdb.Ping", "GET", lambda face, exchange, _: face.ping(exchange)))
    ]
    for call in CALLS:
        found.append(PathRoute(PREFIX + call.path, VikingRoute(f"vikingdb.{call.api}", "POST", partial(_call, call))))
    for name, action in ACTIONS.items():
        path = PREFIX + action.path
        endpoint = VikingRoute(f"vikingdb.{name}", "POST", partial(_control, action), control_failure)
        found.append(PathRoute(path, endpoint))
    found += _memory_routes()
    by_action = VikingRoute("vikingdb.control", "POST", partial(_control, None), control_failure, b"Action=")
    found.append(PathRoute("/", by_action))
    found.append(PathRoute(PREFIX + "{rest:path}", VikingRoute("vikingdb.unknown", "POST", _unknown)))
    found.append(PathRoute(_KNOWLEDGE + "{rest:path}", VikingRoute("knowledge", "POST", _unknown, _knowledge_failure)))
    return found


def _memory_routes() -> list[PathRoute]:
    ping = VikingRoute("memory.Ping", "GET", lambda face, *more: face.memory_ping(*more), memory_failure)
    found = [PathRoute(f"{MEMORY}ping", ping)]
    for call in MEMORY_CALLS:
        endpoint = VikingRoute(f"memory.{call.api}", "POST", partial(_memory_call, call), memory_failure)
        found.append(PathRoute(MEMORY + call.path, endpoint))
    for name, action in MEMORY_ACTIONS.items():
        endpoint = VikingRoute(f"memory.{name}", "POST", partial(_control, action), control_failure)
        found.append(PathRoute(f"{MEMORY}collection/{action.path}", endpoint))
    found.append(PathRoute(MEMORY + "{rest:path}", VikingRoute("memory.unknown", "POST", _unknown, memory_failure)))
    return found


async def _memory_call(call: Call[MemoryPlane], face: VikingFace, exchange: Exchange, scope: Scope) -> None:
    await face.memory(call, exchange, scope)


async def _call(call: Call[DataPlane], face: VikingFace, exchange: Exchange, scope: Scope) -> None:
    await face.call(call, exchange, scope)


async def _control(action: Action | MemoryAction | None, face: VikingFace, exchange: Exchange, scope: Scope) -> None:
    await face.control(action, exchange, scope)


async def _unknown(face: VikingFace, exchange: Exchange, scope: Scope) -> None:
    raise _nothing_at(scope["path"])


def _nothing_at(path: str) -> NotFound:
    remedy = "/openapi.json describes every call of our own protocol; docs/vikingdb.md lists those of VikingDB's."
    return NotFound("there is nothing at this path", name="path", value=path, remedy=remedy)


def _knowledge_failure(error: VicinalError, request: str, status: int) -> bytes:
    message = "the knowledge service is not part of this server"
    return msgspec.json.encode({"code": _NOT_IMPLEMENTED, "message": message, "request_id": request})
