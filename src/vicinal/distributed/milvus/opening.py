"""Opens a Milvus by its URL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from pymilvus import MilvusClient

from ...inputs.services import ClientOptions
from ..addresses import Address, folder_of
from ..engine import Engine
from .calls import Calls
from .engine import Milvus

__all__ = ["opened"]

_CONNECT_SECONDS_MAX: Final = 10.0
_PORT: Final = 19530
_FOLDER: Final = "milvus+local://"
_REMEDY: Final = (
    "Write milvus://host:19530 or milvus://host:19530/database, with ?secure=1 for TLS; or milvus+local://folder."
)


def opened(target: str, api_key: Any = None, timeout: float | None = None, retries: int | None = None) -> Engine:
    """Returns the engine at a URL: `milvus://host:port`, and for tests `milvus+local://folder`.

    Raises:
        InvalidArgument: it is not such a URL.
        StoreError: another program has the folder open.
    """
    options = ClientOptions.of(api_key, timeout, retries)
    if target.startswith(_FOLDER):
        return _local(target, options.seconds)
    address = Address.of(target, "Milvus", _PORT, _REMEDY, databases=True)
    scheme = "https" if address.secure else "http"
    place = f"milvus://{address.place}" + (f"/{address.database}" if address.database else "")

    def connect() -> MilvusClient:
        token = "" if options.key is None else options.key.reveal()
        return _client(f"{scheme}://{address.place}", address.database, token, options.seconds)

    calls = Calls(connect, lambda: None, place, options.seconds, options.retries, local=False)
    return Milvus(calls, place, local=False)


def _local(target: str, seconds: float) -> Milvus:
    from .local import in_folder, leave  # it imports more than everything else

    folder = Path(folder_of(target, _FOLDER, _REMEDY)).absolute()
    client = in_folder(folder, target, lambda uri: _client(uri, "", "", seconds))
    calls = Calls(lambda: client, lambda: leave(folder), target, seconds, 0, local=True)
    return Milvus(calls, target, local=True)


def _client(uri: str, database: str, token: str, seconds: float) -> MilvusClient:
    """Returns a client with its own channel, on which each call has this timeout."""
    deadline = {"methodConfig": [{"name": [{}], "timeout": f"{seconds:.3f}s"}]}
    return MilvusClient(
        uri,
        db_name=database,
        token=token,
        timeout=min(seconds, _CONNECT_SECONDS_MAX),
        dedicated=True,
        grpc_options={"grpc.service_config": json.dumps(deadline)},
    )
