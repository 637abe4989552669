"""Every error that Vicinal raises on purpose.

    VicinalError
    +-- InvalidInput            also a ValueError: the call was refused and changed nothing
    |   +-- InvalidArgument     an argument, option or name that is unknown or not valid (a TypeError too)
    |   +-- InvalidId           an id that is not a non-empty str, an int64 or a UUID
    |   +-- InvalidText         a text that cannot be stored
    |   +-- InvalidMetadata     metadata that would not be returned as given
    |   +-- InvalidVector       NaN, infinity, or something that is not a vector
    |   |   +-- DimensionMismatch
    |   |   `-- ZeroVector
    |   +-- InvalidDocument     a file that is not a readable document of the type its name indicates
    |   |   `-- EncryptedDocument a document that needs a password
    |   +-- InvalidImage        an image that is missing or cannot be decoded
    |   +-- DuplicateId         an id given twice in a call, or an `add` of an existing id
    |   +-- SettingsMismatch    a collection reopened with another dimension, metric or setting
    |   |   `-- EncoderMismatch a collection reopened with another encoder
    |   `-- LimitExceeded
    +-- NotFound                also a KeyError
    |   +-- IdNotFound
    |   +-- CollectionNotFound
    |   `-- EncoderNotFound
    `-- StoreError              also a RuntimeError: the call was valid but could not be carried out
        +-- Closed
        +-- WriterBusy          another writer held the collection longer than `timeout=`
        +-- CollectionDropped
        +-- CommitFailed        `committed` is False (nothing changed) or None (unknown)
        +-- DiskFull
        +-- Damaged             bytes whose checksum is wrong, with their place
        +-- FormatUnsupported   files written by a newer Vicinal, or not by Vicinal
        +-- Unsupported         a feature that this build or this collection does not have
        |   `-- NoEncoder       a text was given where only vectors can be compared
        +-- MissingExtra        an optional package is not installed (an ImportError too)
        +-- ModelUnavailable    model files are missing or not the published ones, or the model's server fails
        +-- NativeMismatch      the compiled core was built from other sources (an ImportError too)
        +-- Unreachable         the database server does not answer, or is not a Vicinal server
        +-- ServerBusy          the server is overloaded; the call was not executed
        +-- ServerFailed        the server had an internal error
        +-- DeadlineExceeded    the call exceeded its time limit and was stopped
        `-- NotAllowed          the key does not permit the call
            `-- KeyRefused      no key was given, or it is unknown or revoked

Each has `name` (which argument or part), `value` (what was found), `place` (row, id, file) and `remedy`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .visible import LINE_CHARS_MAX, shortened, shown, visible

__all__ = [
    "Closed",
    "CollectionDropped",
    "CollectionNotFound",
    "CommitFailed",
    "Damaged",
    "DeadlineExceeded",
    "DimensionMismatch",
    "DiskFull",
    "DuplicateId",
    "EncoderMismatch",
    "EncoderNotFound",
    "EncryptedDocument",
    "FormatUnsupported",
    "IdNotFound",
    "InvalidArgument",
    "InvalidDocument",
    "InvalidId",
    "InvalidImage",
    "InvalidInput",
    "InvalidMetadata",
    "InvalidText",
    "InvalidVector",
    "KeyRefused",
    "LimitExceeded",
    "MissingExtra",
    "ModelUnavailable",
    "NativeMismatch",
    "NoEncoder",
    "NotAllowed",
    "NotFound",
    "ServerBusy",
    "ServerFailed",
    "SettingsMismatch",
    "StoreError",
    "Unreachable",
    "Unsupported",
    "VicinalError",
    "WriterBusy",
    "ZeroVector",
]


_SHOWN_CHARS_MAX = 200
_MESSAGE_CHARS_MAX = 400  # enough for a path; a value in it is one line
_REMEDY_CHARS_MAX = 600  # lists the available names


class VicinalError(Exception):
    """Base class of all errors.

    Args:
        message: what is wrong, in one sentence without a full stop.
        name: the argument or part concerned.
        value: what was found (stored as given, never logged).
        place: where it was found: row and id, file, field.
        remedy: what to do about it, in one sentence.
    """

    def __init__(self, message: str, *, name: str = "", value: Any = None, place: str = "", remedy: str = "") -> None:
        message = _with_short_value(message, value)
        super().__init__(message)
        self.message = message
        self.name = name
        self.value = value
        self.place = shortened(place, _MESSAGE_CHARS_MAX)
        self.remedy = shortened(remedy, _REMEDY_CHARS_MAX)

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle, as between processes: a value that may not be picklable, such as an encoder, becomes its repr."""
        known = {"name": self.name, "place": self.place, "remedy": self.remedy, "value": _portable(self.value)}
        return remade, (type(self), self.message), {**self.__dict__, **known}

    def __str__(self) -> str:  # KeyError would print a repr
        where = f"{self.place}: " if self.place else ""
        cure = f" {self.remedy}" if self.remedy else ""
        return visible(f"{where}{self.message}.{cure}")


