"""Typed JSON: metadata is stored as JSON and returned as the same Python values.

JSON's own types are written unchanged. A date, datetime, Decimal or UUID becomes an object with one key, such as
{"$date": "2024-05-01"}, and so does an int too long for decimal text. A user's own key that begins with "$" is
written with one more "$", so the two cannot be confused. Tuples become lists.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np

from .errors import InvalidMetadata, LimitExceeded

METADATA_BYTES_MAX = 1 << 20
METADATA_DEPTH_MAX = 64

# Python refuses to convert longer ints to and from decimal text beyond a limit that programs may lower to
# 640 digits; hexadecimal has no limit, and takes linear time.
_DECIMAL_BITS_MAX = 2048
_PLAIN_INT_MAX = 2**63
_FLOAT_MAX = sys.float_info.max
TAGS = frozenset({"$datetime", "$date", "$decimal", "$uuid", "$int"})
_TAG = '"$'  # occurs in the JSON of a tagged value, and of a key that was given one more "$"

_JSON_REMEDY = "Use str, int, float, bool, None, date, datetime, Decimal, UUID, or lists and dicts of these."

_WRITERS: dict[type, tuple[str, Callable[[Any], str]]] = {
    datetime: ("$datetime", datetime.isoformat),
    date: ("$date", date.isoformat),
    Decimal: ("$decimal", str),
    UUID: ("$uuid", str),
}
_READERS: dict[str, Callable[[str], Any]] = {
    "$datetime": datetime.fromisoformat,
    "$date": date.fromisoformat,
    "$decimal": Decimal,
    "$uuid": UUID,
    "$int": lambda text: int(text, 16),
}


def dumps(metadata: Mapping[str, Any], *, place: str = "") -> str:
    """`metadata` as typed JSON.

    Args:
        metadata: a mapping with str keys; values as in the module's description.
        place: where it was found, for errors, such as "row 3 (id 'b')".

    Raises:
        InvalidMetadata: a value that would not be returned as given, NaN or infinity, or a key that is not a str.
        LimitExceeded: more than 64 levels deep or longer than 1 MiB.
    """
    text = _plain_json(metadata)
    if text is None:
        text = _encode(_to_json(_mapping(metadata, place), "metadata", 1, place))
    try:
        size = len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError:
        raise InvalidMetadata(
            "metadata holds a lone surrogate, which is not text",
            name="metadata",
            value=metadata,
            place=place,
            remedy="Decode the source with errors='replace' before storing it.",
        ) from None
    if size > METADATA_BYTES_MAX:
        raise LimitExceeded(
            f"metadata takes {size:,} bytes as JSON, the limit is {METADATA_BYTES_MAX:,}",
            name="metadata",
            value=size,
            place=place,
            remedy="Keep large values in the text or in a file, and a reference to them here.",
        )
    return text


def use(plain_json: Callable[[Any], str | None]) -> None:
    """Makes `dumps` try `plain_json` first: it returns the JSON of a dict of exact plain types, None for others."""
    global _plain_json
    _plain_json = plain_json


def loads(text: str) -> dict[str, Any]:
    """The inverse of `dumps`."""
    decoder, scan = (_DECODER, _SCAN) if _TAG in text else (_PLAIN_DECODER, _PLAIN_SCAN)
    try:
        value, end = scan(text, 0)
    except (json.JSONDecodeError, StopIteration):
        end = -1
    if end != len(text):  # not written by `dumps`: surrounding blanks, or an error, which then names its position
        value = decoder.decode(text)
    if type(value) is not dict:
        raise InvalidMetadata("stored metadata is not an object", name="metadata", value=text)
    return value


def to_typed(value: Any) -> Any:
    """A metadata value in terms of JSON's types, tagged where necessary: what `dumps` writes for it.

    Raises:
        InvalidMetadata: the value cannot be stored in metadata.
    """
    return _to_json(value, "value", 1, "")


def from_typed(value: Any) -> Any:
    """The inverse of `to_typed`. If a text is not valid for the type of its tag, the error of that type propagates."""
    if type(value) is dict:
        return untagged({key: from_typed(item) for key, item in value.items()})
    return [from_typed(item) for item in value] if type(value) is list else value


def _mapping(metadata: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(metadata, Mapping):
        raise InvalidMetadata(
            f"metadata must be a dict, not {type(metadata).__name__}",
            name="metadata",
            value=metadata,
            place=place,
            remedy="Pass a dict such as {'year': 2024}, or None.",
        )
    return metadata


def plain_json(metadata: Any) -> str | None:
    """The default of `use`, which can be given a faster version."""
    return _encode(metadata) if _is_plain(metadata) else None


def _is_plain(metadata: Any) -> bool:
    """Whether it is a flat dict of JSON's own types, as most metadata is: then no value needs conversion."""
    if type(metadata) is not dict:
        return False
    for key, value in metadata.items():
        if type(key) is not str or key.startswith("$"):
            return False
        kind = type(value)
        if kind is float:
            if not -_FLOAT_MAX <= value <= _FLOAT_MAX:
                return False
        elif kind is int:
            if not -_PLAIN_INT_MAX <= value <= _PLAIN_INT_MAX:
                return False
        elif kind is not str and kind is not bool and value is not None:
            return False
    return True


