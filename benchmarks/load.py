"""A load generator: one process, many keep-alive connections, requests prepared before the measurement starts.

It does as little as possible, because it shares the machine with the server that it measures: raw HTTP/1.1 over
asyncio, with uvloop if installed. Each connection sends its next request when it has received a response.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

_HEAD_END = b"\r\n\r\n"


@dataclass
class Load:
    """The results of a load test.

    Attributes:
        answered: requests with a response, by name of the request and status.
        seconds: of each request with status 200, by name.
        broken: requests without a response because the connection ended.
        elapsed: total duration.
    """

    answered: dict[tuple[str, int], int] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    broken: int = 0
    elapsed: float = 0.0

    def rate(self, name: str) -> float:
        """Returns the successful requests per second."""
        return len(self.seconds.get(name, ())) / self.elapsed

    def percentile(self, name: str, share: float) -> float:
        """Returns the seconds within which this share of the successful requests was answered."""
        ordered = sorted(self.seconds.get(name, (0.0,)))
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass(frozen=True)
class Sent:
    """A request, ready to be sent.

    Attributes:
        name: the name under which it is counted.
        then: called with the body of a successful response.
    """

    name: str
    data: bytes
    then: Callable[[bytes], None] | None = None


def request(name: str, host: str, verb: str, path: str, body: Any = None, headers: Iterable[str] = ()) -> Sent:
    """Returns a request with a JSON body."""
    data = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
    head = [f"{verb} {path} HTTP/1.1", f"Host: {host}", *headers, f"Content-Length: {len(data)}"]
    if data:
        head.append("Content-Type: application/json")
    return Sent(name, "\r\n".join(head).encode() + _HEAD_END + data)


def run(host: str, port: int, next_request: Callable[[int], Sent], connections: int, seconds: float) -> Load:
    """Sends requests for `seconds`.

    Args:
        next_request: returns the next request of a connection, given its number.
    """
    load = Load()
    loop = _loop()
    try:
        started = time.perf_counter()
        loop.run_until_complete(_all(host, port, next_request, connections, seconds, load))
        load.elapsed = time.perf_counter() - started
    finally:
        loop.close()
    return load


def taken_from(requests: Sequence[Sent]) -> Callable[[int], Sent]:
    """Returns one of them at random, with the same choices in each run."""
    chooser = random.Random(0)
    return lambda _: chooser.choice(requests)


def _loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


async def _all(
    host: str, port: int, next_request: Callable[[int], Sent], connections: int, seconds: float, load: Load
) -> None:
    ends = time.perf_counter() + seconds
    await asyncio.gather(*(_one(host, port, number, next_request, ends, load) for number in range(connections)))


async def _one(host: str, port: int, number: int, next_request: Callable[[int], Sent], ends: float, load: Load) -> None:
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    while time.perf_counter() < ends:
        sent = next_request(number)
        started = time.perf_counter()
        try:
            if connection is None:
                connection = await asyncio.open_connection(host, port, limit=1 << 24)
            status, body, stays = await _exchange(*connection, sent.data)
        except (OSError, asyncio.IncompleteReadError):
            load.broken += 1
            if connection is not None:
                connection[1].close()
            connection = None
            continue
        key = (sent.name, status)
        load.answered[key] = load.answered.get(key, 0) + 1
        if status == 200:
            load.seconds.setdefault(sent.name, []).append(time.perf_counter() - started)
            if sent.then is not None:
                sent.then(body)
        if not stays:
            connection[1].close()
            connection = None
    if connection is not None:
        connection[1].close()


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> tuple[int, bytes, bool]:
    """Returns status, body, and whether the connection stays open."""
    writer.write(data)
    head = (await reader.readuntil(_HEAD_END)).lower()
    status, stays = int(head[9:12]), b"connection: close" not in head
    at = head.find(b"content-length:")
    if at >= 0:
        length = int(head[at + 15 : head.index(b"\r\n", at)])
        return status, await reader.readexactly(length), stays
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return status, body, stays
