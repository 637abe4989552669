"""The OpenAPI description, generated from the routes and models that clients and this server use."""

from __future__ import annotations

import inspect
from typing import Any, Final

import msgspec

from ..collection import Collection
from ..database import Database
from ..records.notes import Notes
from ..version import __version__
from ..wire.arguments import Handle
from ..wire.errors import STATUS, Failure
from ..wire.routes import ROUTES, Route

__all__ = ["document"]

_TEMPLATE: Final = "#/components/schemas/{name}"
_OWNERS: Final = {"database": Database, "collection": Collection, "notes": Notes}
# In addition to the statuses of the engine's errors: a request that was not sent in time.
_LATE: Final = 408
_MEANINGS: Final = {
    400: "An argument is wrong; nothing was changed.",
    401: "No key, or none that the server knows.",
    403: "The key, or the server, does not allow it.",
    404: "There is none of this name or id.",
    408: "The request did not come in time.",
    409: "It is there already, or with other settings.",
    410: "The collection was dropped.",
    413: "More than the server takes.",
    422: "The collection, or this server, cannot do it.",
    429: "Too much is waiting; the call was not executed.",
    500: "An error of the server or its files.",
    503: "Another writer held the collection too long.",
    504: "The time was over and the work was stopped.",
    507: "The disk is full; nothing was changed.",
}


def document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    models = {model for route in ROUTES for model in (route.arguments, route.result) if model is not None}
    ordered = sorted(models | {Failure, Handle}, key=lambda model: (model.__name__, model.__module__))
    references, components = msgspec.json.schema_components(ordered, ref_template=_TEMPLATE)
    schemas = dict(zip(ordered, references, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.verb.lower()] = _operation(route, schemas, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Vicinal",
            "version": __version__,
            "description": "A vector database over HTTP. Every call is a method of `Database`, `Collection` or its "
            "notes, with the same arguments; the Python client is made of the same models.",
        },
        "security": [{"key": []}, {}],
        "paths": paths | _plain_paths(),
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "vicinal keys create PATH"}},
        },
    }


def _operation(route: Route, schemas: dict[Any, Any], components: dict[str, Any]) -> dict[str, Any]:
    kind = "application/x-ndjson" if route.streamed else "application/json"
    result = {} if route.streamed else {"schema": schemas[route.result]}
    operation: dict[str, Any] = {
        "operationId": f"{route.noun}_{route.call}",
        "tags": [route.noun],
        "summary": _summary(route),
        "description": f"A key needs the role {route.role}."
        + (f" Each line is a {route.result.__name__}." if route.streamed else ""),
        "responses": {"200": {"description": "What the call gives.", "content": {kind: result}}, **_failures(schemas)},
    }
    parameters = [_in_path(name) for name in ("collection", "owner") if f"{{{name}}}" in route.path]
    if route.held:
        parameters += _in_query(_component(schemas[Handle], components))
    if parameters:
        operation["parameters"] = parameters
    if route.arguments is not None:
        required = bool(_component(schemas[route.arguments], components).get("required"))
        content = {"application/json": {"schema": schemas[route.arguments]}}
        operation["requestBody"] = {"required": required, "content": content}
    return operation


def _component(reference: dict[str, str], components: dict[str, Any]) -> dict[str, Any]:
    """Resolves a reference. Two models of one name have longer names."""
    found: dict[str, Any] = components[reference["$ref"].rpartition("/")[2]]
    return found


def _summary(route: Route) -> str:
    """The first line of the method's docstring."""
    method = getattr(_OWNERS[route.noun], route.call, None)
    text = inspect.getdoc(method) if method is not None else None
    return (text or f"{route.call} of {route.noun}").partition("\n")[0]


def _failures(schemas: dict[Any, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": schemas[Failure]}}
    statuses = sorted({*STATUS.values(), _LATE})
    return {str(status): {"description": _MEANINGS[status], "content": content} for status in statuses}


def _in_path(name: str) -> dict[str, Any]:
    text = "Any text; what a path cannot hold is '~' and base64url of its UTF-8."
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": f"Name of the {name}. {text}",
        "schema": {"type": "string", "minLength": 1},
    }


def _in_query(handle: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in handle["properties"].items()
    ]


def _plain_paths() -> dict[str, Any]:
    answers = {
        "/healthz": ("The process answers.", "application/json"),
        "/readyz": ("The server can serve; 503 where it cannot.", "application/json"),
        "/metrics": ("Numbers for Prometheus, over all workers.", "text/plain"),
        "/openapi.json": ("This description.", "application/json"),
    }
    return {
        path: {
            "get": {
                "operationId": path.strip("/").partition(".")[0],
                "tags": ["operation"],
                "summary": text,
                "responses": {
                    "200": {"description": text, "content": {kind: {}}},
                    "400": {"description": _MEANINGS[400]},
                    "401": {"description": _MEANINGS[401]},
                    "403": {"description": _MEANINGS[403]},
                    "503": {"description": "Not ready."},
                },
            }
        }
        for path, (text, kind) in answers.items()
    }
