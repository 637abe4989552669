"""A local server with OpenAI's API that returns scripted responses."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Any]  # status, and JSON or text


def says(text: Any) -> Answer:
    """Returns a chat completion."""
    return 200, {"choices": [{"message": {"role": "assistant", "content": text}}]}


def vector(numbers: Any) -> Answer:
    return 200, {"data": [{"embedding": numbers}]}


@dataclass
class ChatServer:
    """Records requests, and returns scripted responses.

    Attributes:
        url: up to and including "/v1".
        answer: returns the response for the path and the JSON of a request.
        requests: path, JSON and headers of each.
    """

    url: str
    answer: Callable[[str, Any], Answer]
    requests: list[tuple[str, Any, dict[str, str]]] = field(default_factory=list)


@contextmanager
def serving(answer: Callable[[str, Any], Answer]) -> Iterator[ChatServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            state.requests.append((self.path, asked, dict(self.headers)))
            status, said = state.answer(self.path, asked)
            body = (said if isinstance(said, str) else json.dumps(said)).encode()
            self.send_response(status)
            self.send_header("retry-after", "0")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionError:  # the client timed out
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = ChatServer(f"http://127.0.0.1:{server.server_address[1]}/v1", answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
