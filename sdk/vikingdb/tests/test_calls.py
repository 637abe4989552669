"""Requests and responses of blocking and awaitable calls, over a real socket."""

from __future__ import annotations

import asyncio
import inspect
import json
import pickle

import pytest

from vikingdb import IAM, APIKey, AsyncVikingDB, ExponentialBackoff, HeaderAuth, RequestOptions, VikingDB
from vikingdb.vector import (
    AggRequest,
    DeleteDataRequest,
    EmbeddingData,
    EmbeddingModelOpt,
    EmbeddingRequest,
    SearchAdvance,
    SearchByKeywordsRequest,
    SearchByRandomRequest,
    SearchByVectorRequest,
    UpsertDataRequest,
    VikingVectorException,
    aio,
    client,
)
from vikingdb.vector.exceptions import VikingConnectionException

AUTH = IAM(ak="ak", sk="sk")
QUICK = ExponentialBackoff(initial_seconds=0.001)
SELECTED = {"collection_name": "text", "index_name": "text_index"}
DATA = "/api/vikingdb/data/"
CALLS = [
    ("collection", "upsert", UpsertDataRequest(data=[{"a": None, "t": "北"}], async_write=True), f"{DATA}upsert",
     {"data": [{"a": None, "t": "北"}], "async": True}),
    ("collection", "update", {"data": [{"id": 1}], "ttl": None}, f"{DATA}update", {"data": [{"id": 1}]}),
    ("collection", "delete", DeleteDataRequest(delete_all=True), f"{DATA}delete", {"del_all": True}),
    ("collection", "fetch", {"ids": [1]}, f"{DATA}fetch_in_collection", {"ids": [1]}),
    ("index", "fetch", {"ids": ["a"]}, f"{DATA}fetch_in_index", {"ids": ["a"]}),
    ("index", "search_by_vector", SearchByVectorRequest(dense_vector=[1, 0], advance=SearchAdvance(ids_in=[1])),
     f"{DATA}search/vector", {"advance": {"ids_in": [1]}, "dense_vector": [1.0, 0.0]}),
    ("index", "search_by_multi_modal", {"text": "x"}, f"{DATA}search/multi_modal", {"text": "x"}),
    ("index", "search_by_id", {"id": 1}, f"{DATA}search/id", {"id": 1}),
    ("index", "search_by_scalar", {"field": "f"}, f"{DATA}search/scalar", {"field": "f"}),
    ("index", "search_by_keywords", SearchByKeywordsRequest(keywords=["k"], filter={"x": None}),
     f"{DATA}search/keywords", {"filter": {"x": None}, "keywords": ["k"]}),
    ("index", "search_by_random", SearchByRandomRequest(limit=1, newer=2), f"{DATA}search/random",
     {"limit": 1, "newer": 2}),
    ("index", "aggregate", AggRequest(op="count"), f"{DATA}agg", {"op": "count"}),
    ("embedding", "embedding",
     EmbeddingRequest(data=[EmbeddingData(text="t")], dense_model=EmbeddingModelOpt(name="bge-m3")),
     "/api/vikingdb/embedding", {"data": [{"text": "t"}], "dense_model": {"name": "bge-m3"}}),
    ("rerank", "rerank", {"model_name": "m", "data": [[{"text": "d"}]], "query": [{"text": "q"}]},
     "/api/vikingdb/rerank", {"model_name": "m", "data": [[{"text": "d"}]], "query": [{"text": "q"}]}),
]  # fmt: skip


class Door:
    """Either client, called in the same way."""

    def __init__(self, is_async, peer):
        self.is_async, self.peer = is_async, peer

    def __call__(self, part, name, request=None, *, options=None, **settings):
        settings = {"host": self.peer.host, "region": "r", "auth": AUTH, "scheme": "http", "retry": QUICK, **settings}
        selected = {"collection": {"collection_name": "text"}, "index": SELECTED}.get(part, {})
        if self.is_async:
            return asyncio.run(self._awaited(part, name, request, options, selected, settings))
        with VikingDB(**settings) as db:
            return getattr(getattr(db, part)(**selected), name)(request, request_options=options)

    async def _awaited(self, part, name, request, options, selected, settings):
        async with AsyncVikingDB(**settings) as db:
            return await getattr(getattr(db, part)(**selected), name)(request, request_options=options)


