"""A server starts, loses workers, handles slow clients, and stops."""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import vicinal
from support.http_server import HttpServer
from support.servers import wait_until
from vicinal.deadline import Deadline
from vicinal.errors import DeadlineExceeded
from vicinal.server.batching import _OfPass

DOCS = "/v1/collections/docs"


def test_a_killed_worker_is_replaced_and_loses_nothing(tmp_path: Path) -> None:
    with HttpServer(tmp_path / "data", workers=1) as server, server.client() as http:
        http.put(DOCS, json={"dimension": 2}).raise_for_status()
        http.post(f"{DOCS}/add", json={"ids": ["a"], "vectors": [[1, 0]]}).raise_for_status()
        [worker] = [line["worker"] for line in server.events("worker started")]
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: len(server.events("worker started")) == 2, "another worker")
        with server.client() as again:
            assert again.post(f"{DOCS}/get", json={}).json()["records"][0]["id"] == "a"


def test_a_stop_finishes_what_is_being_answered(tmp_path: Path) -> None:
    with HttpServer(tmp_path / "data", workers=1) as server:
        with server.client() as http:
            http.put(DOCS, json={"encoder": "hashing:64"}).raise_for_status()
        texts = [f"text {i} about something" for i in range(8000)]
        answers: list[httpx.Response] = []

        def write() -> None:
            with server.client() as client:
                answers.append(client.post(f"{DOCS}/add", json={"texts": texts}))

        thread = threading.Thread(target=write)
        thread.start()
        wait_until(lambda: _is_connected(server), "the request")
        assert server.stop() == 0
        thread.join()
        assert [answer.status_code for answer in answers] == [200]
    with vicinal.connect(tmp_path / "data") as db:
        assert db.collection("docs").count() == len(texts)


