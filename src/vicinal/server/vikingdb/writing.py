"""Upsert, update, delete and fetch: converts rows of the protocol to rows of the engine and back.

The primary key is the row's id. All fields except vectors are its metadata; fields that filters compare in another form
are stored in both. Texts used by a model or by full-text search form the row's text as well.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from ...collection import Collection
from ...errors import IdNotFound
from ...types import Record
from .answers import invalid, missing
from .filters import derived_of
from .models import Models, hashed, sparse_of
from .requests import Delete, Write, needed
from .schema import AUTO_ID, DERIVED, VECTORS, Schema

__all__ = ["Usage", "delete", "fetch", "fields_of", "keys_of", "update", "upsert"]

ROWS_MAX: Final = 100
_TEXT_SEPARATOR: Final = "\n"


@dataclass(slots=True)
class Usage:
    """The amount of text that models have read."""

    found: dict[str, dict[str, int]] = field(default_factory=dict)

    def count(self, model: str, version: str | None, texts: Sequence[str], images: int = 0) -> None:
        if not texts and not images:
            return
        words = sum(len(text.split()) for text in texts)
        of = self.found.setdefault(
            f"{model}__{version or 'default'}",
            {"prompt_tokens": 0, "completion_tokens": 0, "image_tokens": 0, "total_tokens": 0},
        )
        of["prompt_tokens"] += words
        of["image_tokens"] += images
        of["total_tokens"] += words + images


def upsert(
    docs: Collection, schema: Schema, request: Write, models: Models, seed: bytes | None
) -> dict[str, Any] | None:
    """Upserts rows.

    Args:
        seed: of the generated keys; the same for each attempt of one request. None for random ones.
    """
    rows = _rows(request)
    if request.is_async and schema.dense is not None:
        raise invalid("a collection whose vectors are made by a model is not written later", "async", True)
    given = [_known(schema, row, request, i) for i, row in enumerate(rows)]
    keys = [_key_of(schema, row, seed, i) for i, row in enumerate(given)]
    for row in given:
        for name, one in schema.fields.items():
            if name not in row and (value := one.absent()) is not None:
                row[name] = value
    usage = Usage()
    columns = _columns(schema, keys, given, models, usage, {})
    docs.upsert(columns.pop("ids"), ttl=request.ttl or None, **columns)
    return {"token_usage": usage.found} if usage.found else None


def update(docs: Collection, schema: Schema, request: Write, models: Models) -> dict[str, Any] | None:
    """Changes only the given fields."""
    rows = _rows(request)
    keys = []
    for row in rows:
        if schema.key_name not in row:
            raise missing(schema.key_name)
        keys.append(schema.check_key(row[schema.key_name]))
    if len(set(keys)) < len(keys):
        raise invalid("a row occurs twice", schema.key_name)
    given = [_known(schema, row, request, i) for i, row in enumerate(rows)]
    known = {record.id: record for record in docs.get(keys)}
    for key in keys:
        if key not in known:
            raise IdNotFound(f"there is no row {key!r:.80}", name=schema.key_name, value=key)
    usage = Usage()
    columns = _columns(schema, keys, given, models, usage, known)
    docs.update(columns.pop("ids"), ttl=request.ttl or None, **columns)
    return {"token_usage": usage.found} if usage.found else None


def delete(docs: Collection, schema: Schema, request: Delete) -> None:
    if bool(request.del_all) == (request.ids is not None):
        raise missing("ids") if request.ids is None else invalid("pass either ids or del_all", "del_all")
    if request.del_all:
        docs.delete(where={DERIVED: {"$exists": False}})  # true of every row: no field has this name
        return
    docs.delete(keys_of(schema, request.ids))


def keys_of(schema: Schema, ids: list[Any] | None) -> list[int | str]:
    """Raises Refusal for invalid primary keys, or too many."""
    given = needed(ids, "ids")
    if len(given) > ROWS_MAX:
        raise invalid(f"there are more than {ROWS_MAX} ids", "ids", len(given))
    return list(dict.fromkeys(map(schema.check_key, given)))


def fetch(docs: Collection, keys: list[int | str], *, vectors: bool = False) -> tuple[list[Record], list[Any]]:
    """Returns rows in the order of the keys, and the keys without a row."""
    found = {record.id: record for record in docs.get(keys, vectors=vectors)}
    return [found[key] for key in keys if key in found], [key for key in keys if key not in found]


def fields_of(schema: Schema, metadata: Mapping[str, Any], names: Sequence[str] | None = None) -> dict[str, Any]:
    """Returns the original values of a row's fields. None: all but vectors."""
    return {
        name: metadata[name]
        for name, one in schema.fields.items()
        if name in metadata and (one.type not in VECTORS if names is None else name in names)
    }


