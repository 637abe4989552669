"""Validates the arguments of writing calls and converts them to lists."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...visible import shown
from .conditions import DOCUMENT_KEYS
from .errors import DuplicateIDError, InvalidArgumentError

__all__ = ["URI_KEY", "Rows", "checked_ids", "checked_rows", "checked_vectors"]

URI_KEY: Final = "chroma:uri"
_SCALARS: Final = (str, int, float, bool)


@dataclass(slots=True)
class Rows:
    """Rows of one call: lists of one length, or None for parts that were not given."""

    ids: list[str]
    vectors: list[NDArray[np.float32]] | None
    metadatas: list[dict[str, Any] | None] | None
    documents: list[str | None] | None
    images: list[Any] | None
    uris: list[str | None] | None

    def metadata(self) -> list[dict[str, Any] | None] | None:
        """The metadata as the engine stores it, including the URI of a row."""
        if self.uris is None:
            return self.metadatas
        given = self.metadatas or [None] * len(self.ids)
        return [row if uri is None else {**(row or {}), URI_KEY: uri} for row, uri in zip(given, self.uris)]

    def only(self, chosen: list[int]) -> Rows:
        """Some of the rows."""
        parts: list[Any] = [getattr(self, name) for name in _PARTS]
        kept: list[Any] = [None if part is None else [part[i] for i in chosen] for part in parts]
        return Rows(*kept)


_PARTS: Final = ("ids", "vectors", "metadatas", "documents", "images", "uris")


def checked_rows(
    call: str, ids: Any, embeddings: Any, metadatas: Any, documents: Any, images: Any, uris: Any, *, is_new: bool
) -> Rows:
    """Returns the validated arguments of a call.

    Args:
        call: its name, for errors.
        is_new: whether the rows are new, so that no metadata can be removed.

    Raises:
        ValueError, TypeError, DuplicateIDError, InvalidArgumentError: an argument is invalid.
    """
    named = checked_ids(ids, call)
    if "" in named:
        raise InvalidArgumentError(f"an id has at least one character, in {call}.")
    rows = Rows(
        named,
        None if embeddings is None else checked_vectors(embeddings, call),
        None if metadatas is None else [_metadata(one, call, is_new) for one in _listed(metadatas, dict)],
        None if documents is None else [_text(one, "document", call) for one in _listed(documents, str)],
        None if images is None else _listed(images, np.ndarray),
        None if uris is None else [_text(one, "URI", call) for one in _listed(uris, str)],
    )
    lengths = {name: len(part) for name in _PARTS if (part := getattr(rows, name)) is not None}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"lists of different lengths in {call}: {', '.join(f'{k} {v}' for k, v in lengths.items())}.")
    return rows


def checked_ids(ids: Any, call: str) -> list[str]:
    """Returns ids as a list."""
    if ids is None:
        raise ValueError(f"ids is a list of str, not None, in {call}.")
    listed = ids if isinstance(ids, list) else [ids]
    if not listed:
        raise ValueError(f"ids is empty in {call}.")
    for id_ in listed:
        if not isinstance(id_, str):
            raise ValueError(f"an id is a str, not {shown(id_)}, in {call}.")
    if len(set(listed)) < len(listed):
        twice = [id_ for id_, count in Counter(listed).items() if count > 1]
        raise DuplicateIDError(f"{len(twice)} ids stand more than once, such as {shown(twice[0])}, in {call}.")
    return listed


def checked_vectors(embeddings: Any, call: str) -> list[NDArray[np.float32]]:
    """Returns vectors as float32: a list of them, or a single one.

    Raises:
        ValueError: they have another form.
        InvalidArgumentError: NaN, infinity, or different dimensions.
    """
    if not isinstance(embeddings, (list, np.ndarray)):
        raise _no_vectors(embeddings, call)
    if len(embeddings) == 0:
        raise ValueError(f"embeddings is empty in {call}.")
    vectors = [_vector(one, embeddings, call) for one in ([embeddings] if _is_number(embeddings[0]) else embeddings)]
    if len({len(vector) for vector in vectors}) > 1:
        raise InvalidArgumentError(f"embeddings have different dimensions in {call}.")
    if not all(np.isfinite(vector).all() for vector in vectors):
        raise InvalidArgumentError(f"an embedding has NaN or infinity, or what is too great for float32, in {call}.")
    return vectors


def _vector(given: Any, of: Any, call: str) -> NDArray[np.float32]:
    """One vector; numbers that are too large become infinity, which raises a clear error."""
    if isinstance(given, np.ndarray):
        if given.ndim != 1 or given.dtype.kind not in "iuf" or not len(given):
            raise _no_vectors(of, call)
    elif not isinstance(given, Sequence) or isinstance(given, str) or not given or not all(map(_is_number, given)):
        raise _no_vectors(of, call)
    with np.errstate(over="ignore"):
        try:
            return np.asarray(given, dtype=np.float32)
        except OverflowError:  # an int of hundreds of digits
            return np.asarray([math.inf], dtype=np.float32)


def _no_vectors(given: Any, call: str) -> ValueError:
    return ValueError(f"embeddings are lists of numbers or arrays, not {shown(given)}, in {call}.")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _listed(given: Any, one: type) -> list[Any]:
    if isinstance(given, one):
        return [given]
    if not isinstance(given, list):
        raise ValueError(f"a list of {one.__name__} is needed, not {shown(given)}.")
    return given


def _text(given: Any, kind: str, call: str) -> str | None:
    if given is not None and not isinstance(given, str):
        raise ValueError(f"a {kind} is a str, not {shown(given)}, in {call}.")
    return given


def _metadata(given: Any, call: str, is_new: bool) -> dict[str, Any] | None:
    if given is None:
        return None
    if not isinstance(given, dict):
        raise ValueError(f"metadata is a dict, not {shown(given)}, in {call}.")
    if not given:
        raise ValueError(f"metadata is not an empty dict: pass None for a row without, in {call}.")
    for key, value in given.items():
        _check_entry(key, value, call)
        if value is None and is_new:
            raise TypeError(f"there is nothing to remove {shown(key)} from: None is no value of metadata, in {call}.")
    return given


def _check_entry(key: Any, value: Any, call: str) -> None:
    if not isinstance(key, str):
        raise TypeError(f"a key of metadata is a str, not {shown(key)}, in {call}.")
    if key in DOCUMENT_KEYS:
        raise ValueError(f"the key {key} is reserved, in {call}.")
    if key.startswith("$"):
        raise InvalidArgumentError(f"no key of metadata begins with $, as {shown(key)} does, in {call}.")
    if isinstance(value, list):
        if not value or type(value[0]) not in _SCALARS or len(set(map(type, value))) > 1:
            raise ValueError(
                f"a list in metadata has values of one type, str, int, float or bool, not {shown(value)}, in {call}."
            )
    elif value is not None and not isinstance(value, _SCALARS):
        raise ValueError(
            f"a value of metadata is str, int, float, bool, a list of these, or None, not {shown(value)}, in {call}."
        )
