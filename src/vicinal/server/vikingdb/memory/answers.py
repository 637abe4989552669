"""Responses of the memory service: its envelope, and numeric error codes."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from .... import errors
from ....errors import VicinalError
from ..answers import Refusal, told

__all__ = ["bad_filter", "memory_failure", "memory_success"]

_INVALID: Final = 1000003
_INVALID_FILTER: Final = "1000019"
# The code of the nearest listed class.
_CODES: Final[dict[type[VicinalError], int]] = {
    errors.KeyRefused: 1000001,
    errors.NotAllowed: 1000002,
    errors.CollectionNotFound: 1000005,
    errors.CollectionDropped: 1000005,
    errors.IdNotFound: 1000011,
    errors.DuplicateId: 1000014,
    errors.NotFound: _INVALID,
    errors.InvalidInput: _INVALID,
    errors.Unsupported: _INVALID,
    errors.SettingsMismatch: _INVALID,
    errors.EncoderNotFound: 1000025,
    errors.ModelUnavailable: 1000025,
    errors.ServerBusy: 1000029,
    VicinalError: 1000028,
}

_encode = msgspec.json.Encoder().encode


def bad_filter(message: str, name: str, value: Any = None, remedy: str = "") -> Refusal:
    return Refusal(_INVALID_FILTER, message, name=name, value=value, remedy=remedy)


def memory_success(request: str, data: Any) -> bytes:
    return _encode({"code": 0, "message": "success", "data": data, "request_id": request})


def memory_failure(error: VicinalError, request: str, status: int) -> bytes:
    if isinstance(error, Refusal):
        code = int(error.code) if error.code.isdigit() else _INVALID
    else:
        code = next(_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)
    return _encode({"code": code, "message": told(error), "request_id": request})