def _rows(request: Write) -> list[dict[str, Any]]:
    rows = needed(request.data, "data")
    if not 0 < len(rows) <= ROWS_MAX:
        raise invalid(f"data is a list of 1 to {ROWS_MAX} rows", "data", len(rows))
    return rows


def _known(schema: Schema, row: Mapping[str, Any], request: Write, place: int) -> dict[str, Any]:
    """A row's declared fields, checked."""
    found = {}
    for name, value in row.items():
        one = schema.fields.get(name)
        if one is not None and value is not None:
            found[name] = one.check(value)
        elif one is None and name != AUTO_ID and not request.ignore_unknown_fields:
            raise invalid(f"row {place}: there is no field {name!r:.80}", "data", name)
    return found


def _key_of(schema: Schema, row: Mapping[str, Any], seed: bytes | None, place: int) -> int | str:
    if schema.key is not None:
        if schema.key.name not in row:
            raise missing(schema.key.name)
        return schema.check_key(row[schema.key.name])
    if seed is None:
        return secrets.randbits(62) + 1
    digest = hashlib.blake2b(seed + place.to_bytes(8, "little"), digest_size=8).digest()
    return (int.from_bytes(digest, "little") >> 2) + 1


def _columns(
    schema: Schema,
    keys: list[int | str],
    rows: list[dict[str, Any]],
    models: Models,
    usage: Usage,
    known: Mapping[Any, Record],
) -> dict[str, Any]:
    """Returns the arguments for the engine, a list each.

    Args:
        known: in an update, the existing rows.
    """
    columns: dict[str, Any] = {"ids": list(keys), "metadata": [_metadata(schema, row) for row in rows]}
    if schema.text_fields:
        columns["texts"] = [_text_of(schema, row, known.get(key)) for key, row in zip(keys, rows, strict=True)]
    vectors = _vectors(schema, rows, models, usage)
    if vectors is not None:
        columns["vectors"] = vectors
    if schema.has_sparse:
        columns["sparse"] = [_sparse(schema, row) for row in rows]
    return columns


def _metadata(schema: Schema, row: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for name, value in row.items():
        one = schema.fields[name]
        if one.type == "vector":
            continue
        found[name] = value
        derived = derived_of(one, value)
        if derived is not None:
            found[f"{name}{DERIVED}"] = derived
    return found


def _text_of(schema: Schema, row: Mapping[str, Any], record: Record | None) -> str | None:
    """None if no part of it changes."""
    if record is not None and not any(name in row for name in schema.text_fields):
        return None
    whole = row if record is None else {**record.metadata, **row}
    return _TEXT_SEPARATOR.join(whole[name] for name in schema.text_fields if name in whole)


def _vectors(schema: Schema, rows: Sequence[Mapping[str, Any]], models: Models, usage: Usage) -> list[Any] | None:
    """Vectors from the rows, or not made from the whole text; None if the engine makes them."""
    if schema.vector is not None:
        return [row.get(schema.vector.name) for row in rows]
    source = schema.dense
    assert source is not None  # a schema has one of the two
    if source.image is not None:
        usage.count(source.model, None, (), sum(source.image in row for row in rows))
        return [
            models.picture(source.model, source.dim, row[source.image])[0] if source.image in row else None
            for row in rows
        ]
    name = source.text or ""
    texts = [row[name] for row in rows if name in row]
    for text in texts:
        if not text:
            raise invalid(f"{name} is made into a vector and must not be empty", name)
    usage.count(source.model, None, texts)
    if schema.engine_encodes:
        return None
    made = iter(models.text(source.model, source.dim).encode(texts) if texts else np.empty((0, 0), np.float32))
    return [next(made) if name in row else None for row in rows]


def _sparse(schema: Schema, row: Mapping[str, Any]) -> dict[int, float] | None:
    if schema.sparse_field is not None:
        given = row.get(schema.sparse_field.name)
        return None if given is None else hashed(given)
    name = schema.sparse.text if schema.sparse is not None else None
    return hashed(sparse_of(row[name])) if name is not None and name in row else None
