"""Opens a Qdrant by its URL."""

from __future__ import annotations

from typing import Any, Final

from qdrant_client import QdrantClient

from ...errors import StoreError
from ...inputs.services import ClientOptions
from ..addresses import Address, folder_of
from ..engine import Engine
from .engine import Qdrant

__all__ = ["opened"]

_PORT: Final = 6333
_MEMORY: Final = "qdrant+memory:"
_FOLDER: Final = "qdrant+local://"
_REMEDY: Final = "Write qdrant://host:6333, with ?secure=1 for TLS; or qdrant+local://folder."


def opened(target: str, api_key: Any = None, timeout: float | None = None, retries: int | None = None) -> Engine:
    """Returns the engine at a URL: `qdrant://host:port`, and for tests `qdrant+local://folder` or `qdrant+memory:`.

    Raises:
        InvalidArgument: it is not such a URL.
        StoreError: another program has the folder open.
    """
    options = ClientOptions.of(api_key, timeout, retries)
    if target == _MEMORY:
        return Qdrant(QdrantClient(location=":memory:"), target, local=True, durable=False, retries=0)
    if target.startswith(_FOLDER):
        return Qdrant(_in_folder(target), target, local=True, durable=True, retries=0)
    address = Address.of(target, "Qdrant", _PORT, _REMEDY)
    client = QdrantClient(
        host=address.host,
        port=address.port,
        https=address.secure,
        api_key=None if options.key is None else options.key.reveal(),
        timeout=max(1, round(options.seconds)),
        check_compatibility=False,  # nothing is sent before the first call
    )
    return Qdrant(client, f"qdrant://{address.place}", local=False, durable=True, retries=options.retries)


def _in_folder(target: str) -> QdrantClient:
    folder = folder_of(target, _FOLDER, _REMEDY)
    try:
        # Any thread of a program may call. If the client checks this itself, it leaves a connection to SQLite open.
        return QdrantClient(path=folder, force_disable_check_same_thread=True)
    except RuntimeError as error:
        raise StoreError(
            "another client has the folder open", name="target", place=target, remedy="Close it, or run a server."
        ) from error
