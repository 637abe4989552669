"""Where a Qdrant is, as users say it."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from qdrant_client import QdrantClient

from ...errors import InvalidArgument, StoreError
from ...inputs.services import checked_key, checked_retries, checked_seconds
from .engine import Qdrant

__all__ = ["opened"]

_TIMEOUT_SECONDS: Final = 60.0
_RETRIES: Final = 2
_PORT: Final = 6333
_MEMORY: Final = "qdrant+memory:"
_FOLDER: Final = "qdrant+local://"
_OPTIONS: Final = ("secure",)
_REMEDY: Final = "Write qdrant://host:6333, with ?secure=1 for TLS; or qdrant+local://folder."


def opened(target: str, api_key: Any = None, timeout: float | None = None, retries: int | None = None) -> Qdrant:
    """The engine at a URL: `qdrant://host:port`, and for tests `qdrant+local://folder` or `qdrant+memory:`.

    Raises:
        InvalidArgument: it is no such URL.
        StoreError: another program has the folder open.
    """
    key = checked_key(api_key)
    seconds = _TIMEOUT_SECONDS if timeout is None else checked_seconds(timeout)
    tries = _RETRIES if retries is None else checked_retries(retries)
    if target == _MEMORY:
        return Qdrant(QdrantClient(location=":memory:"), target, local=True, durable=False, retries=0)
    if target.startswith(_FOLDER):
        return Qdrant(_in_folder(target), target, local=True, durable=True, retries=0)
    host, port, options = _parsed(target)
    client = QdrantClient(
        host=host,
        port=port,
        https=options.get("secure") == "1",
        api_key=None if key is None else key.reveal(),
        timeout=max(1, round(seconds)),
        check_compatibility=False,  # nothing is sent before the first call
    )
    return Qdrant(client, f"qdrant://{host}:{port}", local=False, durable=True, retries=tries)


def _in_folder(target: str) -> QdrantClient:
    folder = target.removeprefix(_FOLDER)
    if not folder:
        raise InvalidArgument("the URL names no folder", name="target", value=target, remedy=_REMEDY)
    try:
        # Any thread of a program may call. Where the client finds out itself, it leaves a connection to SQLite open.
        return QdrantClient(path=folder, force_disable_check_same_thread=True)
    except RuntimeError as error:
        raise StoreError(
            "another client has the folder open", name="target", place=target, remedy="Close it, or run a server."
        ) from error


def _parsed(target: str) -> tuple[str, int, dict[str, str]]:
    parts = urlsplit(target)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    try:
        port = parts.port or _PORT
    except ValueError:
        port = 0
    unknown = [name for name, value in options.items() if name not in _OPTIONS or value not in ("0", "1")]
    if not port or not parts.hostname or parts.path.strip("/") or parts.username or unknown or parts.fragment:
        raise InvalidArgument("this is no URL of a Qdrant", name="target", value=target, remedy=_REMEDY)
    return parts.hostname, port, options
