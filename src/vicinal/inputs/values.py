"""Validation of texts, metadata and times to live. `places` names a row for messages when needed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from ..errors import InvalidArgument, InvalidText, LimitExceeded, VicinalError
from ..metadata import dumps
from .unicode import check_unicode

TEXT_BYTES_MAX = 16 << 20
NEVER = -1  # removes an expiry
TTL_SECONDS_MAX = 1e10  # about three hundred years

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_INSTANT = datetime.max.replace(tzinfo=UTC)

Places = Callable[[int], str]


def check_text(text: Any, places: Places, row: int) -> str | None:
    if text is None or (type(text) is str and text.isascii() and len(text) <= TEXT_BYTES_MAX):
        return text
    if not isinstance(text, str):
        raise InvalidText(
            f"a text must be a str, not {type(text).__name__}",
            name="texts",
            value=text,
            place=places(row),
            remedy="Convert it with str(...), or pass None for a row without text.",
        )
    size = check_unicode(text, "the text", "texts", places(row), error=InvalidText)
    if size > TEXT_BYTES_MAX:
        raise LimitExceeded(
            f"the text takes {size:,} bytes, the limit is {TEXT_BYTES_MAX:,}",
            name="texts",
            value=size,
            place=places(row),
            remedy="Split it into chunks.",
        )
    return str.__str__(text)  # the text itself, even if a subclass overrides __str__


def check_metadata(metadata: Any, places: Places, row: int) -> str | None:
    if metadata is None or (not metadata and isinstance(metadata, Mapping)):
        return None
    try:
        return dumps(metadata)
    except VicinalError as error:
        error.place = places(row)  # only computed now, since it costs more than the check
        raise


def expiry(ttl: Any, now: int, place: str) -> int | None:
    """Seconds from now, a timedelta, or a datetime (naive means UTC), as microseconds since 1970.

    An infinite number of seconds is `NEVER`, as opposed to None, which means not given.
    """
    if ttl is None:
        return None
    if isinstance(ttl, (float, np.floating)) and ttl == math.inf:
        return NEVER
    if isinstance(ttl, datetime) and ttl == ttl:  # pandas.NaT is a datetime that is not equal to itself
        aware = ttl if ttl.tzinfo is not None else ttl.replace(tzinfo=UTC)
        # an instant past the year 9999 in UTC could be stored, but not returned
        return max(0, (min(aware, _LAST_INSTANT) - _EPOCH) // timedelta(microseconds=1))
    seconds = ttl.total_seconds() if isinstance(ttl, timedelta) else ttl
    if isinstance(seconds, np.number):
        seconds = seconds.item()
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < TTL_SECONDS_MAX:
        raise InvalidArgument(
            f"ttl must be a positive number of seconds or a datetime, not {ttl!r}",
            name="ttl",
            value=ttl,
            place=place,
            remedy="Leave it out for rows that stay, or pass math.inf to let rows stay that would have expired.",
        )
    return now + int(seconds * 1_000_000)
