"""Validation of ids: str, int64 or UUID."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import numpy as np

from ..errors import InvalidId, LimitExceeded
from ..types import Id
from .unicode import check_unicode

ID_BYTES_MAX = 4096

_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1


def is_scalar_id(value: object) -> bool:
    """Whether `value` is a single id rather than a list of ids."""
    return isinstance(value, (str, int, UUID, np.integer))


def check_id(value: Any, place: str = "") -> Id:
    """`value` if it is a non-empty str, an int64 or a UUID."""
    if type(value) is str and value.isascii() and 0 < len(value) <= ID_BYTES_MAX:
        return value
    if type(value) is int and _INT64_MIN <= value <= _INT64_MAX:
        return value
    if isinstance(value, np.integer):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (str, int, UUID)):
        raise InvalidId(
            f"an id must be a str, an int or a UUID, not {type(value).__name__} ({value!r})",
            name="id",
            value=value,
            place=place,
            remedy="Convert it, for example with str(...).",
        )
    if isinstance(value, UUID):
        return value
    if isinstance(value, int):
        if not _INT64_MIN <= value <= _INT64_MAX:
            raise InvalidId(
                f"the id {value} does not fit into 64 bits",
                name="id",
                value=value,
                place=place,
                remedy="Use a str.",
            )
        return int(value)
    return _check_str_id(str.__str__(value), place)  # the text itself, even if a subclass overrides __str__


def _check_str_id(value: str, place: str) -> str:
    if not value:
        raise InvalidId(
            "an id must not be empty",
            name="id",
            value=value,
            place=place,
            remedy="Leave ids out altogether and the collection makes them.",
        )
    size = check_unicode(value, "the id", "id", place, error=InvalidId)
    if size > ID_BYTES_MAX:
        raise LimitExceeded(
            f"an id takes {size:,} bytes, the limit is {ID_BYTES_MAX:,}",
            name="id",
            value=size,
            place=place,
            remedy="Use a hash of it, and keep the long form in the metadata.",
        )
    return value
