"""`aio.connect`: a database of any kind, whose calls are awaited."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..arguments import CacheKind
from ..inputs.calls import user_call
from ..opening import check_options, credential, is_url
from ..opening import connect as connect_in_threads
from .database import AsyncDatabase
from .threads import InThreads

if TYPE_CHECKING:
    from ..settings import Secret

__all__ = ["connect"]


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
) -> AsyncDatabase:
    """The database at a path, ":memory:", or a server's URL; see `vicinal.connect`. Nothing is awaited or sent yet."""
    api_key = credential(target, api_key, token)
    check_options(target, encoder_cache, exclusive, api_key, timeout, retries)
    if not is_url(target):
        given: dict[str, Any] = {"api_key": api_key, "timeout": timeout, "retries": retries}
        in_threads = connect_in_threads(target, encoder_cache=encoder_cache, exclusive=exclusive, **given)
        return AsyncDatabase(InThreads.of_database(in_threads))
    from ..remote.server import Server
    from .http import OverHttp

    return AsyncDatabase(OverHttp.of_database(Server.at(target, api_key, timeout, retries)))