def _is_connected(server: HttpServer) -> bool:
    """Returns whether the server has any open connection."""
    port, established = int(server.url.rpartition(":")[2]), "01"
    table = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == established for line in table)


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    with HttpServer(tmp_path / "data", workers=2) as server:
        wait_until(lambda: len(server.events("worker started")) == 2, "the workers")
        workers = [line["worker"] for line in server.events("worker started")]
        server.process.kill()
        server.process.wait()
        wait_until(lambda: not any(_is_running(worker) for worker in workers), "the end of the workers")


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until_closed(server: HttpServer, first: bytes) -> bytes:
    """Returns the response to a connection that sends only this, until the server closes it."""
    port = int(server.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(first)
        received = b""
        while part := connection.recv(65536):
            received += part
        return received


def test_a_slow_client_is_let_go(tmp_path: Path) -> None:
    with HttpServer(tmp_path / "data", header_seconds=0.5, body_seconds=0.5, idle_seconds=0.5) as server:
        assert until_closed(server, b"") == b""  # says nothing
        assert until_closed(server, b"POST /v1/collections HTTP/1.1\r\nHost: localhost\r\nX-A") == b""
        head = b"POST /v1/collections/x/count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
        assert until_closed(server, head).startswith(b"HTTP/1.1 408")
        idle = until_closed(server, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.startswith(b"HTTP/1.1 200")
        with server.client() as http:
            assert http.get("/healthz").status_code == 200


HOST = b" HTTP/1.1\r\nHost: localhost\r\n"
HEADS = {
    "headers": (b"GET /healthz" + HOST + b"x: y\r\n" * 20_000 + b"\r\n", 431),
    "just too many headers": (b"GET /healthz" + HOST + b"x: y\r\n" * 100 + b"\r\n", 431),
    "a header": (b"GET /healthz" + HOST + b"x: " + b"y" * (70 << 10) + b"\r\n\r\n", 431),
    "a header without end": (b"GET /healthz" + HOST + b"x: " + b"y" * (8 << 20), 431),
    "a name of a header without end": (b"GET /healthz" + HOST + b"y" * (8 << 20), 431),
    "headers together": (b"GET /healthz" + HOST + (b"x: " + b"y" * 4000 + b"\r\n") * 17 + b"\r\n", 431),
    "URL": (b"GET /healthz?" + b"y" * (40 << 10) + HOST + b"\r\n", 414),
    "URL without end": (b"GET /healthz?" + b"y" * (8 << 20), 414),
    "what fits": (b"GET /healthz?" + b"y" * (30 << 10) + HOST + (b"x: " + b"y" * 300 + b"\r\n") * 99 + b"\r\n", 200),
}


def test_a_head_has_an_end(tmp_path: Path) -> None:
    with HttpServer(tmp_path / "data", idle_seconds=0.5) as server:
        for name, (head, status) in HEADS.items():
            answer = until_closed(server, head)
            assert answer.startswith(b"HTTP/1.1 %d " % status), name
            assert (b"LimitExceeded" in answer) == (status != 200), name


def test_headers_after_a_body_have_an_end(tmp_path: Path) -> None:
    head = f"POST {DOCS}/count".encode() + HOST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
    with HttpServer(tmp_path / "data", idle_seconds=0.5) as server:
        answers = [until_closed(server, head + more) for more in (b"x: y\r\n\r\n", b"x: " + b"y" * (1 << 20))]
        assert answers[0].startswith(b"HTTP/1.1 404")  # no such collection
        assert answers[1].startswith(b"HTTP/1.1 431")


def test_a_client_that_takes_no_answer_is_let_go(tmp_path: Path) -> None:
    with HttpServer(tmp_path / "data", send_seconds=0.5) as server, server.client() as http:
        http.put(DOCS, json={"dimension": 2})
        rows = {"ids": list(range(2000)), "vectors": [[1, 0]] * 2000, "texts": ["x" * 2000] * 2000}
        http.post(f"{DOCS}/add", json=rows).raise_for_status()
        port = int(server.url.rpartition(":")[2])
        asked = f"POST {DOCS}/scroll HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{{}}".encode()
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(asked * 8)  # 32 MB of answers, and nothing is read
            wait_until(lambda: _is_reset(connection), "the end of the connection")
        assert http.get("/healthz").status_code == 200


def test_a_call_ends_when_its_client_leaves(tmp_path: Path) -> None:
    """It would occupy the only thread for long, but requests that wait behind it are answered."""
    count, dimension = 50_000, 64
    vectors = np.random.default_rng(3).normal(size=(count, dimension)).astype("<f4")
    coded = {"$float32": base64.b64encode(vectors.tobytes()).decode(), "dimension": dimension}
    with HttpServer(tmp_path / "data", threads=1, log_requests=1, timeout=600) as server, server.client() as http:
        http.put(DOCS, json={"dimension": dimension}).raise_for_status()
        http.post(f"{DOCS}/add", json={"ids": list(range(count)), "vectors": coded}).raise_for_status()
        for _ in range(2):  # one runs, the others wait
            with server.client() as leaving, contextlib.suppress(httpx.ReadTimeout):
                leaving.post(f"{DOCS}/duplicates", json={"threshold": 0.99}, timeout=0.3)
        body = b'{"threshold": 0.99}'
        asked = f"POST {DOCS}/duplicates".encode() + HOST + b"Content-Length: %d\r\n\r\n" % len(body) + body
        port = int(server.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=0.3) as pipelining:
            pipelining.sendall(asked + (b"GET /healthz" + HOST + b"\r\n") * 3)
            with contextlib.suppress(TimeoutError):
                pipelining.recv(1)
        assert http.post(f"{DOCS}/count", json={}).json() == {"count": count}
        found = [line["status"] for line in _answers(server) if line["route"] == "collection.duplicates"]
        assert found == [499] * 3


def _answers(server: HttpServer) -> list[dict[str, object]]:
    """Returns the log entries of completed requests."""
    return [*server.events("request"), *server.events("slow")]


def test_a_pass_ends_when_all_its_searches_have_been_left() -> None:
    searches = [Deadline(600), Deadline(700)]
    time = _OfPass(searches)
    assert 600 < time.left() <= 700
    searches[1].cancel()
    time.check()
    searches[0].cancel()
    assert time.left() == 0
    with pytest.raises(DeadlineExceeded):
        time.check()


def test_a_folder_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "data"
    with HttpServer(path) as server, server.client() as http:
        http.put(DOCS, json={"dimension": 2}).raise_for_status()
        path.rename(tmp_path / "elsewhere")
        for make in (lambda: None, path.mkdir):  # nothing in its place, then another folder
            make()
            assert http.get("/readyz").status_code == 503
            made = http.put("/v1/collections/n", json={"dimension": 2})
            assert (made.status_code, made.json()["error"]["type"]) == (503, "StoreError")
            with server.client() as again:
                assert again.post(f"{DOCS}/count", json={}).status_code == 503
        assert list(path.iterdir()) == []
        path.rmdir()
        (tmp_path / "elsewhere").rename(path)
        with server.client() as again:
            assert again.get("/readyz").status_code == 200
            assert again.post(f"{DOCS}/count", json={}).json() == {"count": 0}


def _is_reset(connection: socket.socket) -> bool:
    """Returns whether the other side has reset the connection; reads nothing from it."""
    try:
        connection.send(b" ")
    except OSError:
        return True
    return False


def test_limits_of_a_body(tmp_path: Path) -> None:
    with HttpServer(tmp_path / "data", body_mib_max=1, rows_max=10) as server, server.client() as http:
        http.put(DOCS, json={"dimension": 2})
        with contextlib.suppress(httpx.WriteError, httpx.ReadError):  # it may close before all of it was sent
            assert http.post(f"{DOCS}/count", content=b" " * (2 << 20)).status_code == 413

        def chunks() -> Iterator[bytes]:
            for _ in range(64):
                yield b" " * (1 << 16)

        with server.client() as other, contextlib.suppress(httpx.WriteError, httpx.ReadError):
            assert other.post(f"{DOCS}/count", content=chunks()).status_code == 413
        many = http.post(f"{DOCS}/add", json={"ids": list(range(11)), "vectors": [[1, 0]] * 11})
        assert many.json()["error"]["type"] == "LimitExceeded"
        http.post(f"{DOCS}/add", json={"ids": list(range(10)), "vectors": [[1, 0]] * 10}).raise_for_status()
        http.post(f"{DOCS}/add", json={"ids": [10], "vectors": [[1, 0]]}).raise_for_status()
        assert http.post(f"{DOCS}/get", json={}).status_code == 413
        assert len(http.post(f"{DOCS}/get", json={"limit": 10}).json()["records"]) == 10
        assert http.post(f"{DOCS}/search_range", json={"query": [1, 0], "min_score": 0}).status_code == 413


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["--host", "0.0.0.0"], {}, "without keys anybody"),
        (["--set", "colour=red"], {}, "no setting 'colour'"),
        (["--set", "timeout=soon"], {}, "must be a number"),
        (["--set", "tls_key=x.pem"], {}, "tls_certificate"),
        (["--workers", "0"], {}, "workers must be"),
        ([], {"VICINAL_SERVER_API_KEY": "x"}, "vicinal keys create"),
        ([], {"VICINAL_SERVER_WORKER": "2"}, "workers"),
        (["--config", "no-such.toml"], {}, "cannot be read"),
    ],
)
def test_a_wrong_setting_stops_the_start(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], said: str
) -> None:
    command = [sys.executable, "-m", "vicinal", "serve", str(tmp_path / "data"), "--port", "0", *arguments]
    env = {**os.environ, **environment}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "data").exists()


