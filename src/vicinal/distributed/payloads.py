"""A row as the document that an engine stores beside its vector, and back: every value is preserved exactly."""

from __future__ import annotations

import json
import uuid
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from ..contract import FloatVector, Metric
from ..errors import Damaged
from ..metadata import from_typed, loads, to_typed
from ..store.rows import Row, stored_id, user_id
from ..types import Id
from .conditions import facts

__all__ = ["PARTS_OF_ROW", "PARTS_OF_VECTOR", "direction_of", "key_of", "payload_of", "row_of", "vector_of"]

# The parts of a row; `terms` and `parts` exist for filters only.
PARTS_OF_ROW: Final = ("id", "order", "expires", "space", "sparse", "metadata", "text")
PARTS_OF_VECTOR: Final = ("length", "steps")
_ROWS: Final = uuid.UUID("6c7a1ef2-4d51-5b0e-8f0b-5a0f4e6f7c11")  # the namespace of keys
_INT_LIMIT: Final = 1 << 63
_NEARLY_ONE: Final = 1e-6


def key_of(id_: Id) -> str:
    """The key of a row for engines that require UUIDs: equal for ids of equal type and value, otherwise different."""
    return str(uuid.uuid5(_ROWS, f"{type(id_).__name__}:{id_}"))


def payload_of(row: Row) -> dict[str, Any]:
    """Returns JSON with the values of a row, and what filters use."""
    id_ = user_id(row.id)
    metadata = {} if row.metadata is None else loads(row.metadata)
    terms, parts = facts(metadata, id_, row.text)
    payload: dict[str, Any] = {"id": to_typed(id_), "order": row.slot, "terms": terms, "parts": parts}
    if row.metadata is not None:
        typed = json.loads(row.metadata)
        payload["metadata"] = typed if _fits(typed) else row.metadata  # as text if JSON would be rounded
    if row.text is not None:
        payload["text"] = row.text
    if row.expires_at is not None:
        payload["expires"] = row.expires_at
    if row.space is not None:
        payload["space"] = row.space
    if row.sparse is not None:
        payload["sparse"] = b64encode(row.sparse).decode()
    return payload


def row_of(payload: Mapping[str, Any], place: str) -> Row:
    """The inverse of `payload_of`; parts of the row that were not requested are None.

    Raises:
        Damaged: it was not written by Vicinal.
    """
    try:
        id_, metadata, sparse = from_typed(payload["id"]), payload.get("metadata"), payload.get("sparse")
        return Row(
            slot=payload["order"],
            id=stored_id(id_),
            change=0,
            expires_at=payload.get("expires"),
            space=payload.get("space"),
            sparse=None if sparse is None else b64decode(sparse),
            metadata=_json(metadata) if isinstance(metadata, dict) else metadata,
            text=payload.get("text"),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise Damaged(
            f"a point is none that Vicinal wrote ({type(error).__name__})",
            name="payload",
            place=place,
            remedy="Let no other program write to the collection.",
        ) from error


def _json(typed: Any) -> str:
    return json.dumps(typed, ensure_ascii=False, separators=(",", ":"))


def _fits(typed: Any) -> bool:
    """Whether every integer is an int64: other programs read longer JSON integers as float64."""
    if isinstance(typed, dict):
        return all(map(_fits, typed.values()))
    if isinstance(typed, list):
        return all(map(_fits, typed))
    return not isinstance(typed, int) or -_INT_LIMIT <= typed < _INT_LIMIT


# -- vectors


def direction_of(vector: FloatVector, metric: Metric) -> tuple[FloatVector, dict[str, Any]]:
    """Returns what an engine compares by inner product under cosine, and what restores the vector from it bit for bit.

    A unit vector is not changed. Of others the engine gets the direction, and beside it the length and by how many
    steps of float32 each component is off when it is multiplied by the length.
    """
    if metric != "cosine":
        return vector, {}
    length = float(np.linalg.norm(vector.astype(np.float64)))
    if length == 0.0 or abs(length - 1.0) <= _NEARLY_ONE:
        return vector, {}
    direction = (vector.astype(np.float64) / length).astype(np.float32)
    steps = _ordinals(vector) - _ordinals(_stretched(direction, length))
    if not steps.any():
        return direction, {"length": length}
    kind = np.int8 if np.abs(steps).max() < 128 else np.int64  # the latter if float32 is subnormal below a component
    packed = zlib.compress(steps.astype(kind).tobytes(), 6)
    return direction, {"length": length, "steps": b64encode(packed).decode()}


def vector_of(direction: FloatVector, payload: Mapping[str, Any]) -> FloatVector:
    """The inverse of `direction_of`."""
    length = payload.get("length")
    if length is None:
        return direction
    vector = _stretched(direction, length)
    steps = payload.get("steps")
    if steps is None:
        return vector
    raw = zlib.decompress(b64decode(steps))
    kind = np.int8 if len(raw) == len(direction) else np.int64
    return _of_ordinals(_ordinals(vector) + np.frombuffer(raw, dtype=kind))


def _stretched(direction: FloatVector, length: float) -> FloatVector:
    return (direction.astype(np.float64) * length).astype(np.float32)


def _ordinals(vector: FloatVector) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Numbers of float32 values, counted from zero: consecutive values have consecutive numbers. Minus zero is -1."""
    bits = vector.view(np.int32).astype(np.int64)
    ordinals: np.ndarray[Any, np.dtype[np.int64]] = np.where(bits >= 0, bits, -(bits & 0x7FFF_FFFF) - 1)
    return ordinals


def _of_ordinals(ordinals: np.ndarray[Any, np.dtype[np.int64]]) -> FloatVector:
    bits = np.where(ordinals >= 0, ordinals, -(ordinals + 1) | ~0x7FFF_FFFF)
    return bits.astype(np.int32).view(np.float32)
