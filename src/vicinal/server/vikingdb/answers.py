"""Responses: the envelopes of both planes, and the code for each error."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from ... import errors
from ...errors import VicinalError
from ...wire.errors import status_of

__all__ = [
    "Refusal",
    "control_failure",
    "control_success",
    "data_failure",
    "data_success",
    "invalid",
    "missing",
    "told",
]

SERVICE: Final = "vikingdb"

# The code of the nearest listed class. The status is that of the error.
_CODES: Final[dict[type[VicinalError], str]] = {
    errors.KeyRefused: "AccessDenied",
    errors.NotAllowed: "AccessDenied",
    errors.CollectionNotFound: "NotFound.VikingdbCollection",
    errors.CollectionDropped: "NotFound.VikingdbCollection",
    errors.IdNotFound: "NotFound.VikingdbData",
    errors.NotFound: "NotFound.VikingdbApi",
    errors.ServerBusy: "TooManyRequests",
    errors.InvalidInput: "InvalidParameter",
    errors.LimitExceeded: "InvalidParameter",
    errors.Unsupported: "InvalidParameter",
    errors.SettingsMismatch: "InvalidParameter",
    VicinalError: "InternalError",
}

_encode = msgspec.json.Encoder().encode


class Refusal(errors.InvalidInput):
    """An error of the protocol that the engine does not have.

    Args:
        code: of the protocol, such as "MissingParameter".
        status: HTTP status.
    """

    def __init__(self, code: str, message: str, *, status: int = 400, **more: Any) -> None:
        super().__init__(message, **more)
        self.code = code
        self.status = status


def invalid(message: str, name: str, value: Any = None, remedy: str = "") -> Refusal:
    """Returns the error of an invalid parameter."""
    return Refusal("InvalidParameter", message, name=name, value=value, remedy=remedy)


def missing(name: str) -> Refusal:
    return Refusal("MissingParameter", f"{name} is missing", name=name, remedy=f"Send {name!r} in the body.")


def data_success(api: str, request: str, result: Any) -> bytes:
    return _encode({"code": "Success", "message": "success", "request_id": request, "api": api, "result": result})


def data_failure(error: VicinalError, request: str, status: int) -> bytes:
    code, message = _code(error), told(error)
    return _encode({"code": code, "message": message, "request_id": request, "result": None})


def control_success(action: str, version: str, region: str, request: str, result: Any) -> bytes:
    metadata = {"RequestId": request, "Action": action, "Version": version, "Service": SERVICE, "Region": region}
    return _encode({"ResponseMetadata": metadata, "Result": result})


def control_failure(error: VicinalError, request: str, status: int) -> bytes:
    failure = {"Code": _code(error), "Message": told(error)}
    return _encode({"ResponseMetadata": {"RequestId": request, "Service": SERVICE, "Error": failure}})


def failed_status(error: VicinalError) -> int:
    """The HTTP status."""
    if isinstance(error, Refusal):
        return error.status
    found = status_of(error)
    return 400 if found in (409, 422) else 404 if found == 410 else found


def told(error: VicinalError) -> str:
    """The message of an error, with its place and its remedy."""
    place = f" ({error.place})" if error.place and error.place != "request" else ""
    remedy = f" {error.remedy}" if error.remedy else ""
    return f"{error.message}{place}.{remedy}".encode(errors="backslashreplace").decode()


def _code(error: VicinalError) -> str:
    if isinstance(error, Refusal):
        return error.code
    return next(_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)
