"""Servers for tests, on separate ports and folders: context managers that start and stop them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import pytest

_SECONDS_MAX = 60.0


def free_port() -> int:
    """Returns a free port, below the ephemeral range, so that no other program gets it by chance."""
    for _ in range(100):
        port = 10_100 + int.from_bytes(os.urandom(2)) % 10_000  # the bus of a cluster is 10,000 above
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port found")


def program(name: str, *folders: str) -> str:
    """Returns the path of a program; skips the test if it is not installed, which CI does not allow."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *folders]))
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def wait_until(ready: Callable[[], bool], what: str) -> None:
    """Polls until the condition holds; raises RuntimeError after a minute."""
    deadline = time.monotonic() + _SECONDS_MAX
    while not ready():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not start within {_SECONDS_MAX:.0f} s")
        time.sleep(0.02)


class Server:
    """Common to all servers: a folder in memory or on disk, and processes that end with it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="vicinal-server-"))
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()
        self.processes.clear()

    def spawn(self, *command: str | Path, **options: object) -> subprocess.Popen[bytes]:
        words = [str(word) for word in command]
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                **options,  # type: ignore[call-overload]  # cwd, user
            )
        self.processes.append(process)
        return process

    def __enter__(self):  # type: ignore[no-untyped-def]  # Self of each
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Redis(Server):
    """One server; `durable` writes each command to disk before it responds."""

    def __init__(self, *options: str, durable: bool = False, port: int | None = None) -> None:
        super().__init__()
        self.port = port or free_port()
        self.options = options
        self.persistence = ["--appendonly", "yes", "--appendfsync", "always"] if durable else ["--appendonly", "no"]

    def start(self) -> None:
        self.spawn(
            program("redis-server"), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
            "--dir", self.folder, *self.persistence, *self.options,
        )  # fmt: skip
        wait_until(self._is_ready, "redis-server")

    def _is_ready(self) -> bool:
        if self.processes[-1].poll() is not None:
            raise RuntimeError(f"redis-server has ended: {(self.folder / 'log').read_text(errors='replace')}")
        return answers(self.port)


def answers(port: int) -> bool:
    """Returns whether a Redis at this port responds to a ping, or asks for a password."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith((b"+PONG", b"-NOAUTH"))
    except OSError:
        return False


class Cluster(Server):
    """Redis Cluster of three masters, the first of them at `port`."""

    def __init__(self, port: int | None = None) -> None:
        super().__init__()
        self.ports = [port or free_port(), free_port(), free_port()]
        self.port = self.ports[0]

    def start(self) -> None:
        for port in self.ports:
            (self.folder / str(port)).mkdir()
            self.spawn(
                program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--cluster-enabled", "yes",
                "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "2000",
                "--cluster-announce-ip", "127.0.0.1", "--save", "", "--appendonly", "no",
                "--dir", self.folder / str(port),
            )  # fmt: skip
        for port in self.ports:
            wait_until(lambda port=port: answers(port), "redis-server")
        hosts = [f"127.0.0.1:{port}" for port in self.ports]
        self.cli("--cluster", "create", *hosts, "--cluster-replicas", "0", "--cluster-yes")
        for port in self.ports:
            wait_until(lambda port=port: "cluster_state:ok" in self.cli("-p", str(port), "cluster", "info"), "cluster")

    def cli(self, *arguments: str) -> str:
        done = subprocess.run(
            [program("redis-cli"), *arguments], capture_output=True, text=True, timeout=120, check=True
        )
        return done.stdout

    def reshard(self, slots: int) -> None:
        """Moves slots from the first master to the second."""
        names = [self.cli("-p", str(port), "cluster", "myid").strip() for port in self.ports]
        self.cli(
            "--cluster", "reshard", f"127.0.0.1:{self.port}", "--cluster-from", names[0], "--cluster-to", names[1],
            "--cluster-slots", str(slots), "--cluster-yes",
        )  # fmt: skip


class Postgres(Server):
    """PostgreSQL with the user and database `postgres`; it refuses to run as root, so root becomes that user."""

    def __init__(self) -> None:
        super().__init__()
        self.port = free_port()
        self.dsn = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        folders = [str(path) for path in versions[-1:]]
        data = self.folder / "data"
        user: dict[str, object] = {}
        if os.geteuid() == 0:
            program("initdb", *folders)  # part of the installation that has the user
            shutil.chown(self.folder, "postgres")
            user = {"user": "postgres", "cwd": "/"}
        command = [program("initdb", *folders), "-D", data, "-U", "postgres", "--auth=trust", "-E", "UTF8"]
        command += ["--locale=C.UTF-8", "--no-sync"]
        subprocess.run([str(word) for word in command], check=True, capture_output=True, **user)  # type: ignore[call-overload]  # fmt: skip
        self.spawn(
            program("postgres", *folders), "-D", data, "-p", str(self.port), "-c", "listen_addresses=127.0.0.1",
            "-c", f"unix_socket_directories={self.folder}", "-c", "fsync=off", **user,
        )  # fmt: skip
        ready = [program("pg_isready", *folders), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        wait_until(lambda: subprocess.run(ready, check=False).returncode == 0, "postgres")
