"""The declaration of a collection: fields, sources of vectors, and fields for full-text search."""

from __future__ import annotations

import base64
import binascii
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from .answers import Refusal, invalid, missing

__all__ = ["AUTO_ID", "DERIVED", "Field", "Schema", "check_name", "geo_point", "instant"]

AUTO_ID: Final = "__AUTO_ID__"
DERIVED: Final = "@"
"""Suffix for a field whose value is stored a second time, in the form that filters compare. No field has this name."""

NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,127}")
DIMENSION_MAX: Final = 4096
_FIELDS_MAX: Final = 200
_KEY_BYTES_MAX: Final = 256
_STRING_BYTES_MAX: Final = 65535
_STRINGS_MAX: Final = 20_000
_STRING_IN_LIST_BYTES_MAX: Final = 1024
_INTEGERS_MAX: Final = 1024
_INT64: Final = 2**63
_FLOAT32_MAX: Final = float(np.finfo(np.float32).max)
_FULL_TEXT_MAX: Final = 2

# Defaults of missing fields. Types that are not listed have none.
_DEFAULTS: Final[Mapping[str, Any]] = {
    "int64": 0, "float32": 0.0, "string": "", "bool": False, "list<string>": [], "list<int64>": [],
}  # fmt: skip
_MAY_BE_ABSENT: Final = frozenset(("date_time", "geo_point", "list<geo_point>", "sparse_vector"))
TYPES: Final = frozenset(_DEFAULTS) | _MAY_BE_ABSENT | {"vector", "text", "image", "video"}
VECTORS: Final = frozenset(("vector", "sparse_vector"))
NOT_INDEXED: Final = VECTORS | {"text", "image", "video", "list<geo_point>"}
_KEYS: Final = frozenset(("int64", "string"))


@dataclass(frozen=True, slots=True)
class Field:
    """A declared field.

    Attributes:
        type: one of `TYPES`.
        dim: of a vector, else 0.
        default: None for that of its type.
    """

    name: str
    type: str
    dim: int = 0
    is_key: bool = False
    default: Any = None

    def check(self, value: Any) -> Any:
        """Returns the value to store. Raises Refusal for an invalid one."""
        return _CHECKS[self.type](self, value)

    def absent(self) -> Any:
        """Returns the value for a row without this field; None for no value.

        Raises:
            Refusal: it has no default.
        """
        if self.default is not None:
            return self.default
        if self.type in _DEFAULTS and not self.is_key:
            return _DEFAULTS[self.type]
        if self.type in _MAY_BE_ABSENT:
            return None
        raise missing(self.name)


@dataclass(frozen=True, slots=True)
class Source:
    """The field that a model turns into vectors."""

    model: str
    dim: int | None
    text: str | None
    image: str | None


