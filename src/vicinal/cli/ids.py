"""Ids on the command line: what is typed finds the row, and what is shown can be typed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from uuid import UUID

from ..collection import Collection
from ..types import Id

__all__ = ["id_text", "ids_of"]

_DIGITS_MAX = 19  # of an int64


def ids_of(collection: Collection, written: Iterable[str]) -> list[Id]:
    """Resolves ids: 7 is the number if a row has it, else the text; "7" in quotation marks is the text."""
    readings = [_readings(one) for one in written]
    stored = {(type(one.id), one.id) for one in collection.get([one for each in readings for one in each])}
    return [next((one for one in each if (type(one), one) in stored), each[-1]) for each in readings]


def id_text(id_: Id) -> str:
    """The id in the syntax of `ids_of`: a text that looks like a number or a UUID is quoted."""
    if isinstance(id_, str) and len(_readings(id_)) > 1:
        return json.dumps(id_, ensure_ascii=False)
    return str(id_)


def _readings(written: str) -> list[Id]:
    """Its possible meanings, most likely first; the last is the text itself."""
    if len(written) > 2 and written[0] == written[-1] == '"':
        try:
            return [json.loads(written), written]
        except ValueError:
            return [written]
    digits = written.removeprefix("-")
    if digits.isdecimal() and len(digits) <= _DIGITS_MAX and -(2**63) <= int(written) < 2**63:
        return [int(written), written]
    try:
        return [UUID(written), written]
    except ValueError:
        return [written]