@pytest.fixture(params=[False, True], ids=["blocking", "awaited"])
def door(request, peer):
    return Door(request.param, peer)


@pytest.mark.parametrize(("part", "name", "request_", "path", "body"), CALLS, ids=[f"{c[0]}.{c[1]}" for c in CALLS])
def test_a_call_is_what_the_wire_wants(door, peer, part, name, request_, path, body):
    answer = door(part, name, request_)
    assert answer.request_id == "r-1"
    (sent,) = peer.sent
    selected = {"collection": {"collection_name": "text"}, "index": SELECTED}.get(part, {})
    assert (sent.method, sent.target) == ("POST", path)
    assert sent.body == json.dumps({**selected, **body}, separators=(",", ":"), ensure_ascii=False).encode()
    assert sent.headers["Accept"] == sent.headers["Content-Type"] == "application/json"
    assert sent.headers["User-Agent"].startswith("vicinal-vikingdb/")
    assert "SignedHeaders=content-type;x-content-sha256;x-date;x-tt-logid," in sent.headers["Authorization"]


def test_hits_are_models(door, peer):
    result = {
        "data": [{"id": 1, "score": 1, "fields": {"a": 2}, "newer": 3}],
        "total_return_count": 1,
        "schema": {"a": 1},
    }
    peer.answers.append((200, {"code": "Success", "request_id": "q", "result": result}))
    found = door("index", "search_by_random").result
    assert (found.data[0].id, found.data[0].fields, found.data[0].newer) == (1, {"a": 2}, 3)
    assert found.schema == {"a": 1}


@pytest.mark.parametrize(
    "answer", [(429, {}), (500, {}), (503, b"busy"), (0, None)], ids=["429", "500", "text", "gone"]
)
def test_what_can_pass_is_tried_again_with_the_same_id(door, peer, answer):
    peer.answers += [answer, answer]
    assert door("index", "search_by_random").code == "Success"
    assert len(peer.sent) == 3
    assert len({sent.headers["X-Tt-Logid"] for sent in peer.sent}) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
def test_what_cannot_pass_is_not_tried_again(door, peer, status):
    peer.answers.append((status, {"code": "NotFound.VikingdbIndex", "message": "no index", "request_id": "r-9"}))
    with pytest.raises(VikingVectorException) as caught:
        door("index", "search_by_random")
    assert (caught.value.code, caught.value.request_id, caught.value.status_code) == (
        "NotFound.VikingdbIndex",
        "r-9",
        status,
    )
    assert len(peer.sent) == 1
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize(("wanted", "attempts"), [(1, 1), (2, 2), (0, 3), (None, 3)])
def test_a_call_may_have_its_own_number_of_attempts(door, peer, wanted, attempts):
    peer.answers += [(500, {"code": 7, "message": "down"})] * 4
    with pytest.raises(VikingVectorException, match="down") as caught:
        door("index", "search_by_random", options=RequestOptions(max_attempts=wanted))
    assert caught.value.code == "InternalServerError(7)"
    assert len(peer.sent) == attempts


@pytest.mark.parametrize("content", [b"not json", b"null", b"[1]"])
def test_an_answer_that_is_none_is_an_error(door, peer, content):
    peer.answers.append((200, content))
    with pytest.raises(VikingVectorException) as caught:
        door("index", "search_by_random")
    assert caught.value.code == "InternalServerError(1000028)"


def test_options_reach_the_wire(door, peer):
    options = RequestOptions(
        headers={"user-agent": "mine", "content-type": "text/plain", "X-Foo": "1"},
        query={"b": "2 x", "n": 3},
        request_id="id-1",
    )
    door("index", "search_by_random", options=options)
    (sent,) = peer.sent
    assert sent.target.endswith("?b=2+x&n=3")
    assert sent.headers["Content-Type"] == "application/json"
    assert {name.lower(): value for name, value in sent.headers.items()}["user-agent"] == "mine"
    assert sent.headers["X-Tt-Logid"] == "id-1"
    assert "x-foo" in sent.headers["Authorization"]