@dataclass(frozen=True, slots=True)
class Schema:
    """See the module.

    Attributes:
        fields: by name, in the order of their declaration.
        key: the primary key; None if keys are generated.
        dense, sparse: sources of vectors, if rows do not contain them.
        full_text: fields for full-text search.
        given: the original declaration, for descriptions.
    """

    fields: Mapping[str, Field]
    key: Field | None
    vector: Field | None
    sparse_field: Field | None
    dense: Source | None
    sparse: Source | None
    full_text: tuple[str, ...]
    given: dict[str, Any]

    @property
    def key_name(self) -> str:
        return AUTO_ID if self.key is None else self.key.name

    @property
    def text_fields(self) -> tuple[str, ...]:
        """The fields that form the text of a row of the engine."""
        encoded = [self.dense.text] if self.dense is not None and self.dense.text is not None else []
        return tuple(dict.fromkeys([*encoded, *self.full_text]))

    @property
    def engine_encodes(self) -> bool:
        """Whether the text of a row equals the text that a model encodes."""
        return self.dense is not None and self.dense.image is None and self.text_fields == (self.dense.text,)

    @property
    def has_sparse(self) -> bool:
        return self.sparse_field is not None or self.sparse is not None

    def scalars(self) -> tuple[str, ...]:
        """Fields that can be filtered."""
        return tuple(field.name for field in self.fields.values() if field.type not in NOT_INDEXED)

    def check_key(self, value: Any) -> int | str:
        """Raises Refusal for a value that cannot be a primary key here."""
        if self.key is None or self.key.type == "int64":
            if type(value) is not int or not -_INT64 <= value < _INT64 or value == 0:
                raise invalid(f"{self.key_name} must be an int64 other than 0", self.key_name, value)
            return value
        if not isinstance(value, str) or not 0 < len(_utf8(value, self.key_name)) <= _KEY_BYTES_MAX:
            raise invalid(f"{self.key_name} must be a text of 1 to {_KEY_BYTES_MAX} bytes", self.key_name, value)
        return value

    @classmethod
    def of(cls, given: dict[str, Any]) -> Schema:
        """Parses a declaration.

        Raises:
            Refusal: it is invalid.
        """
        fields = _fields(given.get("Fields"))
        keys = [field for field in fields.values() if field.is_key]
        vectors = [field for field in fields.values() if field.type == "vector"]
        sparse = [field for field in fields.values() if field.type == "sparse_vector"]
        if len(keys) > 1 or len(vectors) > 1 or len(sparse) > 1:
            raise invalid("a collection has at most one primary key, one vector and one sparse_vector", "Fields")
        vectorize = _mapping(given.get("Vectorize"), "Vectorize")
        dense = _source(vectorize.get("Dense"), "Dense", fields)
        if dense is None and vectorize:
            raise missing("Vectorize.Dense")
        if vectorize.get("Tensor"):
            raise invalid("tensors are not supported", "Vectorize.Tensor")
        if (dense is None) == (not vectors):
            raise invalid("a collection has either a vector field or Vectorize", "Fields")
        return cls(
            fields,
            keys[0] if keys else None,
            vectors[0] if vectors else None,
            sparse[0] if sparse else None,
            dense,
            _source(vectorize.get("Sparse"), "Sparse", fields),
            _full_text(given.get("FullText"), fields),
            given,
        )


def check_name(value: Any, name: str) -> str:
    """Raises Refusal for an invalid name of a collection, index or field."""
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise invalid(f"{name} begins with a letter and has up to 128 letters, digits and '_'", name, value)
    return value


def instant(value: Any, name: str) -> datetime:
    """Converts a date_time to a point in time. Raises Refusal."""
    if isinstance(value, str) and _DATE_TIME.fullmatch(value):
        try:
            found = datetime.fromisoformat(value.replace("Z", "+00:00").replace("z", "+00:00")).astimezone(UTC)
            if 1970 <= found.year <= 3000:
                return found
        except (ValueError, OverflowError):
            pass
    raise invalid(f"{name} must be an instant from 1970 to 3000, such as '2026-01-02T03:04:05Z'", name, value)


def geo_point(value: Any, name: str) -> tuple[float, float]:
    """Longitude and latitude. Raises Refusal."""
    found = _GEO_POINT.fullmatch(value) if isinstance(value, str) else None
    if found is not None:
        longitude, latitude = float(found[1]), float(found[2])
        if abs(longitude) <= 180 and abs(latitude) <= 90:
            return longitude, latitude
    raise invalid(f"{name} must be 'longitude,latitude' in degrees", name, value)


_DATE_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:[Zz]|[+\-]\d\d:\d\d)", re.ASCII
)
_GEO_POINT: Final = re.compile(r"\s*([+\-]?\d{1,3}(?:\.\d{1,20})?)\s*,\s*([+\-]?\d{1,3}(?:\.\d{1,20})?)\s*", re.ASCII)


def _fields(given: Any) -> dict[str, Field]:
    if given is None:
        raise missing("Fields")
    if not isinstance(given, list) or not 0 < len(given) <= _FIELDS_MAX:
        raise invalid(f"Fields is a list of 1 to {_FIELDS_MAX} fields", "Fields")
    fields: dict[str, Field] = {}
    for one in given:
        field = _field(_mapping(one, "Fields"))
        if field.name in fields:
            raise invalid(f"there are two fields {field.name}", "Fields", field.name)
        fields[field.name] = field
    return fields


