"""The signature, against vectors computed with the vendor's own signer."""

from __future__ import annotations

import pytest

from vikingdb import IAM, signature
from vikingdb.auth import SignableRequest

AK, SK, DATE = "AKLTtestaccesskey0001", "TestSecretKey/0123456789+abcdefg==", "20260102T030405Z"
JSON = {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": "any"}
QUERY_B = [("b", "2 x"), ("a", "1/é~"), ("A", "z")]
HOST_D = {"Content-Type": "application/json", "Host": "vikingdb.cn-beijing.volcengineapi.com"}

BODY_A = b'{"collection_name":"text","index_name":"text_index","limit":1}'
BODY_B = '{"collection_name":"text","data":[{"title":"北京 Atlas","score":42.5}]}'.encode()
BODY_D = b'{"CollectionName": "c1"}'
WITH_ID = {**JSON, "X-Tt-Logid": "req-0001"}
QUERY_D = [("Action", "CreateVikingdbCollection"), ("Version", "2025-06-09")]
UPSERT, RANDOM = "/api/vikingdb/data/upsert", "/api/vikingdb/data/search/random"

VECTORS = {
    "plain": (
        SignableRequest("POST", RANDOM, BODY_A, "cn-beijing", "vikingdb", JSON),
        "content-type;x-content-sha256;x-date",
        "cca6ef4fec4ea6fb02c73e70f3eb5d7f963625d06a2d7e52f25d7d0470c21490",
    ),
    "query, token, id": (
        SignableRequest("POST", UPSERT, BODY_B, "ap-southeast-1", "vikingdb", WITH_ID, QUERY_B, "STS-token-abc"),
        "content-type;x-content-sha256;x-date;x-security-token;x-tt-logid",
        "7bf06204671dd5edf6ad557e67f22d3a5df6496ecbff37279f0a0d1b7d1816a9",
    ),
    "empty body": (
        SignableRequest("GET", "/api/memory/ping", b"", "cn-beijing", "air", JSON),
        "content-type;x-content-sha256;x-date",
        "d6a2acbb42330c27130b5ebdcde82cf4316b54540a20b03f0aa01698e0bff981",
    ),
    "host": (
        SignableRequest("POST", "/", BODY_D, "cn-beijing", "vikingdb", HOST_D, QUERY_D),
        "content-type;host;x-content-sha256;x-date",
        "15050056d3dd82c3a1aaf462e5bd3f0a59d94aa0a0dd05babf245268c1abdf24",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", VECTORS)
def test_a_signature_is_the_vendors(name, monkeypatch):
    monkeypatch.setattr(signature, "now", lambda: DATE)
    request, signed, expected = VECTORS[name]
    request.headers = dict(request.headers)
    IAM(ak=AK, sk=SK).sign_request(request)
    scope = f"20260102/{request.region}/{request.service}/request"
    assert request.headers["Authorization"] == (
        f"HMAC-SHA256 Credential={AK}/{scope}, SignedHeaders={signed}, Signature={expected}"
    )


def test_the_key_and_the_query_of_the_specification():
    scope = signature.Scope("20260102", "cn-beijing", "vikingdb")
    assert signature.signing_key(SK, scope).hex() == "bcbd26a150ae5e1f69deeb06cba1dbc25500ac0286852bd7a96d51901184c5f4"
    assert signature.canonical_query(QUERY_B) == "A=z&a=1%2F%C3%A9~&b=2%20x"


@pytest.mark.parametrize(("given", "signed"), [("h:443", "h"), ("h:80", "h"), ("h:8080", "h:8080")])
def test_a_usual_port_is_not_signed(given, signed):
    assert signature.signed_headers({"Host": given}) == {"host": signed}


def test_a_secret_is_never_shown():
    assert SK not in repr(IAM(ak=AK, sk=SK))


@pytest.mark.parametrize("keys", [{"ak": "", "sk": "x"}, {"ak": "x", "sk": ""}])
def test_both_keys_are_needed(keys):
    with pytest.raises(ValueError, match="empty"):
        IAM(**keys)
