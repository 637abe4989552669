"""Signature V4 of a request: what was signed is reconstructed from what arrived.

Pure functions of strings and bytes. Our SDK has its own signer, because it is installed without this package; both are
tested with the same vectors.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl, quote

from ...errors import KeyRefused

__all__ = ["ALGORITHM", "Signed", "canonical_request", "check_body", "check_signature", "read_signed", "signature_of"]

ALGORITHM: Final = "HMAC-SHA256"
_TERMINATOR: Final = "request"
_DATE_FORMAT: Final = "%Y%m%dT%H%M%SZ"
_DATE: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_HEADER: Final = re.compile(
    rf"{ALGORITHM} Credential=([^\s,/]{{1,128}})/([0-9]{{8}})/([^\s,/]{{1,64}})/([^\s,/]{{1,64}})/{_TERMINATOR}, *"
    r"SignedHeaders=([!-+\--:<-~]{1,128}(?:;[!-+\--:<-~]{1,128}){0,63}), *Signature=([0-9a-f]{64})"
)
_SHA256: Final = re.compile(r"[0-9A-Fa-f]{64}")
_PLAIN_PORTS: Final = re.compile(r":(?:80|443)$")
_NEEDED: Final = ("x-content-sha256", "x-date")

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Signed:
    """What the headers of a signed request claim.

    Attributes:
        day: of the scope, as YYYYMMDD; the same as that of `date`.
        names: of the signed headers, in lower case and sorted.
        headers: their values.
        body_hash: SHA-256 of the body, in hexadecimal, as the headers claim it.
    """

    access_key: str
    day: str
    region: str
    service: str
    date: str
    names: tuple[str, ...]
    headers: dict[str, str]
    body_hash: str
    signature: str

    @property
    def scope(self) -> str:
        return f"{self.day}/{self.region}/{self.service}/{_TERMINATOR}"


def read_signed(headers: Headers, now: datetime, skew_seconds: float) -> Signed:
    """Reads the headers.

    Raises:
        KeyRefused: the signature is missing, malformed, or too old or new.
    """
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    found = _HEADER.fullmatch(_only(values, "authorization"))
    if found is None:
        raise _refused("the Authorization header is not a known kind of signature")
    access_key, day, region, service, listed, signature = found.groups()
    names = tuple(listed.split(";"))
    if list(names) != sorted(set(names)) or listed != listed.lower() or not set(_NEEDED) <= set(names):
        raise _refused("SignedHeaders must be sorted, and have x-content-sha256 and x-date among them")
    signed = {name: _only(values, name) for name in names}
    date = signed["x-date"]
    _check_date(date, day, now, skew_seconds)
    if not _SHA256.fullmatch(signed["x-content-sha256"]):
        raise _refused("X-Content-Sha256 is not a SHA-256 in hexadecimal")
    return Signed(access_key, day, region, service, date, names, signed, signed["x-content-sha256"].lower(), signature)


def check_signature(signed: Signed, secret: str, method: str, path: str, query: str) -> None:
    """Checks the signature before the body is read: it covers the body's hash, which `check_body` compares.

    Args:
        path: decoded.
        query: as it was sent.

    Raises:
        KeyRefused: this request was not signed with the secret.
    """
    expected = signature_of(signed, secret, canonical_request(signed, method, path, query))
    if not hmac.compare_digest(expected, signed.signature):
        raise _refused("the signature is not that of this request")


def check_body(signed: Signed, body: bytes) -> None:
    """Raises KeyRefused if the body differs from what was signed."""
    if not hmac.compare_digest(hashlib.sha256(body).hexdigest(), signed.body_hash):
        raise _refused("the body is not the one that was signed")


def canonical_request(signed: Signed, method: str, path: str, query: str) -> str:
    lines = "".join(f"{name}:{_canonical_value(name, signed.headers[name])}\n" for name in signed.names)
    path, names = quote(path or "/", safe="/-_.~"), ";".join(signed.names)
    return "\n".join((method, path, _canonical_query(query), lines, names, signed.body_hash))


def signature_of(signed: Signed, secret: str, canonical: str) -> str:
    """The signature in hexadecimal."""
    key = secret.encode("utf-8", "surrogatepass")
    for part in (signed.day, signed.region, signed.service, _TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    hashed = hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
    to_sign = "\n".join((ALGORITHM, signed.date, signed.scope, hashed))
    return hmac.digest(key, to_sign.encode(), "sha256").hex()


def _canonical_value(name: str, value: str) -> str:
    return _PLAIN_PORTS.sub("", value) if name == "host" else value


def _canonical_query(query: str) -> str:
    """Sorted by decoded name, with a space as %20 however it was sent."""
    pairs = sorted(parse_qsl(query, keep_blank_values=True), key=lambda pair: pair[0])
    return "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs)


def _check_date(date: str, day: str, now: datetime, skew_seconds: float) -> None:
    try:
        if not _DATE.fullmatch(date):
            raise ValueError
        signed_at = datetime.strptime(date, _DATE_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        raise _refused("X-Date is not an instant such as 20260102T030405Z") from None
    if date[:8] != day:
        raise _refused("the signature is of another day than X-Date")
    if abs((now - signed_at).total_seconds()) > skew_seconds:
        raise _refused("the request was signed at another time; the clocks of client and server differ by too much")


def _only(values: dict[str, list[str]], name: str) -> str:
    """The value of a header that must occur exactly once."""
    found = values.get(name, [])
    if len(found) != 1:
        raise _refused(f"the request must have the header {name} once")
    return found[0]


def _refused(message: str) -> KeyRefused:
    return KeyRefused(message, name="authorization", place="request", remedy="Sign the request again.")
