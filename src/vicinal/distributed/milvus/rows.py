"""Points as rows of Milvus: some values have columns, others are stored in columns as JSON.

A text of Milvus has at most 65,535 bytes, so values that may be longer are split and stored as an array of texts. Every
row must have a vector of at least two components: `dimension` says how many are ours, 0 if there is no vector.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from pymilvus import CollectionSchema, DataType

from ...contract import FloatVector
from ...errors import LimitExceeded
from ..engine import Point
from .filters import NEVER, plain_term, stored_term

__all__ = ["DIMENSION_MIN", "add_texts", "columns_of", "kept_as_text", "point_of", "row_of", "schema_of", "text_of"]

DIMENSION_MIN: Final = 2  # the engine's minimum; the added components are 0, which changes no comparison
_CHARS_A_PIECE: Final = 16_000  # 64,000 bytes at most
_PIECE_BYTES_MAX: Final = 65_535
_ELEMENTS_MAX: Final = 4096
_TERM_BYTES_MAX: Final = 4096
_PARTS_BYTES_MAX: Final = 65_536
_LONG: Final = ("metadata", "text", "sparse")  # separate columns, because a search seldom requests them
_OWN: Final = ("order", "expires", "terms", "parts", *_LONG)


def schema_of(dimension: int | None) -> CollectionSchema:
    """Returns the columns of a collection of points."""
    schema = CollectionSchema([], auto_id=False, enable_dynamic_field=False, check_fields=False)
    schema.add_field("key", DataType.VARCHAR, max_length=36, is_primary=True)
    schema.add_field("order", DataType.INT64)
    schema.add_field("expires", DataType.INT64)
    schema.add_field("dimension", DataType.INT32)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=max(DIMENSION_MIN, dimension or 0))
    schema.add_field("parts", DataType.JSON)
    add_texts(schema, "terms", _TERM_BYTES_MAX)
    for name in ("beside", *_LONG):
        add_texts(schema, name)
    return schema


def add_texts(schema: CollectionSchema, name: str, bytes_max: int = _PIECE_BYTES_MAX) -> None:
    """Adds a column in which a row has any number of texts, up to 4096."""
    schema.add_field(
        name, DataType.ARRAY, element_type=DataType.VARCHAR, max_length=bytes_max, max_capacity=_ELEMENTS_MAX
    )


def kept_as_text(value: Any) -> list[str]:
    """A value as JSON, split into texts that the engine accepts; empty for a missing value."""
    if value is None:
        return []
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return [text[start : start + _CHARS_A_PIECE] for start in range(0, len(text), _CHARS_A_PIECE)]


def text_of(pieces: Sequence[str]) -> Any:
    """The inverse of `kept_as_text`."""
    return json.loads("".join(pieces)) if pieces else None


def row_of(point: Point, width: int) -> dict[str, Any]:
    """Returns the row to send.

    Args:
        width: components of the vectors there.

    Raises:
        LimitExceeded: the engine does not accept it.
    """
    payload = point.payload
    vector = np.zeros(width, dtype=np.float32)
    if point.vector is not None:
        vector[: len(point.vector)] = point.vector
    row = {
        "key": point.key,
        "order": payload["order"],
        "expires": payload.get("expires", NEVER),
        "dimension": 0 if point.vector is None else len(point.vector),
        "vector": vector,
        "terms": list(dict.fromkeys(map(stored_term, payload["terms"]))),
        "parts": payload["parts"],
        "beside": kept_as_text({name: value for name, value in payload.items() if name not in _OWN}),
        **{name: kept_as_text(payload.get(name)) for name in _LONG},
    }
    _check(row, payload["id"])
    return row


def _check(row: Mapping[str, Any], id_: Any) -> None:
    fields = len(json.dumps(row["parts"]))  # it is ASCII
    if len(row["terms"]) > _ELEMENTS_MAX or fields > _PARTS_BYTES_MAX:
        raise LimitExceeded(
            f"Milvus filters by at most {_ELEMENTS_MAX:,} values and {_PARTS_BYTES_MAX:,} bytes of numbers a row: "
            f"this has {len(row['terms']):,} and {fields:,}",
            name="metadata",
            place=f"row {id_!r}",
            remedy="Store fewer fields, or shorter lists.",
        )
    for name in _LONG:
        if len(row[name]) > _ELEMENTS_MAX:
            raise LimitExceeded(
                f"Milvus takes no {name} as long as this",
                name=name,
                place=f"row {id_!r}",
                remedy="Cut it into several rows.",
            )


def columns_of(parts: Iterable[str], *, vectors: bool) -> list[str]:
    """Returns the columns that contain these parts of payloads."""
    wanted = {part if part in _OWN else "beside" for part in parts}
    return ["key", *sorted(wanted), *(("dimension", "vector") if vectors else ())]


def point_of(found: Mapping[str, Any], parts: Sequence[str], score: float = 0.0) -> Point:
    """Returns the point of a row, with these parts of its payload, and with its vector if the row has one."""
    payload: dict[str, Any] = text_of(found["beside"]) if "beside" in found else {}
    for name in parts:
        if name not in _OWN:
            continue
        value = found[name]
        if name == "terms":
            value = list(map(plain_term, value))
        elif name in _LONG:
            value = text_of(value)
        elif name == "expires" and value == NEVER:
            value = None
        if value is not None:
            payload[name] = value
    vector: FloatVector | None = None
    if found.get("dimension"):
        vector = np.asarray(found["vector"], dtype=np.float32)[: found["dimension"]]
    return Point(found["key"], payload, vector, score)