def test_a_body_that_is_json_already_is_sent_once_as_it_is(peer):
    peer.answers.append((503, {"code": "InternalError", "message": "busy"}))
    with VikingDB(host=peer.host, region="r", auth=AUTH, scheme="http") as db:
        with pytest.raises(VikingVectorException, match="busy"):
            db.json_exception(client.API_VECTOR_SEARCH_BY_RANDOM, {"a": "1"}, '{"limit": 1}', {"X-Foo": "1"})
        assert db.json_exception(client.API_VECTOR_DATA_UPSERT, None, b"{}", timeout=5)["code"] == "Success"
    assert [(sent.target, sent.body) for sent in peer.sent] == [
        ("/api/vikingdb/data/search/random?a=1", b'{"limit": 1}'),
        ("/api/vikingdb/data/upsert", b"{}"),
    ]
    assert peer.sent[0].headers["X-Foo"] == "1"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (RequestOptions(query={"a": ["1"]}), TypeError),
        (RequestOptions(request_id="北"), ValueError),
        (RequestOptions(headers={"X-A": "1\r\nX-B: 2"}), ValueError),
        (RequestOptions(timeout=0), ValueError),
    ],
)
def test_what_cannot_be_sent_is_refused_before(door, peer, options, error):
    with pytest.raises(error):
        door("index", "search_by_random", options=options)
    assert not peer.sent


@pytest.mark.parametrize("request_", [{"limit": float("nan")}, {"filter": {"x": b"1"}}, "text"])
def test_a_request_that_is_not_json_is_refused(door, peer, request_):
    with pytest.raises((TypeError, ValueError)):
        door("index", "search_by_random", request_)
    assert not peer.sent


def test_other_credentials(door, peer):
    door("index", "search_by_random", auth=APIKey(api_key="k"))
    door("index", "search_by_random", auth=HeaderAuth({"X-Top-User-Id": "u", "X-Top-Role-Id": None}))
    assert peer.sent[0].headers["Authorization"] == "Bearer k"
    assert peer.sent[1].headers["X-Top-User-Id"] == "u"
    assert not {"X-Top-Role-Id", "Authorization"} & set(peer.sent[1].headers)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"auth": None}, ValueError),
        ({"auth": "key"}, TypeError),
        ({"auth": APIKey(api_key="k"), "sts_token": "t"}, ValueError),
        ({"pool_connections": 0}, ValueError),
        ({"pool_maxsize": -1}, ValueError),
        ({"host": "http://h"}, ValueError),
        ({"scheme": "ftp"}, ValueError),
    ],
)
def test_settings_that_cannot_be(door, settings, error):
    with pytest.raises(error):
        door("index", "search_by_random", **settings)


def test_nobody_there(door):
    if door.is_async:
        with pytest.raises(VikingVectorException, match="cannot be reached") as caught:
            door("index", "search_by_random", host="127.0.0.1:1")
        assert caught.value.status_code is None
    else:
        with pytest.raises(VikingConnectionException):
            door("index", "search_by_random", host="127.0.0.1:1")


def test_the_twins_are_alike():
    for name in ("Collection", "Index", "Embedding", "Rerank"):
        awaited = getattr(aio, f"Async{name}Client")
        blocking = getattr(client, f"{name}Client")
        for method, function in inspect.getmembers(blocking, inspect.isfunction):
            if method != "__init__":
                assert inspect.signature(function) == inspect.signature(getattr(awaited, method))


def test_waits_double_to_a_cap_and_vary():
    plain = ExponentialBackoff(jitter=0)
    assert [plain.delay_seconds(n) for n in (1, 2, 3, 4, 5, 6, 5000)] == [0.5, 1, 2, 4, 8, 8, 8]
    waits = {ExponentialBackoff().delay_seconds(1) for _ in range(50)}
    assert len(waits) > 1
    assert all(0.375 <= wait <= 0.625 for wait in waits)
    assert max(ExponentialBackoff().delay_seconds(9) for _ in range(50)) <= 8
