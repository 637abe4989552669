"""Requests that the API description allows, and many that it does not; the server responds as described."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import checks

from support.http_server import HttpServer
from vicinal.server.openapi import document

DOCS = "/v1/collections/docs"
EXAMPLES = int(os.environ.get("VICINAL_API_EXAMPLES", "8"))
# Random names hardly ever match a collection, so most calls are also sent to an existing one.
schema = schemathesis.openapi.from_dict(document())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    path = tmp_path_factory.mktemp("api")
    with HttpServer(path / "data", workers=2, backup_folder=path / "copies", timeout=20) as started:
        yield started


@pytest.fixture
def docs(server: HttpServer) -> None:
    """A collection with rows, whatever the last test did to it."""
    with server.client() as http:
        http.put(DOCS, json={"encoder": "hashing:8"})
        rows = {"ids": ["a", 1], "texts": ["one text", "another"], "metadata": [{"n": 1, "tag": ["x"]}, {"n": 2.5}]}
        http.post(f"{DOCS}/upsert", json=rows)


@pytest.mark.slow
@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
def test_every_answer_is_described_and_no_fault(case: Any, server: HttpServer, docs: None) -> None:
    if "collection" in (case.path_parameters or {}) and len(str(case.body)) % 4:
        case.path_parameters["collection"] = "docs"
    answer = case.call(base_url=server.url)
    assert answer.status_code < 500 or answer.status_code in (503, 504), answer.text
    case.validate_response(answer, checks=[checks.status_code_conformance, checks.content_type_conformance])


FUZZED = [
    b"",
    b"null",
    b"5",
    b'"text"',
    b"[]",
    b"{",
    b"\x00",
    b"\xff\xfe\x00",
    b"{" * 5000,
    b'{"a":' * 3000,
    b'{"query": [' + b"1," * 70_000 + b"1]}",
    b'{"query": "' + b"a" * 200_000 + b'"}',
    b'{"where": {"$not": ' * 200 + b"{}" + b"}" * 400,
    b'{"ids": [' + b'"a",' * 2000 + b'"a"]}',
    b'{"ids": [1e999, -1, 9999999999999999999999]}',
    b'{"vectors": {"$float32": "AAAA", "dimension": 1e30}}',
    b'{"vectors": {"$float32": "!!!!", "dimension": 4}}',
    b'{"vectors": {"$float32": "AAAAAAAA", "dimension": 99999999999}}',
    b'{"rows": [{"id": {"$uuid": "no"}}]}',
    b'{"rows": [{"id": "x", "metadata": {"$date": "no"}, "ttl": "soon"}]}',
    b'{"rows": [{"id": "x", "metadata": {"a": {"$decimal": "NaN"}}}]}',
    b'{"rows": [{"id": "x", "sparse": {"-1": 1}}]}',
    b'{"rows": [{"id": "x", "metadata": {"a": {"$int": "zz"}}}]}',
    b'{"where": {"$tree": {"kind": "Not"}}}',
    b'{"where": {"$tree": {"kind": "Regex", "path": ["a"], "pattern": "(a+)+$"}}}',
    b'{"where": {"a": {"$in": [{"$uuid": 5}]}}}',
    b'{"query": "x", "mode": "keyword", "scorer": {"name": "bm25", "k1": 1e308, "b": -5}}',
    b'{"query": "\\ud800", "mode": "keyword"}',
    b'{"field": "\\u0000.a..b"}',
    b'{"name": "../../x"}',
    b'{"path": "/etc/x"}',
    b'{"notes": {"a": "not base64"}}',
    b'{"k": 9223372036854775808, "query": [1]}',
    b'{"limit": -1, "offset": 99999999999999999999}',
    b'{"encoder": "hashing:999999999"}',
    b'{"index": {"name": "ivf", "lists": 1e18}}',
]


@pytest.mark.slow
@pytest.mark.parametrize("body", FUZZED, ids=range(len(FUZZED)))
def test_bodies_that_are_bent_are_no_fault(server: HttpServer, docs: None, body: bytes) -> None:
    """Every call with a body gets each of them."""
    with server.client() as http:
        for path, operations in document()["paths"].items():
            for verb in operations.keys() & {"post", "put"}:
                target = path.replace("{collection}", "bent" if verb == "put" else "docs").replace("{owner}", "me")
                if target.endswith(("/repair", "/verify", "verify_all", "/purge", "/compact", "/wait_indexed")):
                    continue
                answer = http.request(verb, target, content=body)
                assert answer.status_code < 500 or answer.status_code == 504, (target, answer.text)
                assert answer.headers["content-type"] in ("application/json", "application/x-ndjson")
        assert http.get("/readyz").status_code == 200
    assert server.events("fault") == []


@pytest.mark.parametrize("name", ["%00", "%2e%2e", "..%2f..", "~", "~!!", "~AA", "a" * 300, "%F0%9F%98%80", "%ff"])
def test_names_that_are_bent_are_no_fault(server: HttpServer, name: str) -> None:
    with server.client() as http:
        made = http.put(f"/v1/collections/{name}", json={"dimension": 1})
        assert made.status_code in (200, 400, 404), made.text
        answer = http.post(f"/v1/collections/{name}/count", json={})
        assert answer.status_code == made.status_code or answer.status_code in (400, 404), answer.text
    names = {entry.name for entry in Path(server.path).parent.iterdir()}
    assert names <= {"data", "copies"}
    assert server.events("fault") == []


def test_headers_that_are_bent_are_no_fault(server: HttpServer, docs: None) -> None:
    with server.client() as http:
        for headers in (
            {"content-length": "-1"},
            {"content-encoding": "gzip"},
            {"vicinal-timeout": "nan"},
            {"vicinal-timeout": "-1"},
            {"x-request-id": "a" * 1000},
            {"content-type": "text/html"},
            {"authorization": b"Bearer \xff"},
        ):
            try:
                answer = http.post(f"{DOCS}/count", content=b"{}", headers=headers)
            except httpx.HTTPError:
                continue  # httpx does not send it, or the server closed what it could not read
            assert answer.status_code < 500, (headers, answer.text)
        assert http.post(f"{DOCS}/count", json={}).json() == {"count": 2}
