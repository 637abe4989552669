"""Signatures of the real signer are accepted, and no others."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.viking import signed_headers
from vicinal.errors import KeyRefused
from vicinal.server.vikingdb.signature import canonical_request, check_body, check_signature, read_signed, signature_of

ACCESS, SECRET = "AKLTtestaccesskey0001", "TestSecretKey/0123456789+abcdefg=="
DATE = "20260102T030405Z"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
JSON = {"content-type": "application/json"}

# Computed with the real signer (volcengine 1.0.229): region, service, method, path, query in the URL, headers that are
# signed in addition to the date and the body's hash, body, hash of the canonical request, signature.
VECTORS = {
    "plain": (
        ("cn-beijing", "vikingdb", "POST", "/api/vikingdb/data/search/random", ""),
        JSON,
        '{"collection_name":"text","index_name":"text_index","limit":1}',
        "7067f3a7749945edff2288d676762e952da6d33e917172f081fe64f556d5c5c6",
        "cca6ef4fec4ea6fb02c73e70f3eb5d7f963625d06a2d7e52f25d7d0470c21490",
    ),
    "query, token, id, body beyond ASCII": (
        ("ap-southeast-1", "vikingdb", "POST", "/api/vikingdb/data/upsert", "b=2+x&a=1%2F%C3%A9~&A=z"),
        {**JSON, "x-security-token": "STS-token-abc", "x-tt-logid": "req-0001"},
        '{"collection_name":"text","data":[{"title":"\u5317\u4eac Atlas","score":42.5}]}',
        "c6436b5a8fa442ebfc0cf239ea85143c022493390144e9b5cbd5763c731f5baf",
        "7bf06204671dd5edf6ad557e67f22d3a5df6496ecbff37279f0a0d1b7d1816a9",
    ),
    "empty body": (
        ("cn-beijing", "air", "GET", "/api/memory/ping", ""),
        JSON,
        "",
        "a7d99c5488f425438a60f3e11bb835b15f7a3c37d8647254ed38170cf6b4b073",
        "d6a2acbb42330c27130b5ebdcde82cf4316b54540a20b03f0aa01698e0bff981",
    ),
    "signed host": (
        ("cn-beijing", "vikingdb", "POST", "/", "Action=CreateVikingdbCollection&Version=2025-06-09"),
        {**JSON, "host": "vikingdb.cn-beijing.volcengineapi.com"},
        '{"CollectionName": "c1"}',
        "1f119e08e09a93f70675132fe7a80a9c7291a7d6514dbe397c8f606e8f721e24",
        "15050056d3dd82c3a1aaf462e5bd3f0a59d94aa0a0dd05babf245268c1abdf24",
    ),
}


def headers_of(name: str) -> list[tuple[bytes, bytes]]:
    (region, service, *_), more, body, _, signature = VECTORS[name]
    values = {**more, "x-content-sha256": hashlib.sha256(body.encode()).hexdigest(), "x-date": DATE}
    scope = f"{ACCESS}/{DATE[:8]}/{region}/{service}/request"
    values["authorization"] = (
        f"HMAC-SHA256 Credential={scope}, SignedHeaders={';'.join(sorted(values))}, Signature={signature}"
    )
    return [(name.encode(), value.encode("latin-1")) for name, value in values.items()]


@pytest.mark.parametrize("name", VECTORS)
def test_the_real_signer_and_we_agree(name: str) -> None:
    (_, _, method, path, query), _, body, hashed, signature = VECTORS[name]
    signed = read_signed(headers_of(name), NOW, 1)
    assert signed.access_key == ACCESS
    canonical = canonical_request(signed, method, path, query)
    assert hashlib.sha256(canonical.encode()).hexdigest() == hashed
    assert signature_of(signed, SECRET, canonical) == signature
    check_signature(signed, SECRET, method, path, query)
    check_body(signed, body.encode())


@pytest.mark.parametrize("port", ["80", "443"])
def test_the_usual_ports_are_not_part_of_a_signed_host(port: str) -> None:
    (_, _, method, path, query), *_ = VECTORS["signed host"]
    headers = [
        (name, value + f":{port}".encode() if name == b"host" else value) for name, value in headers_of("signed host")
    ]
    check_signature(read_signed(headers, NOW, 1), SECRET, method, path, query)
    headers = [(name, value.replace(f":{port}".encode(), b":8080")) for name, value in headers]
    with pytest.raises(KeyRefused):
        check_signature(read_signed(headers, NOW, 1), SECRET, method, path, query)


@pytest.mark.parametrize(
    "changed", ["method", "path", "query", "body", "hash", "secret", "header", "signature", "region"]
)
def test_whatever_was_signed_cannot_be_changed(changed: str) -> None:
    (_, _, method, path, query), _, body, _, _ = VECTORS["query, token, id, body beyond ASCII"]
    headers = dict(headers_of("query, token, id, body beyond ASCII"))
    if changed == "header":
        headers[b"x-tt-logid"] = b"req-0002"
    if changed == "signature":
        headers[b"authorization"] = headers[b"authorization"][:-1] + b"0"
    if changed == "hash":
        headers[b"x-content-sha256"] = hashlib.sha256(b"").hexdigest().encode()
    if changed == "region":
        headers[b"authorization"] = headers[b"authorization"].replace(b"ap-southeast-1", b"ap-southeast-2")
    signed = read_signed(headers.items(), NOW, 1)
    secret = SECRET + "x" if changed == "secret" else SECRET
    method = "PUT" if changed == "method" else method
    path = path + "x" if changed == "path" else path
    query = query + "&c=1" if changed == "query" else query
    body = body + " " if changed == "body" else body
    with pytest.raises(KeyRefused, match=r"not that of this request|not the one that was signed"):
        check_signature(signed, secret, method, path, query)
        assert changed == "body"
        check_body(signed, body.encode())


@pytest.mark.parametrize("seconds", [-901, 901, 10**8])
def test_a_request_of_another_time_is_refused(seconds: int) -> None:
    with pytest.raises(KeyRefused, match="another time"):
        read_signed(headers_of("plain"), NOW + timedelta(seconds=seconds), 900)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"SignedHeaders=content-type;x-content-sha256;x-date", b"SignedHeaders=content-type;x-content-sha256"),
        (b"SignedHeaders=content-type;x-content-sha256;x-date", b"SignedHeaders=content-type;x-date"),
        (b"SignedHeaders=content-type;x-content-sha256;x-date", b"SignedHeaders=x-date;x-content-sha256"),
        (b"SignedHeaders=content-type;", b"SignedHeaders=content-type;host;"),
        (b"20260102/", b"20260103/"),
        (b"20260102/", b"2026010x/"),
        (b"/request", b"/other"),
        (b"HMAC-SHA256", b"HMAC-SHA1"),
        (b"Signature=", b"Signature=0"),
        (b"Credential=", b"Credential=/"),
        (b"Credential=" + ACCESS.encode(), b"Credential="),
        (b"70c8530711992f8c", "é".encode("latin-1")),
    ],
)
def test_what_is_no_signature_is_refused(old: bytes, new: bytes) -> None:
    headers = [(name, value.replace(old, new, 1)) for name, value in headers_of("plain")]
    with pytest.raises(KeyRefused):
        read_signed(headers, NOW, 1)


def test_a_header_that_stands_there_twice_is_refused() -> None:
    for name, value in headers_of("plain"):
        if name != b"content-type" or value:
            with pytest.raises(KeyRefused):
                read_signed([*headers_of("plain"), (name, value)], NOW, 1)


@given(st.binary(max_size=200), st.text(max_size=50), st.binary(max_size=200))
@settings(max_examples=50, deadline=None)
def test_nothing_but_refusals_comes_of_any_bytes(authorization: bytes, date: str, name: bytes) -> None:
    headers = [
        (b"authorization", authorization),
        (b"x-date", date.encode()),
        (b"x-content-sha256", authorization[:64]),
        (name, b"1"),
    ]
    with pytest.raises(KeyRefused):
        read_signed(headers, NOW, 900)


@given(st.binary(max_size=100), st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40))
@settings(max_examples=30, deadline=None)
def test_what_is_signed_by_the_steps_passes(body: bytes, secret: str) -> None:
    headers = signed_headers("AK", secret, body, path="/api/vikingdb/data/upsert", date=DATE)
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    signed = read_signed(encoded, NOW, 0.5)
    check_signature(signed, secret, "POST", "/api/vikingdb/data/upsert", "")
    check_body(signed, body)
    with pytest.raises(KeyRefused):
        check_body(signed, body + b" ")
