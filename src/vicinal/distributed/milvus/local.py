"""Milvus Lite: a Milvus in this process, with its rows in a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from milvus_lite.server_manager import server_manager_instance
from pymilvus import MilvusClient, MilvusException

from ...errors import StoreError
from ...locks import new_lock

__all__ = ["in_folder", "leave"]

_FILE: Final = "milvus.db"  # pymilvus recognises by the name that it is not a server
_lock: Final = new_lock()
_open: Final[set[Path]] = set()


def in_folder(folder: Path, target: str, connect: Callable[[str], MilvusClient]) -> MilvusClient:
    """Returns a client of the Milvus Lite in a folder, which is created.

    Raises:
        StoreError: another process has it open.
    """
    with _lock:
        if folder in _open:
            raise _taken(target)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            client = connect(str(folder / _FILE))
        except MilvusException as error:
            raise _taken(target) from error
        _open.add(folder)
    return client


def _taken(target: str) -> StoreError:
    return StoreError(
        "another client has the folder open", name="target", place=target, remedy="Close it, or run a server."
    )


def leave(folder: Path) -> None:
    """Ends the server in this process, which releases the folder."""
    with _lock:
        server_manager_instance.release_server(str(folder / _FILE))
        _open.discard(folder)
