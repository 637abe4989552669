"""The client of a server: what it retries, its error if no server responds, and what two workers see."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("httpx", reason="httpx is not installed")

import vicinal
from support.http_server import HttpServer
from support.served import VicinalServer, shared_server
from support.servers import free_port, wait_until
from vicinal import aio, connect
from vicinal.errors import (
    CollectionDropped,
    DimensionMismatch,
    InvalidArgument,
    KeyRefused,
    LimitExceeded,
    NotAllowed,
    ServerBusy,
    ServerFailed,
    Unreachable,
    Unsupported,
)

Said = tuple[int, dict[str, str], str]
OURS = {"vicinal-api": "1", "vicinal-version": "0.1.0"}
NAMES = (200, OURS, '{"collections": ["docs"]}')
BUSY = (429, {**OURS, "retry-after": "0"}, '{"error": {"type": "ServerBusy", "message": "is busy"}}')


@contextmanager
def saying(answers: Iterator[Said | None]) -> Iterator[tuple[str, list[str]]]:
    """A server with scripted responses, None to disconnect; yields its URL, and the verb and path of each request."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            asked.append(f"{self.command} {self.path.partition('?')[0]}")
            said = next(answers)
            if said is None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            status, headers, body = said
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body.encode()))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def closing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Closes the connections of a test."""
    made, connect = [], vicinal.connect

    def remembered(*args: Any, **kwargs: Any) -> vicinal.Database:
        made.append(connect(*args, **kwargs))
        return made[-1]

    monkeypatch.setattr(vicinal, "connect", remembered)
    yield
    for db in made:
        db.close()


def opened(name: str = "docs") -> Said:
    body = {
        "name": name,
        "uuid": "00000000-0000-0000-0000-000000000001",
        "dimension": 1,
        "metric": "l2",
        "encoder": None,
    }
    return 200, OURS, json.dumps(body)


def test_nobody_there() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    db = vicinal.connect(url, retries=1, timeout=0.5)
    with pytest.raises(Unreachable, match="cannot be reached") as caught:
        db.collections()
    assert caught.value.place == url
    assert caught.value.committed is False
    assert "Check that it runs" in caught.value.remedy


def test_without_retries_nobody_waits_for_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_: float) -> None:
        raise AssertionError("waits")

    monkeypatch.setattr("vicinal.remote.transport.time.sleep", never)
    with pytest.raises(Unreachable, match="cannot be reached"):
        vicinal.connect(f"http://127.0.0.1:{free_port()}", retries=0).collections()


def test_a_call_waits_while_a_dead_worker_is_replaced(tmp_path: Path) -> None:
    async def names(url: str) -> list[str]:
        async with aio.connect(url) as db:
            return await db.collections()

    with HttpServer(tmp_path / "data", workers=1) as server, vicinal.connect(server.url) as db:
        db.collection("docs", dimension=1)
        for ask in (db.collections, lambda: asyncio.run(names(server.url))):
            os.kill(server.events("worker started")[-1]["worker"], signal.SIGKILL)
            wait_until(lambda: _refuses(server.url), "a port where nobody listens")
            assert ask() == ["docs"]


def _refuses(url: str) -> bool:
    host, _, port = url.removeprefix("http://").rpartition(":")
    try:
        socket.create_connection((host, int(port))).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_late_server_is_not_asked_twice() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        db = vicinal.connect(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2)
        with pytest.raises(Unreachable, match=r"did not answer within 0.2 seconds"):
            db.collections()
        silent.accept()[0].close()
        silent.settimeout(0.3)
        with pytest.raises(TimeoutError):
            silent.accept()


def test_what_may_run_twice_is_sent_again_when_the_connection_breaks() -> None:
    with saying(iter([None, None, NAMES])) as (url, asked):
        assert vicinal.connect(url).collections() == ["docs"]
        assert len(asked) == 3


def test_a_write_of_which_nobody_knows_is_not_sent_again() -> None:
    with saying(iter([opened(), None])) as (url, asked):
        docs = vicinal.connect(url).collection("docs")
        with pytest.raises(Unreachable, match="closed the connection") as caught:
            docs.add(["a"], vectors=[[1.0]])
        assert caught.value.committed is None
        assert "check before" in caught.value.remedy
        assert len(asked) == 2


def test_an_upsert_by_ids_may_be_sent_again() -> None:
    with saying(iter([opened(), None, (200, OURS, '{"ids": ["a"]}')])) as (url, asked):
        docs = vicinal.connect(url).collection("docs")
        assert docs.upsert(["a"], vectors=[[1.0]]) == ["a"]
        assert len(asked) == 3


def test_what_was_not_begun_is_sent_again_whatever_it_is() -> None:
    with saying(iter([opened(), BUSY, BUSY, (200, OURS, '{"ids": ["a"]}'), BUSY, BUSY, BUSY])) as (url, asked):
        docs = vicinal.connect(url).collection("docs")
        assert docs.add(["a"], vectors=[[1.0]]) == ["a"]
        assert len(asked) == 4
        with pytest.raises(ServerBusy, match="is busy"):
            docs.count()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ((200, {}, "<html>hello</html>"), "is not a Vicinal server"),
        ((502, {}, "bad gateway"), "status 502 is not a Vicinal server"),
        ((200, OURS, "not JSON"), "is not a Vicinal server"),
        ((200, OURS, '{"names": []}'), "is not a Vicinal server"),
        ((500, OURS, "not JSON"), "is not a Vicinal server"),
        ((302, {"location": "http://elsewhere"}, ""), "is not a Vicinal server"),
        (
            (200, {"vicinal-api": "2", "vicinal-version": "9.0"}, "{}"),
            "Vicinal 9.0 and speaks version 2 .* Upgrade the client",
        ),
        ((200, {"vicinal-api": "0"}, "{}"), "Upgrade the server"),
    ],
)
def test_what_is_no_server_of_ours_is_told(said: Said, message: str) -> None:
    with saying(iter([said])) as (url, _), pytest.raises(Unreachable, match=message):
        vicinal.connect(url).collections()


def test_an_error_of_a_kind_that_is_not_known_here_is_the_nearest() -> None:
    body = '{"error": {"type": "TooWarm", "bases": ["ServerFailed"], "message": "is too warm", "remedy": "Cool it."}}'
    with saying(iter([(500, OURS, body)])) as (url, _), pytest.raises(ServerFailed, match=r"is too warm\. Cool it"):
        vicinal.connect(url).collections()


def test_a_stream_that_is_cut_off_is_no_end() -> None:
    lines = '{"records": [{"id": 1, "text": "a\u2028b", "metadata": {}}]}\n'
    with saying(iter([opened(), (200, OURS, lines)])) as (url, _):
        rows = vicinal.connect(url).collection("docs").scroll()
        assert next(rows).text == "a\u2028b"  # which other libraries take for a line's end
        with pytest.raises(Unreachable, match="stopped in the middle"):
            next(rows)


@pytest.mark.parametrize(
    "make",
    [
        lambda: vicinal.connect("http://"),
        lambda: vicinal.connect("http://me:key@host"),
        lambda: vicinal.connect("http://host?x=1"),
        lambda: vicinal.connect("http://host:99999"),
        lambda: vicinal.connect("http://host", timeout=0),
        lambda: vicinal.connect("http://host", retries=-1),
        lambda: vicinal.connect("http://host", api_key="a b"),
        lambda: vicinal.connect("http://host", exclusive=True),
        lambda: vicinal.connect("http://host", encoder_cache="disk"),
        lambda: vicinal.connect(":memory:", api_key="k"),
        lambda: vicinal.connect("./data", timeout=3),
        lambda: vicinal.connect("http://host", token="k"),
        lambda: vicinal.connect("qdrant://host", token="k"),
        lambda: vicinal.connect("milvus://host", token="k", api_key="k"),
        lambda: vicinal.aio.connect("./data", token="k"),
    ],
)
def test_what_cannot_be_meant_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(InvalidArgument) as caught:
        make()
    assert "key@" not in str(caught.value)


@pytest.fixture(scope="module")
def two() -> Iterator[VicinalServer]:
    with VicinalServer(workers=2) as server:
        yield server


def test_a_write_through_one_worker_is_there_for_the_other_when_the_response_arrives(two: VicinalServer) -> None:
    """Workers share the connections: twenty clients, and each immediately sees what the others wrote."""
    clients = [vicinal.connect(two.url) for _ in range(20)]
    handles = [client.collection("docs") for client in clients]
    for i, writer in enumerate(handles):
        writer.upsert([i], vectors=[[1.0, float(i)]], texts=[f"word{i}"])
        for reader in handles:
            assert reader.count() == i + 1
            assert reader.search([1.0, float(i)], k=1).ids == [i]
            assert reader.search(f"word{i}", mode="keyword").ids == [i]
    handles[0].delete([3])
    assert all(3 not in reader for reader in handles)
    clients[0].drop("docs")
    for reader in handles[1:]:
        with pytest.raises(CollectionDropped):
            reader.count()
    clients[5].collection("docs")
    with pytest.raises(CollectionDropped):  # it is another one of the name
        handles[1].count()
    for client in clients:
        client.close()


def test_both_workers_answered(two: VicinalServer) -> None:
    """Otherwise the previous test proves nothing."""
    pids = {int(part) for part in _children(two.processes[0].pid)}
    assert len(pids) >= 2


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_rows_of_a_stream_are_counted_from_its_beginning() -> None:
    docs = vicinal.connect(shared_server().url).collection("stream")

    def rows() -> Iterator[dict[str, Any]]:
        for i in range(8192 + 3):
            yield {"id": i, "vector": [1.0, 2.0]}
        yield {"id": "bad", "vector": [1.0]}

    with pytest.raises(DimensionMismatch, match=r"row 8195 \(id 'bad'\)"):
        docs.add(rows=rows())
    assert docs.count() == 8192
    with pytest.raises(Exception, match=r"row 8192"):  # which the server says, of the first row of a request
        docs.add(rows=({"id": i + 8192 if i < 8192 else 0, "vector": [1.0, 2.0]} for i in range(8193)))


def test_a_stream_of_large_rows_is_cut_to_what_a_server_takes() -> None:
    docs = vicinal.connect(shared_server().url).collection("large")
    vectors = np.ones(4096, dtype=np.float32)
    ids = docs.add(rows=({"id": i, "vector": vectors, "metadata": {"n": i}} for i in range(6000)))
    assert ids == list(range(6000))
    assert docs.count() == 6000
    with pytest.raises(LimitExceeded):  # a list is stored as a whole or not at all
        docs.upsert(list(range(6000)), vectors=np.ones((6000, 4096), dtype=np.float32))


def test_a_collection_of_a_server_takes_no_encoder_of_the_program() -> None:
    class Mine:
        dim = 2

        def encode(self, texts: list[str]) -> np.ndarray:
            return np.ones((len(texts), 2))

    with pytest.raises(Unsupported, match="cannot be used by a server") as caught:
        vicinal.connect(shared_server().url).collection("mine", encoder=Mine())
    assert "pass vectors" in caught.value.remedy


def test_what_a_server_decides_is_not_taken_in_silence() -> None:
    db = vicinal.connect(shared_server().url)
    db.collection("timed")
    with pytest.raises(Unsupported, match="it decides itself"):
        db.drop("timed", timeout=5)
    db.drop("timed")
    assert "timed" not in db


def test_the_connections_of_a_forgotten_client_are_closed() -> None:
    db = connect(shared_server().url)  # not through vicinal.connect, which is kept here until the test is over
    docs = db.collection("forgotten")
    docs.add(list(range(40_000)), vectors=np.ones((40_000, 8), dtype=np.float32))
    client = db._transport._client
    assert client is not None
    rows = docs.scroll()
    assert next(rows).id == 0
    del db, docs
    gc.collect()
    assert not client.is_closed, "a stream is read from it"
    left = sum(1 for _ in rows)
    assert left == 39_999
    del rows
    gc.collect()
    assert client.is_closed


def test_a_forked_child_has_connections_of_its_own() -> None:
    docs = vicinal.connect(shared_server().url).collection("forked")
    docs.add([1], vectors=[[1.0]])
    child = os.fork()
    if child == 0:
        os._exit(0 if docs.add([2], vectors=[[1.0]]) == [2] and docs.count() == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert docs.count() == 2


def test_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vicinal.server.keys import KeyFile

    server = VicinalServer()
    server.data.mkdir()
    _, secret = KeyFile(str(server.data)).create("reader", "read")
    with server:
        with pytest.raises(KeyRefused) as refused:
            vicinal.connect(server.url).collections()
        assert "api_key=" in refused.value.remedy
        with pytest.raises(KeyRefused):
            vicinal.connect(server.url, api_key="vcl-nobody").collections()
        monkeypatch.setenv("VICINAL_API_KEY", secret)
        db = vicinal.connect(server.url)
        assert db.collections() == []
        assert secret not in repr(db)
        with pytest.raises(NotAllowed):
            db.collection("docs")