def _field(given: Mapping[str, Any]) -> Field:
    for name in ("FieldName", "FieldType"):
        if given.get(name) is None:
            raise missing(name)
    name, kind = check_name(given["FieldName"], "FieldName"), given["FieldType"]
    if not isinstance(kind, str) or kind not in TYPES:
        raise invalid(f"there is no type of fields {kind!r:.80}", "FieldType", kind, f"There are {sorted(TYPES)}.")
    dim, is_key = given.get("Dim"), given.get("IsPrimaryKey") or False
    if kind == "vector" and dim is None:
        raise missing("Dim")
    if kind == "vector" and (type(dim) is not int or not 1 <= dim <= DIMENSION_MAX):
        raise invalid(f"Dim is a whole number from 1 to {DIMENSION_MAX:,}", "Dim", dim)
    if type(is_key) is not bool or (is_key and kind not in _KEYS):
        raise invalid("a primary key is an int64 or a string", "IsPrimaryKey", is_key)
    field = Field(name, kind, int(dim or 0) if kind == "vector" else 0, is_key)
    default = given.get("DefaultValue")
    if default is None:
        return field
    if kind not in _DEFAULTS:
        raise invalid(f"a field of type {kind} has no default", "DefaultValue", default)
    return Field(name, kind, 0, is_key, field.check(default))


def _source(given: Any, which: str, fields: Mapping[str, Field]) -> Source | None:
    if given is None:
        return None
    found = _mapping(given, which)
    model, dim = found.get("ModelName"), found.get("Dim")
    if model is None:
        raise missing(f"{which}.ModelName")
    if not isinstance(model, str) or (dim is not None and (type(dim) is not int or not 1 <= dim <= DIMENSION_MAX)):
        raise invalid("ModelName is a text, and Dim a whole number", which)
    of: dict[str, str | None] = {}
    for name, kinds in (("TextField", ("text", "string")), ("ImageField", ("image",))):
        field = found.get(name)
        if field is not None and (not isinstance(field, str) or field not in fields or fields[field].type not in kinds):
            raise invalid(f"{name} must be a field of type {kinds[0]}", name, field)
        of[name] = field
    if found.get("VideoField") is not None:
        raise invalid("there is no model for films", "VideoField", found["VideoField"])
    if of["TextField"] is None and of["ImageField"] is None:
        raise missing(f"{which}.TextField")
    if of["TextField"] is not None and of["ImageField"] is not None:
        raise invalid("a vector is made of one field", which, remedy="Leave out TextField or ImageField.")
    return Source(model, dim, of["TextField"], of["ImageField"])


def _full_text(given: Any, fields: Mapping[str, Field]) -> tuple[str, ...]:
    if given is None:
        return ()
    if not isinstance(given, list) or len(given) > _FULL_TEXT_MAX:
        raise invalid(f"FullText is a list of up to {_FULL_TEXT_MAX} fields", "FullText")
    found = []
    for one in given:
        field = _mapping(one, "FullText").get("Field")
        if not isinstance(field, str) or field not in fields or fields[field].type not in ("text", "string"):
            raise invalid("FullText names fields of type text", "FullText", field)
        found.append(field)
    return tuple(dict.fromkeys(found))


def _mapping(value: Any, name: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"{name} must be an object", name, value)
    return value


# -- values


def _wrong(field: Field, value: Any, wanted: str) -> Refusal:
    return invalid(f"{field.name} must be {wanted}", field.name, value)


def _int64(field: Field, value: Any) -> int:
    if type(value) is float and value.is_integer() and abs(value) < _INT64:
        value = int(value)
    if type(value) is not int or not -_INT64 <= value < _INT64:
        raise _wrong(field, value, "an int64")
    return value


