"""A client that signs its requests (signature V4), written from the specification and independent of our code."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import httpx

COLLECTION = {
    "CollectionName": "docs",
    "Fields": [
        {"FieldName": "id", "FieldType": "int64", "IsPrimaryKey": True},
        {"FieldName": "v", "FieldType": "vector", "Dim": 4},
        {"FieldName": "sparse", "FieldType": "sparse_vector"},
        {"FieldName": "n", "FieldType": "int64"},
        {"FieldName": "score", "FieldType": "float32"},
        {"FieldName": "tag", "FieldType": "string", "DefaultValue": "none"},
        {"FieldName": "tags", "FieldType": "list<string>"},
        {"FieldName": "when", "FieldType": "date_time"},
        {"FieldName": "place", "FieldType": "geo_point"},
        {"FieldName": "ok", "FieldType": "bool"},
        {"FieldName": "body", "FieldType": "string"},
        {"FieldName": "title", "FieldType": "string"},
    ],
    "FullText": [{"Field": "body"}, {"Field": "title"}],
}
INDEX = {"CollectionName": "docs", "IndexName": "i", "VectorIndex": {"IndexType": "hnsw_hybrid", "Distance": "ip"}}


def signed_headers(
    access_key: str,
    secret: str,
    body: bytes,
    *,
    method: str = "POST",
    path: str,
    query: str = "",
    date: str | None = None,
    region: str = "cn-beijing",
    service: str = "vikingdb",
    more: dict[str, str] | None = None,
) -> dict[str, str]:
    """Returns the headers of a request whose path and query need no encoding."""
    date = date or datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(body).hexdigest()
    headers = {"content-type": "application/json", "x-content-sha256": digest, "x-date": date, **(more or {})}
    names = sorted(headers)
    lines = "".join(f"{name}:{headers[name]}\n" for name in names)
    canonical = "\n".join((method, path, query, lines, ";".join(names), digest))
    scope = f"{date[:8]}/{region}/{service}/request"
    to_sign = "\n".join(("HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = secret.encode()
    for part in (date[:8], region, service, "request", to_sign):
        key = hmac.digest(key, part.encode(), "sha256")
    shown = f"Credential={access_key}/{scope}, SignedHeaders={';'.join(names)}, Signature={key.hex()}"
    return headers | {"authorization": f"HMAC-SHA256 {shown}"}


class VikingClient:
    """Signed calls to one server; without a key pair they are not signed."""

    def __init__(self, http: httpx.Client, access_key: str = "", secret: str = "") -> None:
        self.http = http
        self.access_key, self.secret = access_key, secret

    def send(self, path: str, body: Any, *, request_id: str | None = None) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        more = {} if request_id is None else {"x-tt-logid": request_id}
        headers = {"content-type": "application/json", **more}
        if self.access_key:
            headers = signed_headers(self.access_key, self.secret, content, path=f"/api/vikingdb/{path}", more=more)
        return self.http.post(f"/api/vikingdb/{path}", content=content, headers=headers)

    def call(self, path: str, body: Any, *, request_id: str | None = None) -> Any:
        """Returns the result of a call, which must succeed."""
        answer = self.send(path, body, request_id=request_id)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        if "ResponseMetadata" in told:
            return told["Result"]
        assert told["code"] == "Success"
        assert told["request_id"]
        return told["result"]

    def refused(self, path: str, body: Any) -> tuple[int, str]:
        """Returns status and code of a call, which must fail."""
        answer = self.send(path, body)
        told = answer.json()
        if "ResponseMetadata" in told:
            return answer.status_code, told["ResponseMetadata"]["Error"]["Code"]
        assert told["request_id"]
        assert told["message"]
        return answer.status_code, told["code"]
