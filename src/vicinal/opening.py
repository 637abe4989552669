"""`connect`: a database in a folder, in memory, behind a server or on an engine, and the same calls on each."""

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
# Packages of the engines' clients, with the extra that brings one and what it is for.
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
    """A database at a path (created when first written to), ":memory:", or a server's URL such as "http://db:8420".

    It may also be on an engine of many machines, "milvus://db:19530" or "qdrant://db:6333": docs/distributed.md says
    what differs there.

    A collection that lies where nothing can be written is opened for reading; writes to it raise `Unsupported`.

    Args:
        encoder_cache: where vectors of texts are kept so that no text is encoded twice: "memory" (64 MiB of it),
            or "disk", a file beside the collections that other processes and later runs use too.
        exclusive: this process is the only one that opens it. That allows file systems which other machines
            share, and a second process gets `WriterBusy`.
        api_key: for a server that wants one; left out, the environment's VICINAL_API_KEY. It is shown nowhere.
        token: Milvus's name for `api_key`, for Milvus only.
        timeout: seconds to wait for a server's answer, 60 by default.
        retries: how often a request is sent again where that can do no harm, 2 by default.

    Raises:
        Unsupported: a URL of another kind, or a path on a network file system without `exclusive`.
        MissingExtra: a URL, and the packages for it are not installed.
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
    """Whether a database is behind a server."""
    return isinstance(target, str) and target.lower().startswith(("http://", "https://"))


def is_engine(target: Any) -> bool:
    """Whether a database is on an engine of others."""
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
    """What `connect` presents, under whichever of its two names it was given.

    Raises:
        InvalidArgument: both were given, or `token` for anything but Milvus.
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
    """Raises InvalidArgument for an option of `connect` that would go without an effect."""
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
