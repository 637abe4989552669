"""Signature V4: which bytes of a request are signed, and how.

Vicinal's server has a separate implementation, so that neither side needs the other; both pass the same test vectors.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

ALGORITHM = "HMAC-SHA256"
TERMINATOR = "request"
DATE_FORMAT = "%Y%m%dT%H%M%SZ"
SIGNED_ALWAYS = {"content-type", "content-md5", "host"}
PORTS_LEFT_OUT = (":80", ":443")


@dataclass(frozen=True)
class Scope:
    """The day, region and service for which a signature is valid."""

    day: str
    region: str
    service: str

    def __str__(self) -> str:
        return f"{self.day}/{self.region}/{self.service}/{TERMINATOR}"


def body_hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def canonical_query(pairs: Iterable[tuple[str, str]]) -> str:
    """Returns the pairs sorted by decoded name; a space is %20, unlike in the URL that is sent."""
    ordered = sorted(pairs, key=lambda pair: pair[0])
    return "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in ordered)


def signed_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Returns the headers that are signed: names in lower case, sorted."""
    chosen = {}
    for name, value in headers.items():
        lower = name.lower()
        if lower in SIGNED_ALWAYS or lower.startswith("x-"):
            if lower == "host" and value.endswith(PORTS_LEFT_OUT):
                value = value.rpartition(":")[0]
            chosen[lower] = value
    return dict(sorted(chosen.items()))


def canonical_request(
    method: str, path: str, query: Iterable[tuple[str, str]], signed: Mapping[str, str], hash_of_body: str
) -> str:
    lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
    uri = quote(path or "/", safe="/-_.~")
    return "\n".join([method, uri, canonical_query(query), lines, ";".join(signed), hash_of_body])


def signing_key(secret: str, scope: Scope) -> bytes:
    key = secret.encode()
    for part in (scope.day, scope.region, scope.service, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def signature(secret: str, date: str, scope: Scope, canonical: str) -> str:
    text = "\n".join([ALGORITHM, date, str(scope), body_hash(canonical.encode())])
    return hmac.digest(signing_key(secret, scope), text.encode(), "sha256").hex()


def now() -> str:
    return datetime.now(UTC).strftime(DATE_FORMAT)
