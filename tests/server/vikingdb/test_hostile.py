"""Hostile requests: no internal error, a response of the protocol, and no access without permission."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st
from schemathesis.core import NotSet

from support.http_server import HttpServer
from support.viking import COLLECTION, INDEX, VikingClient, signed_headers
from vicinal.server.keys import KeyFile
from vicinal.server.vikingdb.control_plane import ACTIONS, Body
from vicinal.server.vikingdb.data_plane import CALLS

pytestmark = pytest.mark.slow

PREFIX = "/api/vikingdb/"
SEARCH = "data/search/random"
ROW = {"id": 1, "v": [1, 0, 0, 0], "n": 1, "tag": "a", "when": "2024-05-01T10:00:00Z", "place": "116.4,39.9"}
SKEW_SECONDS = 300
MODELS = {path.path: path.model for path in CALLS} | {action.path: Body for action in ACTIONS.values()}
FEW = settings(
    max_examples=40, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


def description() -> dict[str, Any]:
    """Returns a description of all calls as OpenAPI, from the models with which the server parses them."""
    _, components = msgspec.json.schema_components(MODELS.values(), ref_template="#/components/schemas/{name}")
    answers = {str(status): {"description": "an answer"} for status in (200, 400, 401, 403, 404, 405, 409, 413, 429)}

    def operation(model: type) -> dict[str, Any]:
        content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}
        return {"post": {"requestBody": {"required": True, "content": content}, "responses": answers}}

    return {
        "openapi": "3.1.0",
        "info": {"title": "calls", "version": "1"},
        "paths": {PREFIX + path: operation(model) for path, model in MODELS.items()},
        "components": {"schemas": components},
    }


calls = {one.ok().path: one.ok() for one in schemathesis.openapi.from_dict(description()).get_all_operations()}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    path = tmp_path_factory.mktemp("hostile") / "data"
    KeyFile(path).create("boss", "admin")
    models = "bge-m3=hashing:8,doubao-seed-rerank=rerank:lexical"
    with HttpServer(path, models=models, timeout=20, log_requests=1, signature_seconds=SKEW_SECONDS) as started:
        yield started


@pytest.fixture(scope="module")
def viking(server: HttpServer) -> Iterator[VikingClient]:
    key, secret = KeyFile(server.path).create("signer", "admin", signing=True)
    with server.client() as http:
        yield VikingClient(http, key.access_key or "", secret)


@pytest.fixture
def docs(viking: VikingClient) -> VikingClient:
    """A collection with a row, whatever the last test did to it."""
    for path, body in (("CreateCollection", COLLECTION), ("CreateIndex", INDEX)):
        assert viking.send(path, body).status_code in (200, 409)
    viking.call("data/upsert", {"collection_name": "docs", "data": [ROW]})
    return viking


def check(answer: httpx.Response) -> None:
    """Checks for a valid response of the protocol that is not an internal error."""
    assert answer.status_code < 500, answer.text
    told = answer.json()
    if "ResponseMetadata" in told:
        assert told["ResponseMetadata"]["RequestId"]
        assert ("Error" in told["ResponseMetadata"]) == (answer.status_code != 200)
    else:
        assert isinstance(told["code"], str)
        assert told["request_id"]
        assert (told["code"] == "Success") == (answer.status_code == 200)


@pytest.mark.parametrize("path", MODELS)
@given(st.data())
@settings(FEW, max_examples=6)
def test_whatever_the_models_allow_or_not_is_answered(docs: VikingClient, path: str, data: st.DataObject) -> None:
    mode = data.draw(st.sampled_from(list(schemathesis.GenerationMode)))
    body = data.draw(calls[PREFIX + path].as_strategy(generation_mode=mode)).body
    if isinstance(body, dict) and len(str(body)) % 4:  # a collection would be there by chance only
        named = ("CollectionName", "IndexName") if MODELS[path] is Body else ("collection_name", "index_name")
        body = body | dict(zip(named, ("docs", "i"), strict=True))
    if isinstance(body, NotSet):
        body = b""
    check(docs.send(path, body if isinstance(body, bytes) else json.dumps(body, default=repr).encode()))


DEEP = b'{"filter": ' + b'{"op": "and", "conds": [' * 3000 + b"{}" + b"]}" * 3000 + b"}"
OF_DOCS = b'"collection_name": "docs", "index_name": "i", "CollectionName": "docs", "IndexName": "i"'
BENT = [
    b"", b"null", b"5", b'"text"', b"[]", b"{", b"\x00", b"\xff\xfe\x00", b"{" * 5000, b'{"a":' * 3000, DEEP,
    b'{"collection_name": "' + b"a" * 100_000 + b'"}', b'{"collection_name": "../docs"}',
    b'{"collection_name": "docs", "project_name": "../../x"}', b'{"resource_id": "vdb-\\u0000"}',
    b'{"collection_name": "\\ud800"}',
    *(b"{%s, %s}" % (OF_DOCS, more) for more in (
        b'"data": [{"id": 9223372036854775808}]', b'"data": [{"id": 1, "v": "AAAA"}]', b'"data": [[]], "ttl": 1e300',
        b'"data": [{"id": 2, "v": [1e39, 0, 0, 0]}]', b'"data": [{"id": 2, "v": [1, 0, 0, 0], "tag": "\\ud800"}]',
        b'"data": [{"id": 2, "v": [1, 0, 0, 0], "n": 1e400}]', b'"data": [{"id": 2, "v": [1, 0, 0, 0], "sparse": {}}]',
        b'"data": [{"id": 2, "v": [1, 0, 0, 0], "place": "999,0", "when": "9999-99-99T99:99:99Z"}]',
        b'"dense_vector": [1e308, 1e308, 0, 0]', b'"dense_vector": [], "limit": 1000000',
        b'"dense_vector": [1, 0, 0, 0], "sparse_vector": {"a": 1e308}, "advance": {"dense_weight": -5}',
        b'"limit": 1000000, "offset": 1000000', b'"limit": -1', b'"ids": [1e300]', b'"ids": [0, "", null]',
        b'"filter": {"op": "range", "field": "n", "gt": 1e308, "lt": -99999999999999999999999}',
        b'"filter": {"op": "must", "field": "n", "conds": [99999999999999999999, null, {}, [], "x"]}',
        b'"filter": {"op": "must", "field": ["n"], "conds": 5}', b'"filter": {"op": {}, "conds": []}',
        b'"filter": {"op": "range", "field": ["n", "score"], "center": [1e308, -1e308], "radius": 1e308}',
        b'"filter": {"op": "geo_range", "field": "place", "center": "0,0", "radius": "999999999km"}',
        b'"filter": {"op": "time_range", "field": "when", "gt": "0001-01-01T00:00:00-23:59"}',
        b'"filter": {"op": "regex", "field": "tag", "pattern": "(a+)+$"}',
        b'"advance": {"post_process_ops": [{"op": "string_match", "field": "tag", "pattern": "(a+)+$"}]}',
        b'"advance": {"post_process_ops": [{"op": "score_fusion", "fusion_by": "add", "addition_score": [{"factor":'
        b' 1e308, "base_value_from": "decay_func", "func": "exp", "field": "n", "scale": 1e-308, "decay": 1e-308}]}]}',
        b'"keywords": [""], "mode": "bm25", "bm25_k1": 1e308, "bm25_b": -1', b'"query": "\\u0000", "highlight": {}',
        b'"op": "count", "group_by": "__proto__", "cond": {"gt": 1e999}', b'"op": "vector_weighted_sum", "ids": [1], '
        b'"weights": [1e308]', b'"text": "x", "image": "file:///etc/passwd"', b'"image": "data:image/png;base64,AAAA"',
        b'"Fields": [{"FieldName": "a", "FieldType": "vector", "Dim": 1e9}]', b'"Fields": [null], "FullText": [{}]',
        b'"VectorIndex": {"IndexType": [], "Distance": {}, "Quant": []}', b'"ScalarIndex": ["\\u0000"], "Filter": {}',
        b'"PageNumber": 1000000, "PageSize": 100, "Filter": {"CollectionName": 5, "Status": "READY"}',
        b'"data": [{"text": ""}], "dense_model": {"name": "bge-m3", "dim": 99999999}',
        b'"model_name": "doubao-seed-rerank", "query": [{"text": "\\ud800"}], "data": [[]]',
    )),
]  # fmt: skip


@pytest.mark.parametrize("path", MODELS)
def test_bodies_that_are_bent_are_no_fault(server: HttpServer, docs: VikingClient, path: str) -> None:
    for body in BENT:
        if path.startswith("Delete") and body.startswith(b"{" + OF_DOCS):
            continue
        answer = docs.send(path, body)
        try:
            check(answer)
        except AssertionError as error:
            raise AssertionError(f"{path}: {body[:200]!r}: {error}") from error
    assert server.events("fault") == []


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y%m%dT%H%M%SZ")


def sent(docs: VikingClient, headers: dict[str, Any], body: bytes, path: str = SEARCH) -> httpx.Response:
    try:
        answer = docs.http.post(PREFIX + path, content=body, headers=headers)
    except httpx.LocalProtocolError:
        reject()  # no headers at all
    if answer.headers["content-type"] != "text/plain; charset=utf-8":  # then it was no HTTP, and never came to us
        check(answer)
    return answer


BODY = json.dumps({"collection_name": "docs", "index_name": "i"}).encode()


@given(st.integers(-10 * SKEW_SECONDS, 10 * SKEW_SECONDS).filter(lambda s: abs(abs(s) - SKEW_SECONDS) > 60))
@FEW
def test_a_signature_is_good_for_the_time_of_the_setting(docs: VikingClient, seconds: int) -> None:
    date = stamp(datetime.now(UTC) + timedelta(seconds=seconds))
    headers = signed_headers(docs.access_key, docs.secret, BODY, path=PREFIX + SEARCH, date=date)
    assert sent(docs, headers, BODY).status_code == (200 if abs(seconds) < SKEW_SECONDS else 401)


@given(
    st.one_of(
        st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), min_size=1, max_size=40),
        st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(stamp).filter(lambda date: date[:2] != "20"),
        st.sampled_from(["20260231T000000Z", "20261301T000000Z", "20260101T240000Z", "20260101T000060Z"]),
    )
)
@FEW
def test_a_date_that_is_signed_well_and_wrong_lets_nobody_in(docs: VikingClient, date: str) -> None:
    headers = signed_headers(docs.access_key, docs.secret, BODY, path=PREFIX + SEARCH, date=date)
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    assert sent(docs, encoded, BODY).status_code == 401


def meaning(name: str, value: str) -> str:
    """Spaces around a value and between the parts of a signature are insignificant, and so is case in hexadecimal."""
    value = value.strip()
    return value.lower() if name == "x-content-sha256" else value.replace(", ", ",")


@given(st.data())
@settings(FEW, max_examples=80)
def test_a_signed_request_that_was_changed_anywhere_lets_nobody_in(docs: VikingClient, data: st.DataObject) -> None:
    """Changes a letter of a header, drops a header, or changes the body, the path or the query."""
    headers: dict[str, Any] = signed_headers(docs.access_key, docs.secret, BODY, path=PREFIX + SEARCH)
    where = data.draw(st.sampled_from(["letter", "cut", "gone", "body", "path", "query", "secret"]))
    body, path = BODY, SEARCH
    if where in ("letter", "cut"):
        name = data.draw(st.sampled_from(sorted(headers)))
        i = data.draw(st.integers(0, len(headers[name]) - 1))
        new = data.draw(st.sampled_from("09afAZ/;,= -")) if where == "letter" else ""
        changed = headers[name][:i] + new + headers[name][i + 1 :]
        if meaning(name, changed) == meaning(name, headers[name]):
            reject()
        headers[name] = changed.encode()
    elif where == "gone":
        del headers[data.draw(st.sampled_from(sorted(headers)))]
        docs.http.headers.pop("content-type", None)
    elif where == "body":
        body += data.draw(st.sampled_from([b" ", b"\n", b"{}", b"\x00"]))
    elif where == "path":
        path = data.draw(st.sampled_from(["data/search/id", "data/search/scalar", "data/delete", "data/agg"]))
    elif where == "query":
        path += data.draw(st.sampled_from(["?a=", "?a=1&b", "?%00=%ff", "?+"]))
    else:
        headers = signed_headers(docs.access_key, docs.secret[::-1], BODY, path=PREFIX + SEARCH)
    assert sent(docs, headers, body, path).status_code == 401


@given(st.binary(max_size=300).filter(lambda value: not set(value) & set(b"\r\n\0")))
@FEW
def test_no_bytes_are_a_signature(docs: VikingClient, value: bytes) -> None:
    for authorization in (value, b"HMAC-SHA256 " + value, b"HMAC-SHA256 Credential=" + value, b"Bearer " + value):
        assert sent(docs, {"authorization": authorization}, BODY).status_code in (400, 401)


def test_nothing_secret_is_in_the_log(server: HttpServer, docs: VikingClient) -> None:
    """It has every request, including rejected ones."""
    _, shown = KeyFile(server.path).create("shown", "write")
    with server.client(key=shown) as http:
        assert VikingClient(http).send(SEARCH, BODY).status_code == 200
    with server.client(key=shown[:-1]) as http:
        assert VikingClient(http).send(SEARCH, BODY).status_code == 401
    headers = signed_headers(docs.access_key, docs.secret + "x", BODY, path=PREFIX + SEARCH)
    assert sent(docs, headers, BODY).status_code == 401
    assert server.events("request")
    log = server.log()
    for secret in (docs.secret, shown, shown[:-1], shown.rsplit("_", 1)[1][:20], headers["authorization"][-64:]):
        assert secret not in log
