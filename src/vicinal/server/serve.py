"""Starts a server: errors are reported before a port is opened, then uvicorn runs and monitors the workers."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from uvicorn.supervisors import Multiprocess

from ..errors import Damaged, InvalidArgument, StoreError
from ..indexes.threads import thread_count
from ..llm.configured import configured_model
from .app import make_application
from .connection import Connection, ServerConfig
from .keys import KeyFile
from .logs import LOGGING
from .settings import ServerSettings, is_loopback
from .vikingdb.provision import provision

__all__ = ["serve"]

_BACKLOG: Final = 2048
_HUNG_SECONDS: Final = (
    60  # a worker that is silent for this long is replaced; a busy machine may take seconds to start one
)
_POLL_SECONDS: Final = 0.05
_IS_SHARED_OUT: Final = sys.platform == "linux"  # elsewhere all workers accept connections from one socket
_THREADS_VARIABLE: Final = "VICINAL_THREADS"
"""Threads per call of the engine: the workers share the processors."""


def serve(settings: ServerSettings) -> None:
    """Serves until SIGTERM or Ctrl-C, then completes running requests.

    Raises:
        InvalidArgument: the settings, the folder or the keys are not valid; nothing was started.
        StoreError: the address is not available.
    """
    keys_required = check_start(settings)
    os.makedirs(settings.path, exist_ok=True)
    taken = _bind(settings)
    try:
        _run(provision(settings), taken, keys_required)
    finally:
        taken.close()


def _run(settings: ServerSettings, taken: socket.socket, keys_required: bool) -> None:
    folder = tempfile.mkdtemp(prefix="vicinal-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    os.environ.setdefault(_THREADS_VARIABLE, str(max(1, thread_count() // settings.workers)))
    try:
        config = _config(settings, keys_required)
        _Workers(config, [taken], lambda: _announce(settings, taken, keys_required)).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_start(settings: ServerSettings) -> bool:
    """Returns whether requests need a key; rejects dangerous settings.

    Raises:
        InvalidArgument: other machines could reach a server without keys; or the folder does not exist.
        Damaged: the file of keys cannot be read, or is gone.
    """
    if os.path.exists(settings.path) and not os.path.isdir(settings.path):
        raise InvalidArgument(f"{settings.path!r} is a file; a database is a folder", name="path", value=settings.path)
    configured_model()  # reads sessions of conversations; reports invalid settings of the model here
    keys = KeyFile(settings.path)
    keys_required = keys.exists()
    keys.read()
    if not keys_required:
        _check_open(settings, keys)
    return keys_required


def _check_open(settings: ServerSettings, keys: KeyFile) -> None:
    """Raises if a server without keys could be reached by anything but this machine's programs."""
    create = f"vicinal keys create {settings.path} --role admin"
    if keys.were_made():
        raise Damaged(
            "the database had keys, and the file of them is gone: without it everybody would have access",
            name="keys",
            place=str(keys.path),
            remedy=f"Restore the file from a backup, or make a new key: {create}. If none is wanted any more, delete "
            f"{keys.mark.name} too.",
        )
    if not is_loopback(settings.host):
        raise InvalidArgument(
            f"without keys anybody who reaches {settings.host} could read and delete everything",
            name="host",
            value=settings.host,
            place=settings.path,
            remedy=f"Create a key first: {create}; or listen on 127.0.0.1.",
        )
    for name in settings.allowed_hosts:
        if not is_loopback(name):
            raise InvalidArgument(
                f"without keys anybody who asks for {name}, through a proxy or not, could read and delete everything",
                name="allowed_hosts",
                value=name,
                place=settings.path,
                remedy=f"Create a key first: {create}; or leave allowed_hosts out.",
            )


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
        timeout_worker_healthcheck=_HUNG_SECONDS,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
    )
    config.settings = settings
    return config


class _OfEachWorker(socket.socket):
    """An address that is reserved but not listened on yet: each worker that gets it opens its own socket.

    The system then distributes connections among the workers. With one socket for all, the worker that happens to be
    awake accepts all that are waiting.
    """

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return _listening, (int(self.family), self.getsockname())


def _listening(family: int, address: Any) -> socket.socket:
    """Opens the socket of a worker."""
    listening = socket.socket(family, socket.SOCK_STREAM)
    _share(listening)
    listening.bind(address)
    listening.listen(_BACKLOG)
    return listening


def _share(taken: socket.socket) -> None:
    """Lets other sockets of this user use the same address."""
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if _IS_SHARED_OUT:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)


def _bind(settings: ServerSettings) -> socket.socket:
    """Returns the socket for the workers: bound now, so that no other program can take the address."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:  # another server of this user would share the port
            if sys.platform != "win32":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
            address = probe.getsockname()
        taken: socket.socket = (_OfEachWorker if _IS_SHARED_OUT else socket.socket)(family, socket.SOCK_STREAM)
        if sys.platform != "win32":
            _share(taken)
        taken.bind(address)
    except OSError as error:
        raise StoreError(
            f"cannot listen on {settings.url}: {error.strerror or error}",
            name="port",
            value=settings.port,
            remedy="Choose another port, or 0 for any that is free.",
        ) from error
    taken.setblocking(False)
    taken.set_inheritable(True)
    return taken


class _Workers(Multiprocess):
    """uvicorn's workers, with a callback when all are ready.

    Args:
        ready: the callback.
    """

    def __init__(self, config: ServerConfig, sockets: list[socket.socket], ready: Callable[[], None]) -> None:
        super().__init__(config, sockets)
        self._ready = ready

    def init_processes(self) -> None:
        super().init_processes()
        for process in self.processes:
            while process.process.is_alive() and not process.is_ready(timeout=1.0):
                self.handle_signals()
                if self.should_exit.wait(_POLL_SECONDS):
                    return
        if all(process.process.is_alive() for process in self.processes):
            self._ready()


def _announce(settings: ServerSettings, taken: socket.socket, keys_required: bool) -> None:
    """Prints the address on standard output, for people and for programs that used port 0; the log is on stderr."""
    host, port = taken.getsockname()[:2]
    scheme = "http" if settings.tls_key is None else "https"
    shown = f"[{host}]" if ":" in host else host
    keys = "with keys" if keys_required else "without keys, for this machine only"
    print(
        f"Vicinal serves {settings.path} at {scheme}://{shown}:{port} ({keys}; {settings.workers} workers)", flush=True
    )
