"""Errors of the service and of the connection to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

DEFAULT_UNKNOWN_ERROR_CODE = 1000028
NETWORK_ERROR_CODE = 1001
UNKNOWN = "unknown"

Code = int | str
E = TypeVar("E", bound="VikingException")


class VikingException(Exception):
    """An error of the service, or of the connection to it.

    Attributes:
        code: the error code of the service.
        request_id: for the operator of the server.
        status_code: of HTTP; None if there was no response.
    """

    code: Code

    def __init__(
        self, code: Code, request_id: str = UNKNOWN, message: str | None = None, *, status_code: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.request_id = request_id
        self.message = message or "the request failed"
        self.status_code = status_code

    def __str__(self) -> str:
        status = "" if self.status_code is None else f", http_status={self.status_code}"
        return f"{self.message} (code={self._shown_code()}, request_id={self.request_id}{status})"

    def _shown_code(self) -> str:
        return str(self.code)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self.code, self.request_id, self.message, self.status_code)

    def promote(self, cls: type[E]) -> E:
        """Returns the same error as an instance of a subclass."""
        return cls(self.code, self.request_id, self.message, status_code=self.status_code)


def _rebuilt(cls: type[E], code: Code, request_id: str, message: str, status_code: int | None) -> E:
    return cls(code, request_id, message, status_code=status_code)


class VikingAPIException(VikingException):
    """An error response, before the service gives it a class of its own."""

    @classmethod
    def from_response(
        cls, payload: Any, *, request_id: str = UNKNOWN, status_code: int | None = None
    ) -> VikingAPIException:
        parsed = parse_error_payload(payload)
        known = parsed.request_id if parsed.request_id != UNKNOWN else request_id
        return cls(parsed.code, known, parsed.message, status_code=status_code)


@dataclass
class ParsedError:
    """The parts of an error, found in any of the formats that services use."""

    code: Code
    request_id: str
    message: str
    payload: Any
    raw: str | None = None


def parse_error_payload(payload: Any) -> ParsedError:
    """Returns the parts of a decoded body, or of a text that is not JSON."""
    if isinstance(payload, str):
        return ParsedError(DEFAULT_UNKNOWN_ERROR_CODE, UNKNOWN, payload.strip() or "empty answer", None, payload)
    if not isinstance(payload, Mapping):
        return ParsedError(DEFAULT_UNKNOWN_ERROR_CODE, UNKNOWN, "the server gave no reason", payload)
    metadata = payload.get("ResponseMetadata")
    if isinstance(metadata, Mapping):
        error = metadata.get("Error")
        error = error if isinstance(error, Mapping) else {}
        code = _code(error.get("Code"), error.get("code"))
        request_id = _text(metadata.get("RequestId"), error.get("RequestId"))
        message = _text(error.get("Message"), error.get("message"))
    else:
        code = _code(payload.get("code"), payload.get("Code"))
        request_id = _text(payload.get("request_id"))
        message = _text(payload.get("message"))
    return ParsedError(code, request_id or UNKNOWN, message or "the server gave no reason", payload)


def _code(*candidates: Any) -> Code:
    for one in candidates:
        if isinstance(one, int) and not isinstance(one, bool):
            return one
        if isinstance(one, str) and one.strip():
            return one.strip()
    return DEFAULT_UNKNOWN_ERROR_CODE


def _text(*candidates: Any) -> str:
    return next((one.strip() for one in candidates if isinstance(one, str) and one.strip()), "")


def promote_exception(
    exc: VikingException,
    *,
    exception_map: Mapping[int, type[VikingException]] | None = None,
    default_cls: type[VikingException],
) -> VikingException:
    """Returns the error as the class that the map has for its code."""
    known = exception_map.get(exc.code) if exception_map and isinstance(exc.code, int) else None
    return exc.promote(known or default_cls)
