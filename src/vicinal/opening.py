"""`connect`: a database in a folder, in memory, behind a server or on an engine, with the same calls on each."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from . import database
from .arguments import CacheKind
from .database import Database
from .errors import InvalidArgument, MissingExtra
from .inputs.calls import user_call

if TYPE_CHECKING:
    from .settings import Secret

__all__ = ["check_options", "connect", "is_engine", "is_url"]

_ENGINES: Final = ("qdrant://", "qdrant+local://", "qdrant+memory:", "milvus://", "milvus+local://")
# The client package of each engine, the extra that installs it, and its purpose.
_CLIENTS: Final[Mapping[str, tuple[str, str, str]]] = {
    "qdrant_client": ("qdrant-client", "qdrant", "a database on Qdrant"),
    "pymilvus": ("pymilvus", "milvus", "a database on Milvus"),
    "milvus_lite": ("milvus-lite", "milvus", "a database on Milvus"),
}


@user_call
def connect(
    target: str | os.PathLike[str],
    *,
    encoder_cache: CacheKind = "memory",
    exclusive: bool = False,
    api_key: str | Secret | None = None,
    token: str | Secret | None = None,
    timeout: float | None = None,
    retries: int | None = None,
) -> Database:
    """Opens a database: a path (created on the first write), ":memory:", or a server's URL such as "http://db:8420".

    The database may also be on a distributed engine, "milvus://db:19530" or "qdrant://db:6333"; docs/distributed.md
    describes the differences.

    A collection in a folder that cannot be written to is opened read-only; writes to it raise `Unsupported`.

    Args:
        encoder_cache: where vectors of texts are cached so that no text is encoded twice: "memory" (64 MiB),
            or "disk", a file beside the collections that other processes and later runs use too.
        exclusive: only this process may open the database. This allows file systems shared with other machines;
            a second process gets `WriterBusy`.
        api_key: the key for a server that requires one; defaults to the environment variable VICINAL_API_KEY. It is
            never displayed.
        token: Milvus's name for `api_key`, for Milvus only.
        timeout: the number of seconds to wait for a server's response, 60 by default.
        retries: how often a request that is safe to repeat is retried, 2 by default.

    Raises:
        Unsupported: a URL of another kind, or a path on a network file system without `exclusive`.
        MissingExtra: a URL whose packages are not installed.
    """
    api_key = credential(target, api_key, token)
    check_options(target, encoder_cache, exclusive, api_key, timeout, retries)
    if is_url(target):
        from .remote.database import RemoteDatabase
        from .remote.server import Server

        return RemoteDatabase(Server.at(target, api_key, timeout, retries))
    if is_engine(target):
        return _on_engine(str(target), api_key, timeout, retries)
    return database.connect(target, encoder_cache=encoder_cache, exclusive=exclusive)


def is_url(target: Any) -> bool:
    """Whether the target is a database behind a server."""
    return isinstance(target, str) and target.lower().startswith(("http://", "https://"))


def is_engine(target: Any) -> bool:
    """Whether the target is a database on another engine."""
    return isinstance(target, str) and target.lower().startswith(_ENGINES)


def _on_engine(target: str, api_key: str | Secret | None, timeout: float | None, retries: int | None) -> Database:
    from .distributed.database import EngineDatabase

    try:
        if target.lower().startswith("milvus"):
            from .distributed.milvus.opening import opened
        else:
            from .distributed.qdrant.opening import opened
        return EngineDatabase(opened(target, api_key, timeout, retries))
    except ModuleNotFoundError as error:
        missing = _CLIENTS.get((error.name or "").partition(".")[0])
        if missing is None:
            raise
        raise MissingExtra(*missing) from None


def credential(target: Any, api_key: str | Secret | None, token: str | Secret | None) -> str | Secret | None:
    """The credential of `connect`, under whichever of its two names it was given.

    Raises:
        InvalidArgument: both were given, or `token` for an engine other than Milvus.
    """
    if token is None:
        return api_key
    if api_key is not None:
        raise InvalidArgument(
            "token= and api_key= are one argument, and both were given", name="token", remedy="Leave one out."
        )
    if not (is_engine(target) and target.lower().startswith("milvus")):
        raise InvalidArgument("token= is for Milvus only", name="token", remedy="Write api_key= in its place.")
    return token


def check_options(target: Any, encoder_cache: Any, exclusive: Any, api_key: Any, timeout: Any, retries: Any) -> None:
    """Raises InvalidArgument for an option of `connect` that would have no effect."""
    given = {"encoder_cache": encoder_cache != "memory", "exclusive": exclusive is not False}
    kind = "a server's database"
    if is_engine(target):
        kind = "a database on an engine"
    elif not is_url(target):
        given = {"api_key": api_key is not None, "timeout": timeout is not None, "retries": retries is not None}
        kind = "a database of this process"
    for name, is_given in given.items():
        if is_given:
            raise InvalidArgument(
                f"{name}= changes nothing for {kind}", name=name, value=target, remedy=f"Leave {name}= out."
            )
