"""Starting a server: what is wrong is said before a port is opened, then uvicorn runs and watches the workers."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
from functools import partial
from typing import Final

from uvicorn.supervisors import Multiprocess

from ..errors import InvalidArgument, StoreError
from ..indexes.threads import thread_count
from .app import make_application
from .connection import Connection, ServerConfig
from .keys import KeyFile
from .logs import LOGGING
from .settings import ServerSettings, is_loopback

__all__ = ["serve"]

_BACKLOG: Final = 2048
_THREADS_VARIABLE: Final = "VICINAL_THREADS"
"""Of one call of the engine: the workers share the processors."""


def serve(settings: ServerSettings) -> None:
    """Serves until SIGTERM or Ctrl-C, then finishes what is being answered.

    Raises:
        InvalidArgument: the settings, the folder or the keys do not allow it; nothing was started.
        StoreError: the address cannot be had.
    """
    keys_required = check_start(settings)
    os.makedirs(settings.path, exist_ok=True)
    listening = _bind(settings)
    folder = tempfile.mkdtemp(prefix="vicinal-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    os.environ.setdefault(_THREADS_VARIABLE, str(max(1, thread_count() // settings.workers)))
    try:
        config = _config(settings, keys_required)
        _announce(settings, listening, keys_required)
        Multiprocess(config, [listening]).run()
    finally:
        listening.close()
        shutil.rmtree(folder, ignore_errors=True)


def check_start(settings: ServerSettings) -> bool:
    """Whether requests will need a key; what would be dangerous is refused.

    Raises:
        InvalidArgument: others than this machine could reach a server without keys; or the folder is none.
        Damaged: the file of keys cannot be read.
    """
    if os.path.exists(settings.path) and not os.path.isdir(settings.path):
        raise InvalidArgument(f"{settings.path!r} is a file; a database is a folder", name="path", value=settings.path)
    keys = KeyFile(settings.path)
    keys_required = keys.exists()
    keys.read()
    if not keys_required and not is_loopback(settings.host):
        raise InvalidArgument(
            f"without keys anybody who reaches {settings.host} could read and delete everything",
            name="host",
            value=settings.host,
            place=settings.path,
            remedy=f"Make a key first: vicinal keys create {settings.path} --role admin; or listen at 127.0.0.1.",
        )
    return keys_required


def _config(settings: ServerSettings, keys_required: bool) -> ServerConfig:
    config = ServerConfig(
        partial(make_application, settings, keys_required=keys_required),
        factory=True,
        workers=settings.workers,
        http=Connection,
        loop="auto",
        ws="none",
        lifespan="on",
        log_config=LOGGING,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=settings.idle_seconds,  # type: ignore[arg-type]  # a fraction of a second does too
        timeout_graceful_shutdown=settings.graceful_seconds,  # type: ignore[arg-type]
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
    )
    config.settings = settings
    return config


def _bind(settings: ServerSettings) -> socket.socket:
    """The one socket that all workers take connections from: what a worker that dies has not taken, another takes."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((settings.host, settings.port))
        listening.listen(_BACKLOG)  # before the workers are there: nobody is refused while they start
    except OSError as error:
        listening.close()
        raise StoreError(
            f"cannot listen at {settings.url}: {error.strerror}",
            name="port",
            value=settings.port,
            remedy="Choose another port, or 0 for any that is free.",
        ) from error
    listening.setblocking(False)
    listening.set_inheritable(True)
    return listening


def _announce(settings: ServerSettings, listening: socket.socket, keys_required: bool) -> None:
    """On standard output, for people and for programs that started with port 0; the log is on the other stream."""
    host, port = listening.getsockname()[:2]
    scheme = "http" if settings.tls_key is None else "https"
    shown = f"[{host}]" if ":" in host else host
    keys = "with keys" if keys_required else "without keys, for this machine only"
    print(
        f"Vicinal serves {settings.path} at {scheme}://{shown}:{port} ({keys}; {settings.workers} workers)", flush=True
    )
