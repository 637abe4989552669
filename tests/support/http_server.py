"""Our server in separate processes, on a free port."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import httpx

_SECONDS_MAX = 60.0
_URL = re.compile(r"https?://\S+")


class HttpServer:
    """`vicinal serve` as a context manager.

    Args:
        path: the database's folder.
        settings: see `vicinal.server.ServerSettings`.

    Attributes:
        url: its address.
        process: the parent of the workers.
    """

    def __init__(
        self, path: Path | str, *, workers: int = 1, environment: dict[str, str] | None = None, **settings: Any
    ):
        self.path = Path(path)
        words = [f"--set={name}={value}" for name, value in settings.items()]
        self._command = [
            sys.executable, "-m", "vicinal", "serve", str(path), "--port=0", f"--workers={workers}", *words,
        ]  # fmt: skip
        self._environment = environment or {}
        self._log = tempfile.NamedTemporaryFile("w+", prefix="vicinal-server-", suffix=".log")  # noqa: SIM115
        self.url = ""

    def __enter__(self) -> HttpServer:
        env = {**os.environ, **self._environment}
        self.process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._log, text=True, env=env
        )
        killer = threading.Timer(_SECONDS_MAX, self.process.kill)  # so that reading its output ends
        killer.start()
        try:
            assert self.process.stdout is not None
            found = _URL.search(self.process.stdout.readline())
        finally:
            killer.cancel()
        if found is None:
            self.process.wait(_SECONDS_MAX)
            raise RuntimeError(f"the server did not start: {self.log()}")
        self.url = found[0]
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._log.close()

    def stop(self) -> int:
        """Stops it like a service manager; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        return self.process.returncode

    def log(self) -> str:
        """Returns its output so far."""
        return Path(self._log.name).read_text(encoding="utf-8")

    def events(self, event: str) -> list[dict[str, Any]]:
        """Returns the lines of its log about one kind of event."""
        lines = []
        for line in self.log().splitlines():
            with contextlib.suppress(ValueError):
                lines.append(json.loads(line))
        return [line for line in lines if line.get("event") == event]

    def client(self, key: str | None = None, **options: Any) -> httpx.Client:
        """Returns a plain HTTP client."""
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=_SECONDS_MAX, **options)
