"""A server on a real socket that responds as specified, and records the requests."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

DEFAULT = (200, {"code": "Success", "message": "ok", "request_id": "r-1", "result": {}})


@dataclass
class Sent:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Peer:
    """The next responses, status and body; a body of bytes is sent unchanged, None closes the connection."""

    host: str
    answers: list[tuple[int, object]] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    peer: Peer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        ping = self.path == "/api/vikingdb/Ping"
        if not ping:
            self.peer.sent.append(Sent(self.command, self.path, dict(self.headers), body))
        status, answer = self.peer.answers.pop(0) if self.peer.answers and not ping else DEFAULT
        if answer is None:
            self.close_connection = True
            return
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def server() -> Iterator[Peer]:
    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Handler.peer = Peer(f"127.0.0.1:{http.server_port}")
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield Handler.peer
    http.shutdown()
    http.server_close()
    thread.join()


@pytest.fixture
def peer(server: Peer) -> Peer:
    server.answers.clear()
    server.sent.clear()
    return server
