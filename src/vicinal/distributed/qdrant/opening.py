"""Opens a Qdrant by its URL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from qdrant_client import QdrantClient

from ...errors import StoreError
from ...inputs.services import checked_key, checked_retries, checked_seconds
from ..addresses import Address, folder_of
from ..engine import Engine
from .engine import Qdrant

__all__ = ["opened"]

_TIMEOUT_SECONDS: Final = 60.0
_RETRIES: Final = 2
_PORT: Final = 6333
_MEMORY: Final = "qdrant+memory:"
_FOLDER: Final = "qdrant+local://"
_OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {"secure": ("0", "1")}
_REMEDY: Final = "Write qdrant://host:6333, with ?secure=1 for TLS; or qdrant+local://folder."


def opened(target: str, api_key: Any = None, timeout: float | None = None, retries: int | None = None) -> Engine:
    """Returns the engine at a URL: `qdrant://host:port`, and for tests `qdrant+local://folder` or `qdrant+memory:`.

    Raises:
        InvalidArgument: it is not such a URL.
        StoreError: another program has the folder open.
    """
    key = checked_key(api_key)
    seconds = _TIMEOUT_SECONDS if timeout is None else checked_seconds(timeout)
    tries = _RETRIES if retries is None else checked_retries(retries)
    if target == _MEMORY:
        return Qdrant(QdrantClient(location=":memory:"), target, local=True, durable=False, retries=0)
    if target.startswith(_FOLDER):
        return Qdrant(_in_folder(target), target, local=True, durable=True, retries=0)
    address = Address.of(target, "Qdrant", _PORT, _OPTIONS, _REMEDY)
    client = QdrantClient(
        host=address.host,
        port=address.port,
        https=address.options.get("secure") == "1",
        api_key=None if key is None else key.reveal(),
        timeout=max(1, round(seconds)),
        check_compatibility=False,  # nothing is sent before the first call
    )
    return Qdrant(client, f"qdrant://{address.place}", local=False, durable=True, retries=tries)


def _in_folder(target: str) -> QdrantClient:
    folder = folder_of(target, _FOLDER, _REMEDY)
    try:
        # Any thread of a program may call. If the client checks this itself, it leaves a connection to SQLite open.
        return QdrantClient(path=folder, force_disable_check_same_thread=True)
    except RuntimeError as error:
        raise StoreError(
            "another client has the folder open", name="target", place=target, remedy="Close it, or run a server."
        ) from error
