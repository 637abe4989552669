"""Our server for tests: a real process, on a folder in memory if possible."""

from __future__ import annotations

import atexit
import os
import struct
import sys
import urllib.error
import urllib.request
from pathlib import Path

from support.servers import Server, free_port, wait_until

_SITE = Path(__file__).parent / "server_site"
# Settings that tests need and that a server would not allow by default.
_GENEROUS = {
    "k_max": str(2**31),
    "hits_max": str(2**31),
    "rows_max": str(2**31),
    "allow_regex": "true",
    "filter_values_max": "1000000",
    "filter_conditions_max": "100000",
}


class VicinalServer(Server):
    """One server. It uses the machine's clock until a test sets another time.

    Args:
        workers: the number of processes that serve requests.
        settings: of `vicinal serve --set`.
    """

    def __init__(self, *, workers: int = 1, **settings: str) -> None:
        super().__init__()
        self.workers = workers
        self.settings = settings
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data = self.folder / "data"
        self.clock = self.folder / "clock"

    def start(self) -> None:
        self.set_clock(0)
        paths = [str(_SITE), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "VICINAL_TEST_CLOCK": str(self.clock)}
        options = [part for name, value in self.settings.items() for part in ("--set", f"{name}={value}")]
        self.spawn(
            sys.executable, "-m", "vicinal", "serve", self.data, "--port", str(self.port),
            "--workers", str(self.workers), *options, env=environment,
        )  # fmt: skip
        wait_until(self._is_ready, "vicinal serve")

    def stop(self) -> None:
        """Stops it like an administrator; kills it if that takes too long."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except Exception:
                process.kill()
                process.wait()
        self.processes.clear()

    def set_clock(self, nanoseconds: int) -> None:
        """Sets its clock; 0 for that of the machine."""
        self.clock.write_bytes(struct.pack("<q", nanoseconds))

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def _is_ready(self) -> bool:
        if self.processes[0].poll() is not None:
            raise RuntimeError(f"vicinal serve has ended: {self.log()}")
        try:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"{self.url}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as refused:  # not ready yet; it holds the connection
            refused.close()
            return False
        except OSError:
            return False


_shared: list[VicinalServer] = []


def shared_server() -> VicinalServer:
    """Returns the server of this session, started on first use."""
    if not _shared:
        server = VicinalServer(**_GENEROUS)
        server.__enter__()
        _shared.append(server)
        atexit.register(server.__exit__, None, None, None)
    return _shared[0]
