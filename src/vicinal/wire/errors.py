"""Errors as JSON, so that they are raised on the other side as the same classes with the same fields."""

from __future__ import annotations

from typing import Any, Final

from .. import errors
from ..errors import ServerFailed, VicinalError
from ..metadata import from_typed, to_typed
from .needed import msgspec
from .values import WRONG

__all__ = ["STATUS", "ErrorDetail", "Failure", "status_of"]

_VALUE_CHARS_MAX: Final = 1000
_BYTES: Final = "$bytes"

# The status of the nearest listed class.
STATUS: Final[dict[type[VicinalError], int]] = {
    errors.InvalidInput: 400,
    errors.DuplicateId: 409,
    errors.SettingsMismatch: 409,
    errors.LimitExceeded: 413,
    errors.KeyRefused: 401,
    errors.NotAllowed: 403,
    errors.NotFound: 404,
    errors.CollectionDropped: 410,
    errors.Unsupported: 422,
    errors.ServerBusy: 429,
    errors.WriterBusy: 503,
    errors.DeadlineExceeded: 504,
    errors.DiskFull: 507,
    VicinalError: 500,
}


class ErrorDetail(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error.

    Attributes:
        type: its class.
        bases: its base classes, nearest first, for a client that does not know the class.
        value: the offending value as typed JSON, or a text that shows it.
        committed: of `CommitFailed`: whether something was changed; null for unknown.
        request: its id in the server's log.
    """

    type: str
    message: str
    bases: tuple[str, ...] = ()
    name: str = ""
    value: Any = None
    place: str = ""
    remedy: str = ""
    committed: bool | None = False
    request: str = ""


class Failure(msgspec.Struct, frozen=True):
    """The body of every error response."""

    error: ErrorDetail

    @classmethod
    def of(cls, error: VicinalError, request: str = "") -> Failure:
        bases = [kind.__name__ for kind in type(error).__mro__[1:] if issubclass(kind, VicinalError)]
        return cls(
            ErrorDetail(
                type=type(error).__name__,
                message=error.message,
                bases=tuple(bases),
                name=error.name or "",
                value=_to_value(error.value),
                place=error.place,
                remedy=error.remedy,
                committed=getattr(error, "committed", False),
                request=request,
            )
        )

    def value(self) -> VicinalError:
        """Returns the error, to be raised."""
        told = self.error
        known = (getattr(errors, name) for name in (told.type, *told.bases) if name in errors.__all__)
        state = {"name": told.name, "value": _from_value(told.value), "place": told.place, "remedy": told.remedy}
        if told.type == errors.CommitFailed.__name__:
            state["committed"] = told.committed
        return errors.remade(next(known, ServerFailed), told.message, state)


def status_of(error: VicinalError) -> int:
    """Returns the HTTP status of an error."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def _to_value(value: Any) -> Any:
    """The value if it is portable; anything else, and long values, as a text that shows it."""
    if isinstance(value, bytes) and len(value) <= _VALUE_CHARS_MAX:
        return {_BYTES: value.hex()}
    try:
        text = msgspec.json.encode(to_typed(value))
        if len(text) <= _VALUE_CHARS_MAX:
            return msgspec.Raw(text)
    except (VicinalError, UnicodeEncodeError, msgspec.EncodeError):
        pass
    shown = value if isinstance(value, str) else repr(value)
    return shown[:_VALUE_CHARS_MAX].encode(errors="backslashreplace").decode()


def _from_value(value: Any) -> Any:
    try:
        if isinstance(value, dict) and value.keys() == {_BYTES}:
            return bytes.fromhex(value[_BYTES])
        return from_typed(value)
    except WRONG:
        return value
