"""Rows and searches of the data plane, through a server with keys and two workers."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import vicinal
from support.http_server import HttpServer
from support.viking import COLLECTION, INDEX, VikingClient
from vicinal.server.keys import KeyFile
from vicinal.server.vikingdb import repeats
from vicinal.server.vikingdb.repeats import Repeats

MODELS = "bge-m3=hashing:64,doubao-seed-rerank=rerank:lexical,pictures=image:descriptor"
OF_DOCS = {"collection_name": "docs"}
OF_INDEX = {"collection_name": "docs", "index_name": "i"}
ROWS: list[dict[str, Any]] = [
    {"id": 1, "v": [1, 0, 0, 0], "n": 1, "score": 0.5, "tag": "a", "tags": ["x", "y"], "ok": True, "body": "red fox",
     "title": "one", "when": "2024-05-01T10:00:00Z", "place": "116.4,39.9", "sparse": {"fox": 1.0}},
    {"id": 2, "v": [0, 1, 0, 0], "n": 2, "score": 1.5, "tag": "b", "tags": ["y"], "body": "blue whale",
     "title": "two", "when": "2024-06-01T10:00:00+08:00", "place": "121.5,31.2", "sparse": {"whale": 2.0}},
    {"id": 3, "v": [0, 0, 2, 0], "n": 2, "score": 2.5, "body": "red deer", "title": "three", "sparse": {"fox": 3.0}},
]  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    path = tmp_path_factory.mktemp("viking") / "data"
    KeyFile(path).create("boss", "admin")
    with HttpServer(path, workers=2, models=MODELS, timeout=20) as started:
        yield started


@pytest.fixture(scope="module")
def viking(server: HttpServer) -> Iterator[VikingClient]:
    key, secret = KeyFile(server.path).create("signer", "admin", signing=True)
    with server.client() as http:
        client = VikingClient(http, key.access_key or "", secret)
        client.call("CreateCollection", COLLECTION)
        client.call("CreateIndex", INDEX)
        yield client


@pytest.fixture
def docs(viking: VikingClient) -> VikingClient:
    viking.call("data/delete", {**OF_DOCS, "del_all": True})
    assert viking.call("data/upsert", {**OF_DOCS, "data": ROWS}) is None
    return viking


def ids(result: Any) -> list[Any]:
    assert result["total_return_count"] == len(result["data"])
    return [hit["id"] for hit in result["data"]]


def test_ping_needs_nothing(server: HttpServer) -> None:
    with server.client() as http:
        answer = http.get("/api/vikingdb/Ping")
        assert (answer.status_code, answer.json()["code"]) == (200, "Success")


def test_rows_come_back_as_they_went_in(docs: VikingClient) -> None:
    found = docs.call("data/fetch_in_collection", {**OF_DOCS, "ids": [2, 9, 1]})
    assert found["ids_not_exist"] == [9]
    assert [item["id"] for item in found["fetch"]] == [2, 1]
    assert found["fetch"][1]["fields"] == ROWS[0]
    assert found["fetch"][0]["fields"] == {**ROWS[1], "ok": False}
    found = docs.call("data/fetch_in_index", {**OF_INDEX, "ids": [3], "output_fields": ["n"], "partition": "default"})
    [item] = found["fetch"]
    assert item["fields"] == {"n": 2}
    assert (item["dense_dim"], item["dense_vector"], item["sparse_vector"]) == (4, [0, 0, 2, 0], {"fox": 3.0})


def test_the_nearest_come_first_with_their_scores(docs: VikingClient) -> None:
    found = docs.call("data/search/vector", {**OF_INDEX, "dense_vector": [0.5, 0.25, 1, 0], "limit": 2})
    assert [(hit["id"], hit["score"], hit["ann_score"]) for hit in found["data"]] == [(3, 2.0, 2.0), (1, 0.5, 0.5)]
    assert found["data"][1]["fields"] == {name: value for name, value in ROWS[0].items() if name not in ("v", "sparse")}
    found = docs.call("data/search/vector", {**OF_INDEX, "dense_vector": [0.5, 0.25, 1, 0], "limit": 9, "offset": 1})
    assert ids(found) == [1, 2]
    found = docs.call("data/search/vector", {**OF_INDEX, "dense_vector": [1, 0, 0, 0], "output_fields": ["v", "n"]})
    assert found["data"][0]["fields"] == {"v": [1, 0, 0, 0], "n": 1}
    assert (
        docs.call("data/search/vector", {**OF_INDEX, "dense_vector": [1, 0, 0, 0], "output_fields": []})["data"][0][
            "fields"
        ]
        == {}
    )


def test_a_retried_upsert_is_carried_out_once(server: HttpServer, viking: VikingClient) -> None:
    """Each attempt uses a new connection, so that either worker may get it."""
    viking.call(
        "CreateCollection",
        {"CollectionName": "auto", "Fields": [{"FieldName": "v", "FieldType": "vector", "Dim": 2}]},
    )
    body = {"collection_name": "auto", "data": [{"v": [1, 0]}, {"v": [0, 1]}]}
    for _ in range(6):
        with server.client() as http:
            VikingClient(http, viking.access_key, viking.secret).call("data/upsert", body, request_id="r-1")
    assert viking.call("GetCollection", {"CollectionName": "auto"})["CollectionStats"]["DataCount"] == 2
    viking.call("data/upsert", body, request_id="r-2")
    viking.call("data/upsert", body)
    assert viking.call("GetCollection", {"CollectionName": "auto"})["CollectionStats"]["DataCount"] == 6


@pytest.mark.slow
def test_a_retry_after_a_kill_is_carried_out_once(tmp_path: Path) -> None:
    """The power fails between the response and the retry, which reaches another server."""
    key, secret = KeyFile(tmp_path / "data").create("signer", "admin", signing=True)
    body = {"collection_name": "auto", "data": [{"v": [1, 0]}, {"v": [0, 1]}]}
    made = {"CollectionName": "auto", "Fields": [{"FieldName": "v", "FieldType": "vector", "Dim": 2}]}
    for is_first in (True, False):
        with HttpServer(tmp_path / "data", workers=1) as server, server.client() as http:
            client = VikingClient(http, key.access_key or "", secret)
            if is_first:
                client.call("CreateCollection", made)
            client.call("data/upsert", body, request_id="r-1")
            assert client.call("GetCollection", {"CollectionName": "auto"})["CollectionStats"]["DataCount"] == 2
            for pid in [server.process.pid, *(event["worker"] for event in server.events("worker started"))]:
                os.kill(pid, signal.SIGKILL)
            server.process.wait()


def test_rows_with_keys_of_their_own_are_not_written_again_by_a_retry(docs: VikingClient, server: HttpServer) -> None:
    """Concurrent writes by others are kept, whether or not the key has access to all rows."""
    _, tenant = KeyFile(server.path).create("tenant of retries", "write", where={"tag": "a"})
    with server.client(key=tenant) as http:
        for client in (docs, VikingClient(http)):
            first, second = ({**OF_DOCS, "data": [{**ROWS[0], "n": n}]} for n in (1, 2))
            client.call("data/upsert", first, request_id="once")
            client.call("data/upsert", second, request_id="once")  # another body is another request
            client.call("data/upsert", first, request_id="once")
            assert client.call("data/fetch_in_collection", {**OF_DOCS, "ids": [1]})["fetch"][0]["fields"]["n"] == 2


def test_requests_are_forgotten_after_ten_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1e9
    monkeypatch.setattr(repeats.time, "time", lambda: now)
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs", dimension=2)

        def sent(*, makes_keys: bool = True) -> Repeats:
            return Repeats(docs, None, "r", b"body", makes_keys=makes_keys)

        first = sent()
        assert (first.known, first.seed) == (None, sent().seed)  # a try that is under way
        first.remember({"token_usage": {}})
        assert sent().known == sent(makes_keys=False).known == repeats.Answer({"token_usage": {}})
        assert Repeats(docs, None, "r", b"other", makes_keys=True).known is None
        now += 599
        assert sent().known is not None
        now += 2
        again = sent()
        assert again.known is None
        assert again.seed not in (None, first.seed)


@pytest.mark.parametrize("path", ["data/upsert", "data/search/random", "CreateCollection", "embedding"])
def test_without_a_key_nobody_comes_in(server: HttpServer, docs: VikingClient, path: str) -> None:
    with server.client() as http:
        assert VikingClient(http).refused(path, OF_INDEX) == (401, "AccessDenied")
        assert VikingClient(http, docs.access_key, "wrong").refused(path, OF_INDEX) == (401, "AccessDenied")
        assert VikingClient(http, "AKVK0000000000", docs.secret).refused(path, OF_INDEX) == (401, "AccessDenied")
    with server.client(key=docs.secret) as http:  # a secret is not sent
        assert VikingClient(http).refused(path, OF_INDEX) == (401, "AccessDenied")


def test_keys_are_held_to_their_roles(server: HttpServer, docs: VikingClient) -> None:
    file = KeyFile(server.path)
    _, reader = file.create("reader", "read")
    _, tenant = file.create("tenant", "write", where={"tag": "a"})
    _, other = file.create("other", "write", collections=("elsewhere",))
    with server.client(key=reader) as http:
        assert ids(VikingClient(http).call("data/search/random", OF_INDEX))
        assert VikingClient(http).refused("data/upsert", {**OF_DOCS, "data": ROWS}) == (403, "AccessDenied")
        assert VikingClient(http).refused("DeleteIndex", INDEX) == (403, "AccessDenied")
    with server.client(key=tenant) as http:
        client = VikingClient(http)
        assert ids(client.call("data/search/random", OF_INDEX)) == [1]
        assert client.call("data/agg", {**OF_INDEX, "op": "count"})["agg"]["__TOTAL__"] == 1
        assert client.call("data/fetch_in_collection", {**OF_DOCS, "ids": [1, 2]})["ids_not_exist"] == [2]
        assert client.refused("data/search/id", {**OF_INDEX, "id": 2}) == (404, "NotFound.VikingdbData")
        assert client.refused("data/upsert", {**OF_DOCS, "data": ROWS[1:2]}) == (403, "AccessDenied")
        client.call("data/delete", {**OF_DOCS, "del_all": True})
    assert ids(docs.call("data/search/scalar", {**OF_INDEX, "field": "n", "order": "asc"})) == [2, 3]
    with server.client(key=other) as http:
        assert VikingClient(http).refused("data/search/random", OF_INDEX) == (403, "AccessDenied")
        assert VikingClient(http).call("ListCollection", {})["Collections"] == []
    with server.client() as http:
        answer = http.post("/api/vikingdb/data/search/random", json=OF_INDEX, headers={"X-API-Key": reader})
        assert answer.status_code == 200


def test_both_workers_know_a_collection_that_was_made_anew(viking: VikingClient, server: HttpServer) -> None:
    made = {"CollectionName": "again", "Fields": [{"FieldName": "v", "FieldType": "vector", "Dim": 2}]}
    for _ in range(3):
        viking.call("CreateCollection", made)
        for _ in range(4):
            with server.client() as http:
                client = VikingClient(http, viking.access_key, viking.secret)
                client.call("data/upsert", {"collection_name": "again", "data": [{"v": [1, 1]}]})
        viking.call("DeleteCollection", {"CollectionName": "again"})
        for _ in range(4):
            with server.client() as http:
                client = VikingClient(http, viking.access_key, viking.secret)
                body = {"collection_name": "again", "data": [{"v": [1, 1]}]}
                assert client.refused("data/upsert", body) == (404, "NotFound.VikingdbCollection")


def test_every_failure_has_a_body_of_the_protocol(server: HttpServer, docs: VikingClient) -> None:
    assert docs.refused("data/nothing", {}) == (404, "NotFound.VikingdbApi")
    assert docs.refused("data/upsert", b"{") == (400, "InvalidParameter")
    assert docs.refused("data/upsert", {}) == (400, "MissingParameter")
    assert docs.refused("data/search/random", {**OF_DOCS, "index_name": "x"}) == (404, "NotFound.VikingdbIndex")
    with server.client() as http:
        wrong = http.get("/api/vikingdb/data/upsert")
        assert (wrong.status_code, wrong.json()["code"]) == (405, "InvalidParameter")
        knowledge = http.post("/api/knowledge/collection/search", json={})
        assert (knowledge.status_code, knowledge.json()["code"]) == (404, 1000024)
        for verb in ("GET", "POST"):  # without an action the root is what it was: nothing
            root = http.request(verb, "/", json={})
            assert (root.status_code, root.json()["error"]["type"]) == (404, "NotFound")
