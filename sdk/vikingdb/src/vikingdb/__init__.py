"""A client for the VikingDB v2 data plane, as served by `vicinal serve` and by the cloud service.

Everything is loaded on first use, so `import vikingdb` takes almost no time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .version import __version__

if TYPE_CHECKING:
    from . import memory, vector
    from .auth import IAM, APIKey, Auth, HeaderAuth
    from .exceptions import VikingAPIException, VikingException
    from .memory import Collection, VikingMem
    from .request_options import RequestOptions
    from .retry import ExponentialBackoff, RetryPolicy
    from .vector import (
        AsyncVikingDB,
        CollectionClient,
        EmbeddingClient,
        IndexClient,
        RerankClient,
        VikingDB,
        VikingVector,
    )

_HOMES = {
    **dict.fromkeys(("IAM", "APIKey", "Auth", "HeaderAuth"), ".auth"),
    **dict.fromkeys(("VikingAPIException", "VikingException"), ".exceptions"),
    "RequestOptions": ".request_options",
    **dict.fromkeys(("ExponentialBackoff", "RetryPolicy"), ".retry"),
    **dict.fromkeys(
        (
            "AsyncVikingDB",
            "CollectionClient",
            "EmbeddingClient",
            "IndexClient",
            "RerankClient",
            "VikingDB",
            "VikingVector",
        ),
        ".vector",
    ),
    **dict.fromkeys(("Collection", "VikingMem"), ".memory"),
}
_MODULES = {"vector", "memory"}

__all__ = [
    "IAM",
    "APIKey",
    "AsyncVikingDB",
    "Auth",
    "Collection",
    "CollectionClient",
    "EmbeddingClient",
    "ExponentialBackoff",
    "HeaderAuth",
    "IndexClient",
    "RequestOptions",
    "RerankClient",
    "RetryPolicy",
    "VikingAPIException",
    "VikingDB",
    "VikingException",
    "VikingMem",
    "VikingVector",
    "__version__",
    "memory",
    "vector",
]


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name], __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