def _with_short_value(message: str, value: Any) -> str:
    """The message with a long value shortened to one line, so that it stays readable and does not fill a log."""
    if len(message) <= LINE_CHARS_MAX:
        return message
    whole = value if isinstance(value, str) else ""
    for written in (repr(whole), whole) if len(whole) > LINE_CHARS_MAX else ():
        message = message.replace(written, shown(whole))
    return shortened(message, _MESSAGE_CHARS_MAX)


def remade(kind: type[VicinalError], message: str, state: Mapping[str, Any] | None = None) -> VicinalError:
    """Recreates an error without calling its `__init__`, whose arguments differ between classes.

    Args:
        state: its other attributes.
    """
    error = kind.__new__(kind, message)
    error.args = (message,)
    if state is not None:
        error.__setstate__({**state, "message": message})
    return error


def _portable(value: Any) -> Any:
    if value is None or isinstance(value, (str, bytes, int, float)):
        return value
    if type(value) in (list, tuple):
        return type(value)(_portable(item) for item in value)
    return repr(value)[:_SHOWN_CHARS_MAX]


class InvalidInput(VicinalError, ValueError):
    """The call was rejected before any work was done; nothing changed."""


class InvalidArgument(InvalidInput, TypeError):
    """An argument, option or name that is unknown or not valid."""


class InvalidId(InvalidInput):
    """An id that is not a non-empty str, an int64 or a UUID."""


class InvalidText(InvalidInput):
    """A text that cannot be stored."""


class InvalidMetadata(InvalidInput):
    """Metadata that would not be returned as given."""


class InvalidVector(InvalidInput):
    """NaN, infinity, or something that is not a vector."""


class InvalidDocument(InvalidInput):
    """A file that is not a readable document of the type its name indicates."""


class EncryptedDocument(InvalidDocument):
    """A document that needs a password."""


class InvalidImage(InvalidInput):
    """An image that is missing or cannot be decoded."""


class DimensionMismatch(InvalidVector):
    """A vector whose dimension differs from the collection's."""


class ZeroVector(InvalidVector):
    """A vector of length zero under the metric cosine."""


class DuplicateId(InvalidInput):
    """An id given twice in a call, or an `add` of an existing id."""


class SettingsMismatch(InvalidInput):
    """A collection was opened with a dimension, metric or setting that differs from its own."""


class EncoderMismatch(SettingsMismatch):
    """A collection was opened with an encoder that differs from its own."""


class LimitExceeded(InvalidInput):
    """A value beyond a documented limit."""


class NotFound(VicinalError, KeyError):
    """Something that was named does not exist."""


class IdNotFound(NotFound):
    """No row has this id."""


class CollectionNotFound(NotFound):
    """No collection has this name."""


class EncoderNotFound(NotFound):
    """No encoder is registered under this name."""


class StoreError(VicinalError, RuntimeError):
    """The call was valid, but could not be carried out."""


class Closed(StoreError):
    """A handle was used after `close()`."""


class WriterBusy(StoreError):
    """Another writer held the collection longer than `timeout=`."""


class CollectionDropped(StoreError):
    """The collection was dropped, here or by another process, or its folder was deleted, moved or replaced."""


class CommitFailed(StoreError):
    """A write whose commit failed; `committed` is False (nothing changed) or None (unknown)."""

    committed: bool | None = False


class DiskFull(StoreError):
    """Not enough disk space for the write; nothing changed."""


class Damaged(StoreError):
    """Bytes whose checksum is wrong."""


class FormatUnsupported(StoreError):
    """Files written by a newer Vicinal, or not by Vicinal."""


class Unsupported(StoreError):
    """A feature that this version or this collection does not have.

    Attributes:
        lacks: if the database lacks the feature, its name in `Capabilities.lacks`.
    """

    lacks: str | None = None


class NoEncoder(Unsupported):
    """A text was given where only vectors can be compared."""


class MissingExtra(StoreError, ImportError):  # type: ignore[misc]  # both have a `name`, ours is the package
    """An optional package is not installed; the remedy is the command that installs it."""

    def __init__(self, package: str, extra: str, feature: str) -> None:
        super().__init__(
            f"{feature} needs the package {package!r}, which is not installed",
            name=package,
            value=extra,
            remedy=f"Install it with: pip install 'vicinal[{extra}]'",
        )


class ModelUnavailable(StoreError):
    """Model files are missing, are not the published ones or cannot run, or the model's server does not answer."""


class NativeMismatch(StoreError, ImportError):  # type: ignore[misc]  # both have a `name`
    """The compiled core was built from other sources than the Python code around it."""


class Unreachable(StoreError):
    """The server of a database cannot be reached, is late, or is not a Vicinal server. If `committed` is None, it is
    unknown whether a write that was sent was carried out."""

    committed: bool | None = False


class ServerBusy(StoreError):
    """The server is overloaded; the call was not executed."""


class ServerFailed(StoreError):
    """The server had an internal error; its log has details under the id of the request."""


class DeadlineExceeded(StoreError):
    """The call exceeded its time limit and was stopped."""


class NotAllowed(StoreError):
    """The key does not permit the call: it needs another role, or reaches rows outside the key's filter."""


class KeyRefused(NotAllowed):
    """No key was given although one is needed, or the key is unknown or revoked."""
