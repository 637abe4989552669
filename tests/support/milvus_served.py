"""Milvus for tests: the server of the `milvus` wheel, shared by all workers of a run, and Milvus Lite."""

from __future__ import annotations

import atexit
import fcntl
import importlib.util
import json
import os
import shutil
import signal
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from support.servers import Server, free_port, wait_until

# By default, the server delays a read that must see every write until its next tick, every 200 ms, and checks only
# once a second whether a collection can be loaded. That would be too slow for hundreds of tests.
_QUICK = {
    "proxy.timeTickInterval": "10",
    "queryCoord.checkInterval": "20",
    "queryCoord.checkChannelInterval": "20",
    "queryCoord.checkSegmentInterval": "20",
    "queryCoord.distPullInterval": "20",
    "proxy.accessLog.enable": "false",
    "log.level": "warn",
}


class MilvusServer(Server):
    """One server, which can be killed and restarted on the same data."""

    def __init__(self) -> None:
        if importlib.util.find_spec("milvus") is None:
            pytest.skip("the milvus wheel is not installed: there is one for Linux on x86-64 only")
        super().__init__()
        self.port, self._health, self._peers = free_port(), free_port(), free_port()
        self.url = f"milvus://127.0.0.1:{self.port}"

    def start(self) -> None:
        programs = _unpacked()
        if not (self.folder / "etcd.yaml").exists():
            self._configure()
        environment = os.environ | _QUICK
        environment |= {"DEPLOY_MODE": "STANDALONE", "METRICS_PORT": str(self._health)}
        environment |= {"etcd.config.path": str(self.folder / "etcd.yaml")}
        environment |= {"MILVUS_RUN_DIR": str(self.folder / "run"), "LD_LIBRARY_PATH": str(programs)}
        self.spawn(programs / "milvus", "run", "standalone", env=environment, cwd=self.folder)
        wait_until(self._is_ready, "Milvus")

    def _configure(self) -> None:
        """Writes the configuration in its folder, with free ports."""
        import milvus

        config = milvus.MilvusServerConfig(data_dir=str(self.folder))
        ports = {name: free_port() for name in config.configurable_items if name.endswith("_port")}
        config.configs.update(ports | {"proxy_port": self.port})
        config.resolve()
        peers, clients = (f"http://127.0.0.1:{port}" for port in (self._peers, ports["etcd_port"]))
        etcd = {  # by default, its peer port may collide with another Milvus
            "listen-peer-urls": peers, "initial-advertise-peer-urls": peers, "initial-cluster": f"default={peers}",
            "listen-client-urls": clients, "advertise-client-urls": clients,
        }  # fmt: skip
        (self.folder / "etcd.yaml").write_text("".join(f"{name}: {url}\n" for name, url in etcd.items()))

    def _is_ready(self) -> bool:
        if self.processes[-1].poll() is not None:
            raise RuntimeError(f"Milvus has ended: {(self.folder / 'log').read_text(errors='replace')[-4000:]}")
        try:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"http://127.0.0.1:{self._health}/healthz", timeout=5) as answer:
                return b"OK" in answer.read()
        except urllib.error.HTTPError as refused:
            refused.close()
            return False
        except OSError:
            return False


def _unpacked() -> Path:
    """Returns the folder with the server's programs, unpacked from the wheel once, because that takes half a minute."""
    import milvus

    folder = Path(tempfile.gettempdir()) / f"vicinal-milvus-{milvus.__version__}-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    assert folder.stat().st_uid == os.getuid(), f"{folder} is somebody else's"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        milvus._initialize_data_files(str(folder))
    return folder / "bin"


# -- shared by all workers


def shared_milvus() -> str:
    """Returns the address of a database for this worker, on the one server of all workers of this run.

    The first worker starts it and the last one stops it; a file counts them.
    """
    if not _address:
        run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
        file = Path(tempfile.gettempdir()) / f"vicinal-milvus-run-{run}"
        with _shared(file) as state:
            if not state:
                server = MilvusServer()
                server.start()
                _started.append(server)
                pid = server.processes[-1].pid
                state |= {"url": server.url, "pid": pid, "folder": str(server.folder), "workers": 0}
            state["workers"] += 1
        atexit.register(_leave, file)
        name = os.environ.get("PYTEST_XDIST_WORKER", "main")
        from pymilvus import MilvusClient

        client = MilvusClient(state["url"].replace("milvus", "http", 1))
        client.create_database(name)
        client.close()
        _address.append(f"{state['url']}/{name}")
    return _address[0]


def _leave(file: Path) -> None:
    with _shared(file) as state:
        state["workers"] -= 1
        if not state["workers"]:
            os.kill(state["pid"], signal.SIGKILL)
            for server in _started:
                server.stop()
            shutil.rmtree(state["folder"], ignore_errors=True)
            file.unlink()


_address: list[str] = []
_started: list[MilvusServer] = []


@contextmanager
def _shared(file: Path) -> Iterator[dict[str, Any]]:
    """Yields the content of the file, locked against other workers, and saves the changes."""
    with file.open("a+") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        opened.seek(0)
        state: dict[str, Any] = json.loads(opened.read() or "{}")
        yield state
        opened.truncate(0)
        opened.write(json.dumps(state))


@cache
def shared_lite() -> str:
    """Returns the address of one Milvus Lite for the tests of this process."""
    folder = tempfile.mkdtemp(prefix="vicinal-milvus-lite-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return f"milvus+local://{folder}"
