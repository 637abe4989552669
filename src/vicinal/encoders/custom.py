"""Encoders supplied by users: any object with `encode`, wrapped so that it meets the contract."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contract import FloatMatrix, TokenCounter
from ..errors import DimensionMismatch, InvalidArgument, InvalidVector
from ..inputs.containers import one_vector, vectors_in
from .base import TextEncoder

# Encoded to learn or recognise a model: ordinary words, so that every model has a vector for them.
PROBE_TEXT = "The quick brown fox jumps over the lazy dog near the river bank."

UNVERSIONED = "unversioned"


class CustomEncoder(TextEncoder):
    """Wraps an object with `encode(texts)`; attributes that it declares are used, the others are derived.

    Queries are encoded by its `encode_query` if it has one; texts are then encoded by `encode_document` if that exists
    too, as in sentence-transformers 5 and later, and otherwise by `encode`.

    Args:
        inner: the object. `dim`, `name`, `version`, `fingerprint` and `device` are read if present.
        name: the name to use if the object has none; if this is empty too, its class name is used.

    Attributes:
        declares_fingerprint: False if the fingerprint is derived from the name alone, and so
            cannot distinguish two models of one class.
    """

    def __init__(self, inner: Any, *, name: str = "") -> None:
        if not callable(getattr(inner, "encode", None)):
            raise InvalidArgument(
                f"an encoder must have a method encode(texts), which {type(inner).__name__} has not",
                name="encoder",
                value=inner,
                remedy="Give a registered name such as 'minilm', or an object with encode(texts) and dim.",
            )
        self._inner = inner
        self.query_differs = callable(getattr(inner, "encode_query", None))
        kind = type(inner)
        self.name = _declared(inner, "name") or name or f"{kind.__module__}.{kind.__qualname__}"
        self.version = _declared(inner, "version") or UNVERSIONED
        self.dim = _dim_of(inner)
        self.device = _declared(inner, "device") or "unknown"
        fingerprint = _declared(inner, "fingerprint")
        self.declares_fingerprint = bool(fingerprint)
        self.fingerprint = fingerprint or f"{self.name}/{self.version}/{self.dim}"

    def token_counter(self) -> TokenCounter | None:
        return self._inner if isinstance(self._inner, TokenCounter) else None

    def _encode(self, texts: list[str]) -> FloatMatrix:
        return _as_matrix(_encode_of(self._inner)(texts), len(texts), self.dim, self.name)

    def _encode_query(self, texts: list[str]) -> FloatMatrix:
        if not self.query_differs:
            return self._encode(texts)
        return _as_matrix(self._inner.encode_query(texts), len(texts), self.dim, self.name)


def _encode_of(inner: Any) -> Any:
    """Returns the method of `inner` that encodes stored texts."""
    both = callable(getattr(inner, "encode_query", None)) and callable(getattr(inner, "encode_document", None))
    return inner.encode_document if both else inner.encode


def _declared(inner: Any, attribute: str) -> str:
    value = getattr(inner, attribute, None)
    return "" if value is None else str(value)


def _dim_of(inner: Any) -> int:
    """Returns the declared dimension, or measures it: many models know it only from their output."""
    dim = getattr(inner, "dim", None)
    if dim is None:
        return int(np.shape(_encode_of(inner)([PROBE_TEXT]))[-1])
    if isinstance(dim, bool) or not isinstance(dim, int) or dim < 1:
        raise InvalidArgument(
            "the encoder's dim must be a whole number of at least 1",
            name="dim",
            value=dim,
            remedy="Make `dim` an attribute or a property, not a method.",
        )
    return dim


def _as_matrix(vectors: Any, count: int, dim: int, name: str) -> FloatMatrix:
    """Converts the output of a foreign `encode` to what the contract requires.

    Zero vectors are accepted: whether they are rejected is a setting of the collection.
    """
    try:
        block = vectors_in(vectors)
        rows = block if isinstance(block, np.ndarray) else [one_vector(row) for row in block]
        matrix = np.ascontiguousarray(rows, dtype=np.float32)
    except (TypeError, ValueError):
        raise InvalidVector(
            f"encoder {name!r} returned something that is not a matrix of numbers",
            name="encoder",
            value=vectors,
        ) from None
    if matrix.shape != (count, dim):
        raise DimensionMismatch(
            f"encoder {name!r} returned shape {matrix.shape} for {count} texts of {dim} dimensions",
            name="encoder",
            value=matrix.shape,
            remedy=f"encode(texts) must return one row of {dim} numbers per text.",
        )
    finite = np.isfinite(matrix).all(axis=1)
    if not finite.all():
        row = int(np.argmin(finite))
        raise InvalidVector(
            f"encoder {name!r} returned NaN or infinity",
            name="encoder",
            value=matrix[row],
            place=f"text {row}",
        )
    return matrix
