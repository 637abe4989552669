"""Parses extended JSON: ours, and MongoDB's Extended JSON, canonical, relaxed and version 1.

Source: https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from ...errors import InvalidInput
from ...metadata import untagged

__all__ = ["loads", "reason"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UUID_SUBTYPES: Final = ("03", "04", "3", "4")


def loads(text: str) -> Any:
    """Parses a text; raises any of `rows.BAD_JSON` if it is invalid."""
    return _DECODER.decode(text)


def _of_date(value: Any) -> Any:
    """ISO text, milliseconds, or, in canonical form, {"$numberLong": "..."}, which is already a number here."""
    if isinstance(value, int):
        return _EPOCH + timedelta(milliseconds=value)
    return datetime.fromisoformat(value) if "T" in value else untagged({"$date": value})


def _of_double(value: Any) -> float | None:
    number = float(value)
    return number if number == number else None  # NaN is no value; infinity is one that no row can have


def _of_decimal(value: Any) -> Decimal | None:
    number = Decimal(value)
    return None if number.is_nan() else number


def _of_binary(value: Any) -> Any:
    """Bytes in base64, as MongoDB writes them; or the UUID that they are."""
    data, kind = (value["base64"], value.get("subType", "")) if isinstance(value, dict) else (value, "")
    return _uuid_or_text(data, str(kind))


def _uuid_or_text(data: str, kind: str) -> Any:
    raw = b64decode(data, validate=True) if kind in _UUID_SUBTYPES else b""
    return UUID(bytes=raw) if len(raw) == 16 else data


def _of_timestamp(value: Any) -> datetime:
    return _EPOCH + timedelta(seconds=value["t"])


def _of_pattern(value: Any) -> str:
    return f"/{value['pattern']}/{value.get('options', '')}" if isinstance(value, dict) else str(value)


_BY_TAG: Final[dict[str, Callable[[Any], Any]]] = {
    "$oid": str,
    "$date": _of_date,
    "$numberInt": int,
    "$numberLong": int,
    "$numberDouble": _of_double,
    "$numberDecimal": _of_decimal,
    "$binary": _of_binary,
    "$timestamp": _of_timestamp,
    "$regularExpression": _of_pattern,
    "$symbol": str,
    "$code": str,
    "$undefined": lambda value: None,
    "$minKey": lambda value: None,
    "$maxKey": lambda value: None,
}
# Second members of pairs in version 1.
_OLD_PAIRS: Final = {frozenset(("$binary", "$type")), frozenset(("$regex", "$options"))}


def _value_of(pairs: list[tuple[str, Any]]) -> Any:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the name {next(name for name in names if names.count(name) > 1)!r} occurs twice")
    if len(found) == 1:
        [(tag, value)] = found.items()
        if tag in _BY_TAG:
            return _read(tag, value)
    elif len(found) == 2 and frozenset(found) in _OLD_PAIRS:
        if "$binary" in found:
            return _uuid_or_text(found["$binary"], str(found["$type"]))
        return f"/{found['$regex']}/{found['$options']}"
    return untagged(found)


def _read(tag: str, value: Any) -> Any:
    try:
        return _BY_TAG[tag](value)
    except (KeyError, AttributeError) as error:
        raise ValueError(f"{tag} holds {value!r:.60}") from error


def reason(error: Exception) -> str:
    """Why a line is not JSON, in one line."""
    if isinstance(error, InvalidInput):
        return "it is not an object"
    return str(error).partition("\n")[0] or type(error).__name__


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_value_of)