def _float32(field: Field, value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= _FLOAT32_MAX:
        raise _wrong(field, value, "a float32")
    return value


def _bool(field: Field, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong(field, value, "true or false")
    return value


def _string(field: Field, value: Any) -> str:
    if not isinstance(value, str) or len(_utf8(value, field.name)) > _STRING_BYTES_MAX:
        raise _wrong(field, value, f"a text of up to {_STRING_BYTES_MAX:,} bytes")
    return value


def _strings(field: Field, value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > _STRINGS_MAX:
        raise _wrong(field, value, f"a list of up to {_STRINGS_MAX:,} texts")
    for one in value:
        if not isinstance(one, str) or len(_utf8(one, field.name)) > _STRING_IN_LIST_BYTES_MAX:
            raise _wrong(field, one, f"a list of texts of up to {_STRING_IN_LIST_BYTES_MAX:,} bytes each")
    return value


def _int64s(field: Field, value: Any) -> list[int]:
    if not isinstance(value, list) or len(value) > _INTEGERS_MAX:
        raise _wrong(field, value, f"a list of up to {_INTEGERS_MAX:,} int64")
    return [_int64(field, one) for one in value]


def _vector(field: Field, value: Any) -> Any:
    """Numbers, or base64 of little-endian float32."""
    if isinstance(value, str):
        try:
            packed = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise _wrong(field, value, "a list of numbers, or base64 of little-endian float32") from None
        if len(packed) != 4 * field.dim:
            raise _wrong(field, len(packed), f"a vector of {field.dim:,} numbers, 4 bytes each")
        value = np.frombuffer(packed, "<f4").tolist()
    if not isinstance(value, list) or len(value) != field.dim:
        found = f", not {len(value):,}" if isinstance(value, list) else ""
        raise _wrong(field, None, f"a vector of {field.dim:,} numbers{found}")
    for one in value:
        if isinstance(one, bool) or not isinstance(one, (int, float)) or not abs(one) <= _FLOAT32_MAX:
            raise _wrong(field, one, "a vector of finite numbers")
    return value


def _sparse(field: Field, value: Any) -> dict[str, float]:
    return checked_sparse(value, field.name)


def checked_sparse(value: Any, name: str) -> dict[str, float]:
    """A map of tokens to weights. Raises Refusal."""
    if not isinstance(value, dict) or not value or len(value) > _STRINGS_MAX:
        raise invalid(f"{name} must be an object of 1 to {_STRINGS_MAX:,} tokens with their weights", name)
    for token, weight in value.items():
        _utf8(token, name)
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not abs(weight) <= _FLOAT32_MAX:
            raise invalid(f"the weight of {token!r:.80} must be a number", name, weight)
    return value


def _film(field: Field, value: Any) -> Any:
    if not isinstance(value, dict) or not isinstance(value.get("value"), str):
        raise _wrong(field, value, "an object with a URI as its value")
    return {"value": value["value"]} | ({"fps": _float32(field, value["fps"])} if "fps" in value else {})


def _date_time(field: Field, value: Any) -> str:
    instant(value, field.name)
    return str(value)


def _point(field: Field, value: Any) -> str:
    geo_point(value, field.name)
    return str(value)


def _points(field: Field, value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > _INTEGERS_MAX:
        raise _wrong(field, value, "a list of points")
    return [_point(field, one) for one in value]


def _utf8(text: Any, name: str) -> bytes:
    try:
        return str(text).encode()
    except UnicodeEncodeError:
        raise invalid(f"{name} has a lone surrogate, which is not text", name) from None


def is_finite(value: Any) -> bool:
    """Whether it is a number that can be compared."""
    return not isinstance(value, bool) and isinstance(value, (int, float)) and abs(value) <= sys.float_info.max


_CHECKS: Final[Mapping[str, Any]] = {
    "int64": _int64,
    "float32": _float32,
    "bool": _bool,
    "string": _string,
    "text": _string,
    "image": _string,
    "video": _film,
    "list<string>": _strings,
    "list<int64>": _int64s,
    "vector": _vector,
    "sparse_vector": _sparse,
    "date_time": _date_time,
    "geo_point": _point,
    "list<geo_point>": _points,
}
