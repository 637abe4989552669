"""Keys: roles, filters and hosts; no request can bypass them."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.http_server import HttpServer
from vicinal.errors import Damaged, InvalidArgument, KeyRefused, NotAllowed, NotFound, VicinalError
from vicinal.server.access import Access
from vicinal.server.headers import Headers
from vicinal.server.keys import FILE_NAME, KeyFile, KeyRing
from vicinal.server.serve import check_start
from vicinal.server.settings import ServerSettings

DOCS = "/v1/collections/docs"


def access(path: Path, **more: Any) -> Access:
    file = KeyFile(path)
    return Access(ServerSettings(path=str(path), **more), keys_required=file.exists())


def headers(*pairs: tuple[str, str], host: str = "localhost:8420") -> Headers:
    return Headers([(b"host", host.encode()), *((name.encode(), value.encode("latin-1")) for name, value in pairs)])


# -- the file


def test_a_key_is_kept_as_a_hash_and_for_its_owner_only(tmp_path: Path) -> None:
    key, secret = KeyFile(tmp_path).create("me", "admin")
    text = (tmp_path / FILE_NAME).read_text()
    assert secret not in text
    assert secret.split("_", 2)[2] not in text
    assert stat.S_IMODE(os.stat(tmp_path / FILE_NAME).st_mode) == 0o600
    [read] = KeyFile(tmp_path).read()
    assert read == key


def test_revoking_is_seen_at_once_and_by_all(tmp_path: Path) -> None:
    file = KeyFile(tmp_path)
    first, secret = file.create("one", "read")
    _, other = file.create("two", "read")
    ring = KeyRing(tmp_path, required=True)
    assert ring.find(secret).id == first.id
    assert file.revoke(first.id).state(first.created_at) == "revoked"
    with pytest.raises(KeyRefused):
        ring.find(secret)
    assert ring.find(other).name == "two"
    with pytest.raises(NotFound):
        file.revoke("nobody")


def test_a_key_ends_after_its_days(tmp_path: Path) -> None:
    _, secret = KeyFile(tmp_path).create("short", "read", days=1e-9)
    with pytest.raises(KeyRefused):
        KeyRing(tmp_path, required=True).find(secret)


@pytest.mark.parametrize(
    "arguments",
    [
        {"role": "owner"},
        {"name": ""},
        {"name": "a\nb"},
        {"where": {}},
        {"where": {"a": {"$no": 1}}},
        {"role": "admin", "where": {"a": 1}},
        {"role": "admin", "collections": ("docs",)},
        {"days": 0},
    ],
)
def test_a_key_that_cannot_be_is_not_made(tmp_path: Path, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        KeyFile(tmp_path).create(**{"name": "x", "role": "read", **arguments})
    assert not KeyFile(tmp_path).exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 2, "keys": []}', '{"format": 1, "keys": [{}]}'])
def test_a_file_that_cannot_be_read_lets_nobody_in(tmp_path: Path, text: str) -> None:
    _, secret = KeyFile(tmp_path).create("me", "admin")
    ring = KeyRing(tmp_path, required=True)
    assert ring.find(secret)
    (tmp_path / FILE_NAME).write_text(text)
    for _ in range(2):
        with pytest.raises(Damaged):
            ring.find(secret)
        with pytest.raises(Damaged):
            ring.is_needed()


def test_what_is_wrong_with_the_keys_is_not_told_to_strangers(tmp_path: Path) -> None:
    KeyFile(tmp_path).create("me", "admin")
    (tmp_path / FILE_NAME).write_text("{")
    with pytest.raises(Damaged) as told:
        access(tmp_path).check(headers())
    assert str(tmp_path) not in str(told.value)
    assert str(tmp_path) not in repr((told.value.place, told.value.value, told.value.remedy))


def test_without_its_file_a_server_that_had_keys_lets_nobody_in(tmp_path: Path) -> None:
    _, secret = KeyFile(tmp_path).create("me", "admin")
    door = access(tmp_path)
    assert door.check(headers(("authorization", f"Bearer {secret}")))
    os.unlink(tmp_path / FILE_NAME)
    for presented in ((), (("authorization", f"Bearer {secret}"),)):
        with pytest.raises(KeyRefused):
            door.check(headers(*presented))


def test_the_first_key_closes_a_server_that_runs(tmp_path: Path) -> None:
    door = access(tmp_path)
    assert door.check(headers()) is None
    _, secret = KeyFile(tmp_path).create("me", "read")
    with pytest.raises(KeyRefused):
        door.check(headers())
    assert door.check(headers(("x-api-key", secret)))


def test_a_database_that_had_keys_is_not_served_without_them(tmp_path: Path) -> None:
    file = KeyFile(tmp_path)
    file.create("me", "admin")
    assert check_start(ServerSettings(path=str(tmp_path)))
    os.unlink(tmp_path / FILE_NAME)
    with pytest.raises(Damaged, match="had keys"):
        check_start(ServerSettings(path=str(tmp_path)))
    file.create("me again", "admin")
    assert check_start(ServerSettings(path=str(tmp_path)))


def test_a_worker_that_is_told_of_no_keys_lets_nobody_in_where_they_were_lost(tmp_path: Path) -> None:
    """Keys were created while the server ran, their file was lost, and a worker was replaced."""
    KeyFile(tmp_path).create("me", "admin")
    os.unlink(tmp_path / FILE_NAME)
    door = access(tmp_path)
    with pytest.raises(KeyRefused):
        door.check(headers())
    with pytest.raises(Damaged):
        door.check_readable()


def test_where_no_key_was_made_nothing_is_marked(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        KeyFile(tmp_path).revoke("nobody")
    assert not check_start(ServerSettings(path=str(tmp_path)))
    access(tmp_path).check_readable()


@pytest.mark.parametrize("name", ["db.example", "10.0.0.1", "localhost.example"])
def test_without_keys_a_server_has_no_other_name(tmp_path: Path, name: str) -> None:
    settings_ = ServerSettings(path=str(tmp_path), allowed_hosts=("localhost", name))
    with pytest.raises(InvalidArgument, match=name):
        check_start(settings_)
    KeyFile(tmp_path).create("me", "admin")
    assert check_start(settings_)


def test_without_keys_names_of_this_machine_are_allowed(tmp_path: Path) -> None:
    assert not check_start(ServerSettings(path=str(tmp_path), allowed_hosts=("LOCALHOST", "127.0.0.1", "[::1]")))


# -- hosts and credentials


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:8420", "LOCALHOST:80"])
def test_without_keys_this_machine_is_let_in(tmp_path: Path, host: str) -> None:
    assert access(tmp_path).check(headers(host=host)) is None


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "localhost:x", "a@localhost", "[::2]"],
)
def test_without_keys_another_name_is_not(tmp_path: Path, host: str) -> None:
    with pytest.raises((NotAllowed, InvalidArgument)):
        access(tmp_path).check(headers(host=host))


@pytest.mark.parametrize(
    "pair",
    [
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("x-forwarded-for", "1.2.3.4"),
        ("forwarded", "for=1.2.3.4"),
        ("host", "localhost"),
    ],
)
def test_without_keys_pages_of_others_and_proxies_are_not_let_in(tmp_path: Path, pair: tuple[str, str]) -> None:
    with pytest.raises((NotAllowed, InvalidArgument)):
        access(tmp_path).check(headers(pair))


def test_a_credential_is_always_looked_at(tmp_path: Path) -> None:
    door = access(tmp_path)
    for pair in (("authorization", "Bearer x"), ("authorization", "Basic x"), ("x-api-key", ""), ("authorization", "")):
        with pytest.raises(KeyRefused):
            door.check(headers(pair))


def test_a_name_that_is_allowed(tmp_path: Path) -> None:
    _, secret = KeyFile(tmp_path).create("me", "read")
    door = access(tmp_path, allowed_hosts=("db.example",))
    assert door.check(headers(("x-api-key", secret), host="db.example:443"))
    with pytest.raises(NotAllowed):
        door.check(headers(("x-api-key", secret), host="other.example"))


_texts = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=80)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["authorization", "x-api-key", "host", "origin", "cookie", "x-forwarded-for"]),
            st.one_of(
                _texts,
                _texts.map("Bearer {}".format),
                st.builds("Bearer vk_{}_{}".format, st.sampled_from(["", "0", "id"]), _texts),
            ),
        ),
        max_size=4,
    ),
    st.one_of(_texts, st.sampled_from(["localhost", "127.0.0.1"])),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_but_a_key_comes_in(tmp_path: Path, pairs: list[tuple[str, str]], host: str) -> None:
    file = KeyFile(tmp_path)
    if not file.exists():
        file.create("me", "admin")
    known = file.read()[0]
    pairs = [(name, value.replace("id", known.id)) for name, value in pairs]
    with pytest.raises(VicinalError):
        access(tmp_path).check(headers(*pairs, host=host))


def test_the_secret_counts_and_not_the_id_alone(tmp_path: Path) -> None:
    key, secret = KeyFile(tmp_path).create("me", "admin")
    door = access(tmp_path)
    assert door.check(headers(("authorization", f"Bearer {secret}"))) == key
    for wrong in (secret[:-1], secret + "a", f"vk_{key.id}_", f"vk_{key.id}_{'a' * 43}", key.hash, key.id):
        with pytest.raises(KeyRefused):
            door.check(headers(("authorization", f"Bearer {wrong}")))


# -- over HTTP


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HttpServer, dict[str, str]]]:
    path = tmp_path_factory.mktemp("keys") / "data"
    file = KeyFile(path)
    made = {
        "admin": file.create("admin", "admin"),
        "write": file.create("write", "write"),
        "read": file.create("read", "read"),
        "tenant": file.create("tenant", "write", where={"tenant": "a"}, collections=("docs",)),
        "docs": file.create("docs", "read", collections=("docs",)),
    }
    keys = {name: secret for name, (_, secret) in made.items()}
    with HttpServer(path, workers=2, backup_folder=path.parent / "copies") as server:
        with server.client(keys["admin"]) as http:
            http.put(DOCS, json={"dimension": 2}).raise_for_status()
            http.put("/v1/collections/other", json={"dimension": 2}).raise_for_status()
            rows = {
                "ids": ["a", "b"],
                "vectors": [[1, 0], [1, 0]],
                "metadata": [{"tenant": "a", "n": 1}, {"tenant": "b", "n": 2}],
                "texts": ["same words", "same words"],
            }
            http.post(f"{DOCS}/add", json=rows).raise_for_status()
        yield server, keys


def test_a_server_that_lost_its_keys_is_not_ready(tmp_path: Path) -> None:
    KeyFile(tmp_path).create("me", "admin")
    with HttpServer(tmp_path) as server, server.client() as http:
        assert http.get("/readyz").status_code == 200
        os.unlink(tmp_path / FILE_NAME)
        assert http.get("/readyz").status_code == 503


def asked(served: tuple[HttpServer, dict[str, str]], key: str | None, verb: str, path: str, **more: Any) -> Any:
    server, keys = served
    with server.client(None if key is None else keys[key]) as http:
        return http.request(verb, path, **more)


PATHS = [
    ("GET", "/v1/collections", None),
    ("PUT", DOCS, {}),
    ("DELETE", DOCS, None),
    ("POST", f"{DOCS}/search", {"query": [1, 0]}),
    ("POST", f"{DOCS}/add", {"ids": ["x"]}),
    ("POST", f"{DOCS}/compact", None),
    ("GET", "/metrics", None),
    ("GET", f"{DOCS}/notes/owner", None),
]


@pytest.mark.parametrize(("verb", "path", "body"), PATHS)
def test_without_a_key_nothing_is_answered(
    served: tuple[HttpServer, dict[str, str]], verb: str, path: str, body: Any
) -> None:
    answer = asked(served, None, verb, path, json=body)
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "KeyRefused"
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json"])
def test_what_needs_no_key(served: tuple[HttpServer, dict[str, str]], path: str) -> None:
    assert asked(served, None, "GET", path).status_code == 200


@pytest.mark.parametrize(
    ("key", "verb", "path", "body", "status"),
    [
        ("read", "POST", f"{DOCS}/search", {"query": [1, 0]}, 200),
        ("read", "POST", f"{DOCS}/upsert", {"ids": ["c"], "vectors": [[1, 0]]}, 403),
        ("read", "PUT", DOCS, {}, 200),
        ("read", "PUT", "/v1/collections/new", {}, 403),
        ("read", "PUT", "/v1/collections/new", {"create": False}, 404),
        ("read", "POST", f"{DOCS}/delete", {"ids": ["a"]}, 403),
        ("write", "DELETE", DOCS, None, 403),
        ("write", "POST", f"{DOCS}/compact", None, 403),
        ("write", "POST", f"{DOCS}/backup", {"path": "x"}, 403),
        ("write", "PUT", "/v1/collections/made", {}, 200),
        ("admin", "POST", f"{DOCS}/backup", {"path": "monday"}, 200),
        ("admin", "POST", f"{DOCS}/backup", {"path": "../monday"}, 400),
        ("admin", "POST", f"{DOCS}/backup", {"path": "/tmp/monday"}, 400),
        ("admin", "PUT", "/v1/collections/x", {"encoder": "onnx:/etc/passwd"}, 403),
        ("docs", "POST", f"{DOCS}/count", {}, 200),
        ("docs", "POST", "/v1/collections/other/count", {}, 403),
        ("docs", "POST", "/v1/collections/none/count", {}, 403),
        ("docs", "GET", "/metrics", None, 403),
        ("tenant", "GET", f"{DOCS}/stats", None, 403),
        ("tenant", "GET", f"{DOCS}/notes/owner", None, 403),
        ("tenant", "PUT", DOCS, {}, 200),
        ("tenant", "PUT", "/v1/collections/other", {}, 403),
        ("read", "GET", "/metrics", None, 200),
    ],
)
def test_what_a_role_may(
    served: tuple[HttpServer, dict[str, str]], key: str, verb: str, path: str, body: Any, status: int
) -> None:
    answer = asked(served, key, verb, path, json=body)
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("search", {"query": [1, 0]}, lambda told: [hit["id"] for hit in told["hits"]] == ["a"]),
        ("search", {"query": "words", "mode": "keyword"}, lambda told: [hit["id"] for hit in told["hits"]] == ["a"]),
        ("search", {"query": [1, 0], "where": {"tenant": "b"}}, lambda told: told["hits"] == []),
        ("search", {"id": "b"}, lambda told: told["error"]["type"] == "IdNotFound"),
        ("search_many", {"queries": [[1, 0]]}, lambda told: [hit["id"] for hit in told["answers"][0]["hits"]] == ["a"]),
        ("search_range", {"query": [1, 0], "min_score": 0}, lambda told: [hit["id"] for hit in told["hits"]] == ["a"]),
        ("recommend", {"positive": ["b"]}, lambda told: told["error"]["type"] == "IdNotFound"),
        ("get", {}, lambda told: [row["id"] for row in told["records"]] == ["a"]),
        ("get", {"ids": ["b"]}, lambda told: told["records"] == []),
        ("count", {}, lambda told: told["count"] == 1),
        ("ids", {}, lambda told: told["ids"] == ["a"]),
        ("facets", {"field": "tenant"}, lambda told: told["facets"] == [["a", 1]]),
        ("distinct", {"field": "n"}, lambda told: told["values"] == [1]),
        ("min_max", {"field": "n"}, lambda told: told["range"] == [1, 1]),
        ("why_not", {"id": "b", "query": [1, 0]}, lambda told: "not_there" in str(told)),
        ("delete", {"ids": ["b"]}, lambda told: told["count"] == 0),
        ("delete", {"where": {"n": {"$gte": 2}}}, lambda told: told["count"] == 0),
        ("update", {"ids": ["b"], "metadata": {"n": 5}}, lambda told: told["error"]["type"] == "IdNotFound"),
        ("upsert", {"ids": ["b"], "metadata": [{"tenant": "a"}]}, lambda told: told["error"]["type"] == "NotAllowed"),
        (
            "upsert",
            {"ids": ["c"], "vectors": [[1, 0]], "metadata": [{"tenant": "b"}]},
            lambda told: told["error"]["type"] == "NotAllowed",
        ),
    ],
)
def test_a_filter_of_a_key_holds_in_every_call(
    served: tuple[HttpServer, dict[str, str]], path: str, body: Any, expected: Any
) -> None:
    told = asked(served, "tenant", "POST", f"{DOCS}/{path}", json=body).json()
    assert expected(told), told
    whole = asked(served, "admin", "POST", f"{DOCS}/get", json={"ids": ["b"]}).json()["records"]
    assert [row["metadata"] for row in whole] == [{"tenant": "b", "n": 2}]


def test_names_that_a_key_does_not_reach_are_not_told(served: tuple[HttpServer, dict[str, str]]) -> None:
    assert asked(served, "docs", "GET", "/v1/collections").json() == {"collections": ["docs"]}


def test_who_is_refused_is_logged_without_the_key(served: tuple[HttpServer, dict[str, str]]) -> None:
    server, keys = served
    with server.client("vk_nobody_secret") as http:
        assert http.get("/v1/collections").status_code == 401
    assert any(line["status"] == 401 for line in server.events("refused"))
    assert "vk_nobody_secret" not in server.log()
    assert all(secret not in server.log() for secret in keys.values())


def _raw(server: HttpServer, request: bytes) -> bytes:
    port = int(server.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(65536):
            received += part
        return received


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /v1/collections HTTP/1.1\r\n\r\n",
        b"GET /v1/collections HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        b"GET http://localhost/v1/collections HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET //v1/collections HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /healthz/../v1/collections HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /v1%2fcollections HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /v1/collections HTTP/1.0\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_requests_that_are_bent_do_not_come_in(served: tuple[HttpServer, dict[str, str]], request_: bytes) -> None:
    answer = _raw(served[0], request_)
    assert b'"collections"' not in answer
    assert answer[9:12] in (b"400", b"401", b"404"), answer
