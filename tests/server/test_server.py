"""A server in separate processes: responses over HTTP are the results of the engine."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

import vicinal
from support.http_server import HttpServer
from support.servers import wait_until
from vicinal import errors
from vicinal.server.kinds import is_shareable
from vicinal.wire.arguments import Search

DOCS = "/v1/collections/docs"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    with HttpServer(tmp_path_factory.mktemp("server") / "data", workers=2, log_requests=1) as started:
        yield started


@pytest.fixture
def http(server: HttpServer) -> Iterator[httpx.Client]:
    with server.client() as client:
        dropped = client.delete(DOCS)
        assert dropped.status_code in (200, 404), dropped.text
        client.put(DOCS, json={"dimension": 2}).raise_for_status()
        yield client


def add_two(http: httpx.Client) -> None:
    made = http.post(
        f"{DOCS}/add",
        json={
            "ids": ["a", 2],
            "texts": ["one", None],
            "vectors": [[1, 0], {"$float32": base64.b64encode(np.array([0, 1], "<f4").tobytes()).decode()}],
            "metadata": [{"n": 1, "on": {"$date": "2024-05-01"}}, {"n": 10**30}],
        },
    )
    assert made.json() == {"ids": ["a", 2]}


def test_a_row_comes_back_as_it_went_in(http: httpx.Client) -> None:
    add_two(http)
    found = http.post(f"{DOCS}/search", json={"query": [1, 0], "where": {"n": {"$gte": 1}}}).json()
    assert [(hit["id"], hit["score"], hit["text"]) for hit in found["hits"]] == [("a", 1.0, "one"), (2, 0.0, None)]
    assert [hit["metadata"] for hit in found["hits"]] == [{"n": 1, "on": {"$date": "2024-05-01"}}, {"n": 10**30}]
    [record] = http.post(f"{DOCS}/get", json={"ids": [2], "vectors": True}).json()["records"]
    assert record["vector"] == [0, 1]


def test_both_workers_answer_and_each_sees_what_the_other_wrote(server: HttpServer, http: httpx.Client) -> None:
    """Separate connections, to reach both workers; each response includes the write."""
    wait_until(lambda: len(server.events("worker started")) == 2, "both workers")
    seen: set[int] = set()
    for i in range(200):
        with server.client() as writer, server.client() as reader:
            writer.post(f"{DOCS}/upsert", json={"ids": [f"row {i}"], "vectors": [[1, i]]}).raise_for_status()
            assert reader.post(f"{DOCS}/count", json={}).json()["count"] == i + 1
            [found] = reader.post(f"{DOCS}/get", json={"ids": [f"row {i}"]}).json()["records"]
            assert found["id"] == f"row {i}"
        if i % 20 == 19:
            seen = {line["worker"] for line in server.events("request")}
            if len(seen) == 2:
                break
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("path", "body", "status", "kind"),
    [
        ("search", {"query": [1, 2, 3]}, 400, "DimensionMismatch"),
        ("search", {"query": "text"}, 422, "NoEncoder"),
        ("search", {"query": [1, 0], "k": 0}, 400, "InvalidArgument"),
        ("search", {"query": [1, 0], "k": "ten"}, 400, "InvalidArgument"),
        ("search", {"query": [1, 0], "top_k": 3}, 400, "InvalidArgument"),
        ("search", {"query": [1, 0], "k": 10**9}, 413, "LimitExceeded"),
        ("search", {"query": [1, 0], "where": {"$id": {"$regex": "(a+)+$"}}}, 422, "Unsupported"),
        ("search", {"query": [1, 0], "where": {"a": {"$nearly": 3}}}, 400, "InvalidArgument"),
        ("search", {"id": "nobody"}, 404, "IdNotFound"),
        ("search_many", {"queries": [[1, 0]] * 1001}, 413, "LimitExceeded"),
        ("search_many", {"queries": [[1, 0]] * 100, "k": 9000}, 413, "LimitExceeded"),
        ("recommend", {"positive": ["a"], "k": 10**9}, 413, "LimitExceeded"),
        ("add", {"ids": ["a"], "vectors": [[1, 0]]}, 409, "DuplicateId"),
        ("add", {"ids": ["b"], "vectors": [[0, 0]]}, 400, "ZeroVector"),
        ("update", {"ids": ["b"], "metadata": [{}]}, 404, "IdNotFound"),
        ("backup", {"path": "../../etc"}, 422, "Unsupported"),
        ("reembed", {"encoder": "onnx:/etc/passwd"}, 403, "NotAllowed"),
        ("reembed", {"encoder": "projected:8:onnx:/etc/passwd"}, 403, "NotAllowed"),
    ],
)
def test_errors_keep_their_class(http: httpx.Client, path: str, body: Any, status: int, kind: str) -> None:
    add_two(http)
    answer = http.post(f"{DOCS}/{path}", json=body)
    told = answer.json()["error"]
    assert (answer.status_code, told["type"]) == (status, kind)
    assert hasattr(errors, kind)
    assert told["message"]
    assert http.post(f"{DOCS}/count", json={}).json() == {"count": 2}


def test_a_path_that_is_no_utf8_names_nothing(http: httpx.Client) -> None:
    before = http.get("/v1/collections").json()
    for name in ("%ff%fe", "a%c3", "%ed%a0%80"):
        answer = http.put(f"/v1/collections/{name}", json={"dimension": 2})
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "InvalidArgument")
    assert http.get("/v1/collections").json() == before


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json", "/v1/collections"])
def test_what_can_be_got_has_a_head(http: httpx.Client, path: str) -> None:
    answer, whole = http.head(path), http.get(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == whole.headers["content-length"]
    assert http.head(DOCS + "/search").status_code == 405


def test_filters_of_a_handle_are_counted_together(http: httpx.Client) -> None:
    add_two(http)
    for count, status in ((1000, 200), (1001, 413)):
        within = "[" + ",".join(['{"n":1}'] * count) + "]"
        answer = http.post(f"{DOCS}/count?within={within}", json={})
        assert answer.status_code == status, answer.text


def test_a_url_that_is_too_long_is_an_error_of_ours_for_the_client(server: HttpServer) -> None:
    with vicinal.connect(server.url) as db, pytest.raises(errors.LimitExceeded, match="URL"):
        db.collection("docs", dimension=2).within({"n": "x" * 40_000}).count()


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"query": NaN}', b'{"query": [1e400, 1]}', b'{"where": 5}']
)
def test_what_is_no_json_is_refused(http: httpx.Client, body: bytes) -> None:
    answer = http.post(f"{DOCS}/search", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] in ("InvalidArgument", "InvalidVector")


def test_a_collection_that_was_dropped_and_made_again_is_found(server: HttpServer, http: httpx.Client) -> None:
    """Both workers have the old one open."""
    clients = [server.client() for _ in range(8)]
    try:
        for dropped in range(3):
            for client in clients:
                assert client.post(f"{DOCS}/count", json={}).json() == {"count": 0}
            assert http.delete(DOCS).status_code == 200
            assert http.post(f"{DOCS}/count", json={}).status_code == 404
            assert http.put(DOCS, json={"dimension": 2 + dropped}).json()["dimension"] == 2 + dropped
    finally:
        for client in clients:
            client.close()


def test_a_collection_that_another_process_made_is_served(server: HttpServer, http: httpx.Client) -> None:
    with vicinal.connect(server.path) as db:
        db.collection("beside", dimension=2).upsert(["x"], vectors=[[1, 0]])
    assert "beside" in http.get("/v1/collections").json()["collections"]
    assert http.post("/v1/collections/beside/count", json={}).json() == {"count": 1}


def test_a_stream_ends_with_a_line_that_says_so(http: httpx.Client) -> None:
    http.post(f"{DOCS}/add", json={"ids": list(range(2500)), "vectors": [[1, i] for i in range(2500)]})
    with http.stream("POST", f"{DOCS}/scroll", json={}) as answer:
        lines = [json.loads(line) for line in answer.iter_lines()]
    assert lines[-1] == {"end": True}
    assert [row["id"] for line in lines[:-1] for row in line["records"]] == list(range(2500))


def test_ids_of_requests(server: HttpServer, http: httpx.Client) -> None:
    given = http.post(f"{DOCS}/count", json={}, headers={"x-request-id": "my-own.1"})
    assert given.headers["x-request-id"] == "my-own.1"
    made = http.post(f"{DOCS}/count", json={}, headers={"x-request-id": "no good"})
    assert len(made.headers["x-request-id"]) == 16
    wait_until(lambda: any(line["request"] == "my-own.1" for line in server.events("request")), "the log")


def test_warnings_of_the_engine_reach_the_caller(http: httpx.Client) -> None:
    add_two(http)
    for _ in range(2):  # each time, not once a process
        answer = http.post(f"{DOCS}/search", json={"query": [1, 0], "where": {"colour": 1}})
        assert json.loads(answer.headers["vicinal-warnings"]) == ["where: no row has a field 'colour'"]
    assert "vicinal-warnings" not in http.post(f"{DOCS}/search", json={"query": [1, 0]}).headers


@pytest.mark.parametrize("accuracy", [{}, {"exact": True}, {"recall": 0.9}, {"effort": 5}])
def test_concurrent_searches_get_their_own_answers(
    server: HttpServer, http: httpx.Client, accuracy: dict[str, Any]
) -> None:
    assert is_shareable(Search(query=[1.0, 0.0], **accuracy))
    count = 200
    angles = np.arange(count) / count * 6
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    http.post(f"{DOCS}/add", json={"ids": list(range(count)), "vectors": vectors.tolist()}).raise_for_status()
    wrong: list[Any] = []

    def ask(first: int) -> None:
        with server.client() as client:
            for i in range(first, count, 8):
                query = vectors[i].tolist() if i % 7 else [1.0, 2.0, 3.0]  # one in seven is of another dimension
                answer = client.post(f"{DOCS}/search", json={"query": query, "k": 1, **accuracy}).json()
                if i % 7 and answer["hits"][0]["id"] != i:
                    wrong.append((i, answer))
                if not i % 7 and answer["error"]["type"] != "DimensionMismatch":
                    wrong.append((i, answer))

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_deadline_stops_the_work(http: httpx.Client) -> None:
    count, long = 20_000, "/v1/collections/long"
    vectors = np.random.default_rng(1).normal(size=(count, 64)).astype("<f4")
    http.put(long, json={"dimension": 64})
    packed = {"$float32": base64.b64encode(vectors.tobytes()).decode(), "dimension": 64}
    http.post(f"{long}/upsert", json={"ids": list(range(count)), "vectors": packed}).raise_for_status()
    queries = {"$float32": base64.b64encode(vectors[:1000].tobytes()).decode(), "dimension": 64}
    body = {"queries": queries, "k": 200, "select": []}
    answer = http.post(f"{long}/search_many", json=body, headers={"vicinal-timeout": "0.01"})
    assert answer.status_code == 504
    assert answer.json()["error"]["type"] == "DeadlineExceeded"
    bad = http.post(f"{long}/count", json={}, headers={"vicinal-timeout": "soon"})
    assert bad.status_code == 400


def test_unknown_paths_methods_and_parameters(http: httpx.Client) -> None:
    assert http.get("/nothing").status_code == 404
    wrong = http.get(f"{DOCS}/search")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert wrong.json()["error"]["type"] == "InvalidArgument"
    assert http.post(f"{DOCS}/count?durability=full&durability=full", json={}).status_code == 400
    assert http.post(f"{DOCS}/count?colour=red", json={}).status_code == 400
    assert http.get("/v1/collections?timeout=3").status_code == 400


def test_metrics_count_every_answer_of_every_worker(server: HttpServer, http: httpx.Client) -> None:
    add_two(http)
    wanted = 'vicinal_requests_total{collection="docs",route="collection.search",status="200"}'

    def counted() -> float:
        lines = http.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(wanted))

    before = counted()
    for _ in range(40):
        with server.client() as client:
            client.post(f"{DOCS}/search", json={"query": [1, 0]}).raise_for_status()
    assert counted() == before + 40
    assert 'vicinal_collection_rows{collection="docs"} 2.0' in http.get("/metrics").text


def test_the_description_of_the_api_has_every_call(http: httpx.Client) -> None:
    described = http.get("/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    assert set(described["paths"]["/v1/collections/{collection}"]) == {"put", "delete"}
    assert all(
        operation["summary"] and operation["responses"]["200"]
        for path in described["paths"].values()
        for operation in path.values()
    )
