"""The vector API of a package `vikingdb`, as JSON: run by an interpreter that has the package.

python -P viking_surface.py
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from typing import Any

from pydantic import BaseModel

import vikingdb
import vikingdb.vector

CLIENTS = ("VikingDB", "VikingVector", "CollectionClient", "IndexClient", "EmbeddingClient", "RerankClient")


def main() -> None:
    vector = vikingdb.vector
    named = {name: getattr(vector, name) for name in vector.__all__}
    models = [one for one in named.values() if inspect.isclass(one) and issubclass(one, BaseModel)]
    surface = {
        "modules": sorted(modules()),
        "names of vikingdb": sorted(vikingdb.__all__),
        "names of vikingdb.vector": sorted(named),
        "constants": {name: value for name, value in vars(vector.client).items() if name.startswith("API_VECTOR_")},
        "exceptions": sorted(name for name in vars(importlib.import_module("vikingdb.exceptions")) if name[0] != "_"),
        "models": {model.__name__: fields(model) for model in models},
        "calls": {f"{name}.{call}": of for name in CLIENTS for call, of in calls(named[name]).items()},
        "auth": {
            name: parameters(getattr(importlib.import_module("vikingdb.auth"), name).__init__)
            for name in ("IAM", "APIKey", "HeaderAuth")
        },
        "options": parameters(vikingdb.RequestOptions),
    }
    print(json.dumps(surface))


def modules() -> list[str]:
    """Returns all modules that can be imported, except for the knowledge service."""
    found = [one.name for one in pkgutil.walk_packages(vikingdb.__path__, "vikingdb.", onerror=lambda _: None)]
    found = [name for name in found if not name.startswith("vikingdb.knowledge")]
    for name in found:
        importlib.import_module(name)
    return found


def fields(model: type[BaseModel]) -> dict[str, list[Any]]:
    """Returns for each field its name in the JSON, and whether it is required."""
    return {name: [one.alias or name, one.is_required()] for name, one in model.model_fields.items()}


def calls(client: type) -> dict[str, list[Any]]:
    public = {name: one for name, one in inspect.getmembers(client, inspect.isfunction) if name[0] != "_"}
    own = {name: one for name, one in public.items() if one.__module__.startswith("vikingdb.vector")}
    return {name: parameters(one) for name, one in {"__init__": client.__init__, **own}.items()}  # type: ignore[misc]


def parameters(call: Any) -> list[Any]:
    """Returns each parameter with its kind, and whether it is optional."""
    return [
        [one.name, one.kind.name, one.default is not inspect.Parameter.empty]
        for one in inspect.signature(call).parameters.values()
        if one.name != "self"
    ]


if __name__ == "__main__":
    main()
