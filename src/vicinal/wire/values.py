"""Values that JSON cannot represent: ids, vectors, times to live, typed metadata.

A UUID is {"$uuid": "..."}, so that it is neither a text nor a number; a date {"$date": "2024-05-01"}, and so on, as
metadata is stored (`vicinal.metadata`). A vector is a list of numbers, or {"$float32": "..."}: its components as
little-endian float32, in base64.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidArgument, InvalidId, InvalidMetadata, InvalidVector
from ..inputs.values import NEVER
from ..metadata import from_typed, loads, to_typed
from ..types import Id
from .needed import msgspec

__all__ = [
    "LATER_THAN_ALL",
    "WRONG",
    "Matrix",
    "PackedVector",
    "TypedMetadata",
    "TypedValue",
    "WireId",
    "WireTtl",
    "WireUuid",
    "WireVector",
    "id_from",
    "ids_from",
    "matrix_from",
    "metadata_from",
    "packed",
    "packed_rows",
    "plain",
    "raw",
    "to_id",
    "to_ids",
    "to_ttl",
    "ttl_from",
    "typed",
    "typed_from",
    "vector_from",
]

_NEVER: Final = "never"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
# Later than any time that can be stored: a value read with it as "now" reveals whether it was relative.
LATER_THAN_ALL: Final = 1 << 61
# Errors of reading a value that does not match its tag: {"$date": 5}, {"$decimal": "x"}, a million brackets.
WRONG: Final = (ValueError, ArithmeticError, TypeError, RecursionError)


class WireUuid(msgspec.Struct, frozen=True, rename={"uuid": "$uuid"}, forbid_unknown_fields=True):
    """A UUID."""

    uuid: Annotated[str, msgspec.Meta(extra_json_schema={"format": "uuid"})]


class PackedVector(msgspec.Struct, frozen=True, rename={"float32": "$float32"}, forbid_unknown_fields=True):
    """The components of a vector as little-endian float32, in base64."""

    float32: Annotated[str, msgspec.Meta(extra_json_schema={"contentEncoding": "base64"})]


class Matrix(msgspec.Struct, frozen=True, rename={"float32": "$float32"}, forbid_unknown_fields=True):
    """Vectors one after the other as little-endian float32, in base64."""

    float32: Annotated[str, msgspec.Meta(extra_json_schema={"contentEncoding": "base64"})]
    dimension: Annotated[int, msgspec.Meta(ge=1)]


WireId = int | str | WireUuid
WireVector = list[float] | PackedVector
WireTtl = Annotated[
    float | str,
    msgspec.Meta(description='seconds from now, an instant in ISO 8601 (without a zone UTC), or "never"'),
]
TypedMetadata = Annotated[
    msgspec.Raw,
    msgspec.Meta(
        extra_json_schema={
            "type": ["object", "null"],
            "description": 'JSON; {"$date": ...}, {"$datetime": ...}, {"$decimal": ...}, {"$uuid": ...}, {"$int": hex} '
            'are values of these types, and a key of yours that begins with "$" gets one more "$"',
        }
    ),
]
TypedValue = Annotated[
    msgspec.Raw,
    msgspec.Meta(extra_json_schema={"description": 'JSON in which {"$date": ...} and the like are values of a type'}),
]


# -- ids


def to_id(id_: Id) -> WireId:
    """Encodes a validated id."""
    return WireUuid(str(id_)) if isinstance(id_, UUID) else id_


def to_ids(ids: Iterable[Id]) -> list[WireId]:
    return [WireUuid(str(id_)) if isinstance(id_, UUID) else id_ for id_ in ids]


def id_from(id_: WireId, place: str = "") -> Id:
    if not isinstance(id_, WireUuid):
        return id_
    try:
        return UUID(id_.uuid)
    except ValueError:
        raise InvalidId(f"{id_.uuid!r:.80} is not a UUID", name="id", value=id_.uuid, place=place) from None


def ids_from(ids: Iterable[WireId]) -> list[Id]:
    return [id_ if type(id_) is str or type(id_) is int else id_from(id_, f"ids[{i}]") for i, id_ in enumerate(ids)]


# -- vectors


def packed(vector: NDArray[Any]) -> PackedVector:
    """Encodes a vector, shape (dim,)."""
    return PackedVector(_base64(vector))


def packed_rows(matrix: NDArray[Any]) -> Matrix:
    """Encodes vectors, shape (rows, dim), dim at least 1."""
    return Matrix(_base64(matrix), matrix.shape[1])


def vector_from(vector: WireVector, place: str = "") -> NDArray[np.float32] | list[float]:
    """Numbers stay a list: the engine reports which of them does not fit float32."""
    return vector if isinstance(vector, list) else _floats(vector.float32, place)


def matrix_from(matrix: Matrix) -> NDArray[np.float32]:
    """Decodes vectors: float32, shape (rows, dim)."""
    numbers = _floats(matrix.float32, "vectors")
    if len(numbers) % matrix.dimension:
        raise InvalidVector(
            f"{len(numbers):,} numbers are not rows of {matrix.dimension:,}",
            name="vectors",
            value=matrix.dimension,
            remedy="Give the dimension of the vectors, and all of their components.",
        )
    return numbers.reshape(-1, matrix.dimension)


def _base64(numbers: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(numbers, dtype="<f4").data).decode("ascii")


def _floats(text: str, place: str) -> NDArray[np.float32]:
    try:
        data = base64.b64decode(text, validate=True)
        return np.frombuffer(data, dtype="<f4").astype(np.float32, copy=False)
    except (binascii.Error, ValueError):  # also if the number of bytes is not a multiple of four
        raise InvalidVector(
            "a packed vector is not base64 of float32 numbers",
            name="vectors",
            place=place,
            remedy="Encode little-endian float32, four bytes per component, or send a list of numbers.",
        ) from None


# -- times to live


def to_ttl(expires: int | None) -> float | str | None:
    """Encodes an expiry that was read with `LATER_THAN_ALL` as the present time."""
    if expires is None:
        return None
    if expires == NEVER:
        return _NEVER
    if expires >= LATER_THAN_ALL:
        return (expires - LATER_THAN_ALL) / 1e6
    return (_EPOCH + expires * _MICROSECOND).isoformat()


def ttl_from(ttl: float | str | None, place: str = "") -> float | datetime | None:
    if not isinstance(ttl, str):
        return ttl
    if ttl == _NEVER:
        return math.inf
    try:
        return datetime.fromisoformat(ttl)
    except ValueError:
        raise InvalidArgument(
            f"ttl must be seconds, an instant in ISO 8601 or 'never', not {ttl!r:.80}",
            name="ttl",
            value=ttl,
            place=place,
            remedy="Write for example 3600 or '2030-01-31T12:00:00+00:00'.",
        ) from None


# -- typed JSON


def raw(typed_json: str) -> msgspec.Raw:
    """Typed JSON that is put into a message unchanged."""
    return msgspec.Raw(typed_json.encode())


def typed(value: Any) -> msgspec.Raw:
    """Encodes any value that metadata may hold as typed JSON."""
    return msgspec.Raw(msgspec.json.encode(to_typed(value)))


def typed_from(value: msgspec.Raw) -> Any:
    """The inverse of `typed`."""
    try:
        return from_typed(msgspec.json.decode(value))
    except WRONG as error:
        raise InvalidMetadata(f"a value is not what its type says: {error}", name="value") from None


def metadata_from(metadata: msgspec.Raw | None, place: str = "") -> dict[str, Any] | None:
    """Decodes the metadata of a row; JSON's null is None."""
    if metadata is None:
        return None
    text = bytes(metadata).decode()
    if text == "null":
        return None
    try:
        return loads(text)
    except WRONG as error:
        if isinstance(error, InvalidMetadata):
            error.place = place
            raise
        raise InvalidMetadata(
            f"a value is not what its type says: {error}", name="metadata", value=text, place=place
        ) from None


def plain(name: str, value: Any) -> Any:
    """Converts a number, text or bool of any subclass or NumPy type to a JSON value.

    Raises:
        InvalidArgument: JSON has no such value.
    """
    if isinstance(value, (np.bool_, np.integer, np.floating, np.str_)):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(name, one) for key, one in value.items()}
    if isinstance(value, (Sequence, set, frozenset)) and not isinstance(value, (bytes, bytearray)):
        return [plain(name, one) for one in value]
    raise InvalidArgument(
        f"{name} cannot be {value!r:.80}", name=name, value=value, remedy="Pass a number, a text, or a list of these."
    )