def _to_json(value: Any, path: str, depth: int, place: str) -> Any:
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int:
        return value if value.bit_length() <= _DECIMAL_BITS_MAX else {"$int": hex(value)}
    if kind is float:
        return _finite(value, path, place)
    if kind is dict or isinstance(value, Mapping):
        _check_depth(path, depth, place)
        return {
            _key(key, path, place): _to_json(item, f"{path}.{key}", depth + 1, place) for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        _check_depth(path, depth, place)
        return [_to_json(item, f"{path}[{i}]", depth + 1, place) for i, item in enumerate(value)]
    return _scalar(value, path, place)


def _scalar(value: Any, path: str, place: str) -> Any:
    for kind, (tag, write) in _WRITERS.items():
        if isinstance(value, kind):
            return _tagged(tag, write, value, path, place)
    if isinstance(value, (np.bool_, np.integer, np.floating, np.str_)):
        return _to_json(value.item(), path, 1, place)  # a scalar, so depth is irrelevant
    if isinstance(value, (bool, int, float, str)):  # a subclass or an enum member: keep the plain value
        return _to_json(_plain(value), path, 1, place)
    raise InvalidMetadata(
        f"{path} is of type {type(value).__name__}, which metadata cannot hold",
        name=path,
        value=value,
        place=place,
        remedy="Write .tolist() behind it." if isinstance(value, np.ndarray) else _JSON_REMEDY,
    )


def _plain(value: bool | int | float | str) -> bool | int | float | str:
    """The built-in value of an instance of a subclass; by `int.__int__` and the like, since a subclass may override."""
    if isinstance(value, int):
        return int.__int__(value)
    return float.__float__(value) if isinstance(value, float) else str.__str__(value)


def _tagged(tag: str, write: Callable[[Any], str], value: Any, path: str, place: str) -> dict[str, str]:
    if getattr(value, "nanosecond", 0):  # a pandas.Timestamp is a datetime with extra precision
        raise InvalidMetadata(
            f"{path} has nanoseconds, which a datetime cannot hold",
            name=path,
            value=value,
            place=place,
            remedy="Round it to microseconds, or store it as text.",
        )
    if isinstance(value, Decimal) and not value.is_finite():
        raise _not_finite(value, path, place)
    if value != value:  # pandas.NaT is a datetime that is not equal to itself
        raise _not_finite(value, path, place)
    return {tag: write(value)}


def _finite(value: float, path: str, place: str) -> float:
    if not math.isfinite(value):
        raise _not_finite(value, path, place)
    return value


def _not_finite(value: object, path: str, place: str) -> InvalidMetadata:
    return InvalidMetadata(
        f"{path} is {value}, which is not a value",
        name=path,
        value=value,
        place=place,
        remedy="Use None where a value is missing.",
    )


def _key(key: Any, path: str, place: str) -> str:
    if not isinstance(key, str):
        raise InvalidMetadata(
            f"{path} has the key {key!r} of type {type(key).__name__}; keys are strings",
            name=path,
            value=key,
            place=place,
            remedy=f"Use {str(key)!r}.",
        )
    plain = str.__str__(key)  # the text itself, even if a subclass overrides __str__
    return "$" + plain if plain.startswith("$") else plain


def _check_depth(path: str, depth: int, place: str) -> None:
    if depth > METADATA_DEPTH_MAX:
        shown = path if len(path) < 60 else path[:57] + "..."
        raise LimitExceeded(
            f"metadata is nested deeper than {METADATA_DEPTH_MAX} levels at {shown}",
            name="metadata",
            value=depth,
            place=place,
            remedy="Flatten it; a list or dict that contains itself cannot be stored.",
        )


def untagged(value: dict[str, Any]) -> Any:
    """The value of an object of typed JSON whose members are already decoded: a date, a number, or a dict."""
    if len(value) == 1:
        [(tag, text)] = value.items()
        read = _READERS.get(tag)
        if read is not None:
            return read(text)
    if any(key.startswith("$$") for key in value):
        return {key[1:] if key.startswith("$$") else key: item for key, item in value.items()}
    return value


# Created once: json.dumps and json.loads create an encoder or decoder for every call with non-default options.
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_DECODER = json.JSONDecoder(object_hook=untagged)
_PLAIN_DECODER = json.JSONDecoder()
_SCAN, _PLAIN_SCAN = (decoder.scan_once for decoder in (_DECODER, _PLAIN_DECODER))  # type: ignore[attr-defined]
_plain_json = plain_json