def test_what_a_killed_worker_counted_stays(tmp_path: Path) -> None:
    with HttpServer(tmp_path / "data", workers=1) as server:
        with server.client() as http:
            for _ in range(7):
                assert http.get("/v1/collections").status_code == 200
        [worker] = [line["worker"] for line in server.events("worker started")]
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: len(server.events("worker started")) == 2, "another worker")
        with server.client() as http:
            lines = http.get("/metrics").text.splitlines()
        wanted = 'vicinal_requests_total{collection="",route="database.collections",status="200"} 7.0'
        assert wanted in lines
        alive = [line for line in lines if line.startswith("vicinal_worker_memory_bytes")]
        assert not any(f'pid="{worker}"' in line for line in alive)


def test_slow_requests_are_logged_with_what_they_asked_and_without_texts(tmp_path: Path) -> None:
    with HttpServer(tmp_path / "data", slow_seconds=1e-9) as server, server.client() as http:
        http.put(DOCS, json={"encoder": "hashing:8"})
        body = {"query": "a private text", "k": 7, "where": {"n": {"$gte": 1}}, "mode": "hybrid"}
        http.post(f"{DOCS}/search", json=body).raise_for_status()
        wait_until(lambda: any(line["route"] == "collection.search" for line in server.events("slow")), "the log")
        [line] = [line for line in server.events("slow") if line["route"] == "collection.search"]
        assert line["asked"]["k"] == 7
        assert "$gte" in line["asked"]["where"]
        assert line["collection"] == "docs"
        assert "private" not in server.log()


def test_a_server_with_a_certificate_speaks_https(tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path)
    with HttpServer(tmp_path / "data", tls_certificate=certificate, tls_key=key) as server:
        assert server.url.startswith("https://127.0.0.1:")
        context = ssl.create_default_context(cafile=str(certificate))
        with server.client(verify=context) as http:
            assert http.put(DOCS, json={"dimension": 2}).json()["dimension"] == 2


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Returns a self-signed certificate for this machine's address, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vicinal test")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)
    return folder / "certificate.pem", folder / "key.pem"
