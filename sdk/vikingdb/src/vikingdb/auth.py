"""Credentials, and how they appear in the headers of a request."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from . import signature


@dataclass
class SignableRequest:
    """A request before it is sent.

    Attributes:
        headers: changed in place by the signer.
        query: names and values, decoded, in the order of the URL.
        sts_token: the token of a temporary session, or "".
    """

    method: str
    path: str
    body: bytes
    region: str
    service: str
    headers: dict[str, str]
    query: list[tuple[str, str]] = field(default_factory=list)
    sts_token: str = ""


class Auth(ABC):
    """Signs requests. Subclass it for other credentials than the three below."""

    accepts_sts_token = False

    @abstractmethod
    def sign_request(self, request: SignableRequest) -> None:
        """Adds credentials to `request.headers`."""


class IAM(Auth):
    """An access key and a secret key; each request is signed (V4).

    One object serves any number of clients, services and regions.
    """

    accepts_sts_token = True

    def __init__(self, *, ak: str, sk: str) -> None:
        if not ak or not sk:
            raise ValueError(f"IAM needs both keys; {'ak' if not ak else 'sk'} is empty")
        self.ak = ak
        self._sk = sk

    def __repr__(self) -> str:
        return f"IAM(ak={self.ak!r}, sk=...)"

    def sign_request(self, request: SignableRequest) -> None:
        headers = request.headers
        for name in [name for name in headers if name.lower() in {"x-date", "x-content-sha256", "x-security-token"}]:
            del headers[name]
        date = signature.now()
        hash_of_body = signature.body_hash(request.body)
        headers["X-Date"] = date
        headers["X-Content-Sha256"] = hash_of_body
        if request.sts_token:
            headers["X-Security-Token"] = request.sts_token
        signed = signature.signed_headers(headers)
        scope = signature.Scope(date[:8], request.region, request.service)
        canonical = signature.canonical_request(request.method, request.path, request.query, signed, hash_of_body)
        mark = signature.signature(self._sk, date, scope, canonical)
        headers["Authorization"] = (
            f"{signature.ALGORITHM} Credential={self.ak}/{scope}, SignedHeaders={';'.join(signed)}, Signature={mark}"
        )


class APIKey(Auth):
    """A key that is sent unchanged. It is valid for the data plane only."""

    def __init__(self, *, api_key: str) -> None:
        if not api_key:
            raise ValueError("api_key is empty")
        self.api_key = api_key

    def __repr__(self) -> str:
        return "APIKey(api_key=...)"

    def sign_request(self, request: SignableRequest) -> None:
        request.headers["Authorization"] = f"Bearer {self.api_key}"


class HeaderAuth(Auth):
    """Headers that identify the caller to a private deployment. Entries whose value is None are left out."""

    def __init__(self, headers: Mapping[str, str | None]) -> None:
        self.headers = dict(headers)

    def __repr__(self) -> str:
        return f"HeaderAuth({sorted(self.headers)})"

    def sign_request(self, request: SignableRequest) -> None:
        request.headers.update({name: value for name, value in self.headers.items() if value is not None})
