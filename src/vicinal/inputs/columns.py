"""Converts the rows of a call to columns, before any other work.

Parallel lists, NumPy arrays, data frames, dicts and generators all become a `Batch`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from ..contract import FloatMatrix
from ..errors import DuplicateId, InvalidArgument, InvalidId, VicinalError
from ..types import Id
from .arrow import batches_of, is_stream
from .containers import is_sparse_matrix, is_unordered, one_vector, values_in, vectors_in
from .frames import frame_columns, frame_rows, is_frame
from .ids import check_id, is_scalar_id
from .names import nearest
from .sparse import check_sparse, pack
from .values import check_metadata, check_text, expiry
from .vectors import VectorRules, read_vectors

STREAM_ROWS = 8192  # a generator is committed this often

_FIELDS = ("id", "text", "vector", "metadata", "sparse", "ttl")
_SINGULAR = {"ids": "id", "texts": "text", "vectors": "vector", "metadata": "metadata", "sparse": "sparse"}
_ENDED = object()
_FOUND_BY = ("text", "vector", "sparse")
_BODIES = ("body", "content", "contents", "document", "documents", "page_content", "description", "title", "texts")


@dataclass(slots=True)
class Batch:
    """Rows in columns; every list has one entry per row.

    Attributes:
        ids: None if the collection should generate them.
        block: float32, shape (rows, dim), zero where `has_vector` is False; None if no row has a vector.
        metadata: typed JSON, or None for none.
        expires: microseconds since 1970, or None.
        sparse: sparse vectors as packed by `inputs.sparse`, or None.
        first_row: the number of the first row within the stream, for messages.
    """

    ids: list[Id] | None
    texts: list[str | None]
    block: FloatMatrix | None
    has_vector: list[bool]
    metadata: list[str | None]
    expires: list[int | None]
    sparse: list[bytes | None]
    first_row: int = 0

    def __len__(self) -> int:
        return len(self.texts)

    def between(self, first: int, end: int) -> Batch:
        """The rows from `first` up to but not including `end`."""
        part = slice(first, end)
        return Batch(
            None if self.ids is None else self.ids[part],
            self.texts[part],
            None if self.block is None or not any(self.has_vector[part]) else self.block[part],
            self.has_vector[part],
            self.metadata[part],
            self.expires[part],
            self.sparse[part],
            self.first_row + first,
        )

    def place(self, row: int) -> str:
        return place_of(self.first_row + row, None if self.ids is None else self.ids[row])


@dataclass(frozen=True, slots=True)
class RowArguments:
    """The arguments of `add`, `upsert` and `update`, as given."""

    ids: Any = None
    texts: Any = None
    vectors: Any = None
    metadata: Any = None
    ttl: Any = None
    sparse: Any = None

    @property
    def are_of_each_row(self) -> bool:
        """Whether something is given for each row of `ids`, as opposed to the same for all selected rows."""
        return self.ids is not None and any(one is not None for one in (self.texts, self.vectors, self.sparse))

    def given(self) -> list[tuple[str, Any]]:
        pairs = [(name, getattr(self, name)) for name in _SINGULAR]
        return [(name, value) for name, value in pairs if value is not None]


def place_of(row: int, id_: Id | None) -> str:
    return f"row {row}" if id_ is None else f"row {row} (id {id_!r})"


def batches(
    columns: RowArguments, rows: Any, rules: Callable[[], VectorRules], now: Callable[[], int], *, changes: bool = False
) -> Iterator[Batch]:
    """The rows as one batch, or as batches of 8,192 if they come from a generator.

    Args:
        changes: whether these are changes to rows, which need not be complete rows.
        rules, now: called again for each batch: a stream may take hours, and settings may change meanwhile.
    """
    if rows is not None:
        if columns.given():
            raise InvalidArgument(
                f"rows= comes alone, but {columns.given()[0][0]}= is given too",
                name="rows",
                remedy="Put everything into the rows, or use parallel lists only.",
            )
        yield from _from_rows(rows, columns.ttl, rules, now, changes=changes)
        return
    if not columns.given():
        raise InvalidArgument(
            "nothing to store: ids, texts, vectors, metadata, sparse and rows are all missing",
            name="rows",
            remedy="Pass at least one of them, such as texts=['...'].",
        )
    _refuse_ids_alone(columns)
    _refuse_unordered(columns)
    if any(_comes_one_by_one(value) for _, value in columns.given()):
        yield from _from_rows(_zipped(columns), columns.ttl, rules, now)
        return
    yield read_batch(columns, rules(), now())


def read_batch(columns: RowArguments, rules: VectorRules, now: int, *, first_row: int = 0) -> Batch:
    """Parallel lists, or one row of scalars, as a checked batch."""
    columns = _without_scalars(columns)
    _refuse_unordered(columns)
    lists = {name: _as_list(name, value) for name, value in columns.given() if name != "vectors"}
    vectors = None if columns.vectors is None else vectors_in(columns.vectors)
    count = _common_length(vectors, lists)
    ids = None
    if columns.ids is not None:
        ids = _checked_ids(lists["ids"], first_row)
    places = _Places(ids, first_row)
    block, has_vector = read_vectors(vectors, count, rules, places)
    return Batch(
        ids=ids,
        texts=[check_text(text, places, i) for i, text in enumerate(lists.get("texts", [None] * count))],
        block=block,
        has_vector=has_vector,
        metadata=[check_metadata(data, places, i) for i, data in enumerate(lists.get("metadata", [None] * count))],
        expires=_read_ttl(columns.ttl, count, now, places),
        sparse=_read_sparse(lists.get("sparse"), count, places),
        first_row=first_row,
    )


def _checked_ids(ids: list[Any], first_row: int) -> list[Id]:
    try:
        return [check_id(id_) for id_ in ids]
    except VicinalError:  # checked again to add the position, which costs more than the check
        return [check_id(id_, f"row {first_row + i}") for i, id_ in enumerate(ids)]


class _Places:
    """Names of rows for messages, created only when needed."""

    def __init__(self, ids: list[Id] | None, first_row: int) -> None:
        self._ids = ids
        self._first_row = first_row

    def __call__(self, row: int) -> str:
        return place_of(self._first_row + row, None if self._ids is None else self._ids[row])


def _from_rows(
    rows: Any, ttl: Any, rules: Callable[[], VectorRules], now: Callable[[], int], *, changes: bool = False
) -> Iterator[Batch]:
    if is_stream(rows):
        yield from _from_stream(rows, ttl, rules, now, changes=changes)
        return
    if is_frame(rows):
        yield read_batch(_columns_of_frame(rows, ttl, changes=changes), rules(), now())
        return
    if isinstance(rows, Mapping) or not isinstance(rows, Iterable) or isinstance(rows, (str, bytes)):
        raise InvalidArgument(
            f"rows must be a list or generator of dicts, or a data frame, not {type(rows).__name__}",
            name="rows",
            value=rows,
            remedy="Write rows=[{'id': 'a', 'text': '...'}].",
        )
    if not isinstance(rows, Iterator):
        listed = list(rows)
        yield read_batch(_columns_of_dicts(listed, ttl, 0), rules(), now())
        return
    first_row = 0
    while chunk := list(islice(rows, STREAM_ROWS)):
        yield read_batch(_columns_of_dicts(chunk, ttl, first_row), rules(), now(), first_row=first_row)
        first_row += len(chunk)


def _from_stream(
    rows: Any, ttl: Any, rules: Callable[[], VectorRules], now: Callable[[], int], *, changes: bool
) -> Iterator[Batch]:
    first_row = 0
    for table in batches_of(rows, STREAM_ROWS):
        yield read_batch(_columns_of_frame(table, ttl, changes=changes), rules(), now(), first_row=first_row)
        first_row += len(table)


def _comes_one_by_one(value: object) -> bool:
    """Whether it is a generator of single entries; an Arrow stream yields batches instead."""
    return isinstance(value, Iterator) and not is_stream(value)


def _zipped(columns: RowArguments) -> Iterator[dict[str, Any]]:
    """Parallel columns, of which at least one is a generator, row by row."""
    given = columns.given()
    names = [_SINGULAR[name] for name, _ in given]
    listed = [
        iter(value if _comes_one_by_one(value) else vectors_in(value) if name == "vectors" else _as_list(name, value))
        for name, value in given
    ]
    while True:
        values = [next(column, _ENDED) for column in listed]
        ended = [value is _ENDED for value in values]
        if all(ended):
            return
        if any(ended):
            raise InvalidArgument(
                "the columns end at different rows", name="rows", remedy="Yield one dict per row: rows=generator."
            )
        yield dict(zip(names, values, strict=True))


def _columns_of_dicts(rows: Sequence[Any], ttl: Any, first_row: int) -> RowArguments:
    for i, row in enumerate(rows):
        _check_row(row, first_row + i)
    has = {name for row in rows for name in row}
    if "id" in has:
        for i, row in enumerate(rows):
            if row.get("id") is None:
                raise InvalidId(
                    "this row has no id, but others do",
                    name="id",
                    place=f"row {first_row + i}",
                    remedy="Give every row an id, or none.",
                )
    return RowArguments(
        ids=[row["id"] for row in rows] if "id" in has else None,
        texts=[row.get("text") for row in rows],
        vectors=[row.get("vector") for row in rows] if "vector" in has else None,
        metadata=[row.get("metadata") for row in rows] if "metadata" in has else None,
        ttl=[row.get("ttl", ttl) for row in rows] if "ttl" in has else ttl,
        sparse=[row.get("sparse") for row in rows] if "sparse" in has else None,
    )


def _check_row(row: Any, number: int) -> None:
    if not isinstance(row, Mapping):
        raise InvalidArgument(
            f"a row must be a dict, not {type(row).__name__}",
            name="rows",
            value=row,
            place=f"row {number}",
            remedy="Write {'id': 'a', 'text': '...'}.",
        )
    for name in row:
        if name not in _FIELDS:
            raise InvalidArgument(
                f"a row has no field {name!r}",
                name=str(name),
                place=f"row {number}",
                remedy=f"{nearest(str(name), _FIELDS)}Fields are {', '.join(_FIELDS)}; all else goes into 'metadata'.",
            )


def _columns_of_frame(frame: Any, ttl: Any, *, changes: bool = False) -> RowArguments:
    """A data frame: columns id, text, vector, metadata, sparse, ttl; every other column becomes a metadata key."""
    named = frame_columns(frame)
    names = [name for name, _ in named]
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise InvalidArgument(
            f"the data frame has two columns {twice!r}", name="rows", value=twice, remedy="Rename or drop one of them."
        )
    columns = dict(named)
    if names and not changes and not any(name in columns for name in _FOUND_BY):
        raise _never_found(names)
    others = [name for name in columns if name not in _FIELDS]
    count = frame_rows(frame)
    if others and "metadata" in columns:
        raise InvalidArgument(
            f"the data frame has a column 'metadata' and the column {others[0]!r} besides",
            name="rows",
            remedy="Put it into 'metadata', or drop the column 'metadata'.",
        )
    metadata = columns.get("metadata")
    if others:
        metadata = [{name: value for name in others if (value := columns[name][i]) is not None} for i in range(count)]
    return RowArguments(
        ids=columns.get("id"),
        texts=columns.get("text", [None] * count),
        vectors=columns.get("vector"),
        metadata=metadata,
        ttl=columns.get("ttl", ttl),
        sparse=columns.get("sparse"),
    )


def _never_found(names: list[str]) -> InvalidArgument:
    """The error for a data frame whose rows no search would find."""
    body = next((name for name in names if name.lower() in _BODIES), names[0])
    there = ", ".join(map(repr, names[:10]))
    return InvalidArgument(
        f"the data frame has no column 'text' or 'vector', so no search would find its rows; it has {there}",
        name="rows",
        value=names,
        remedy=f"Rename the column to search in, df.rename(columns={{{body!r}: 'text'}}), or store metadata alone: "
        "metadata=df.to_dict('records').",
    )


def _refuse_ids_alone(columns: RowArguments) -> None:
    """`add(["a text"])` would store rows that have only ids, which is a mistake. Numbers and UUIDs may be intended."""
    if [name for name, _ in columns.given()] != ["ids"] or isinstance(columns.ids, Iterator):
        return
    ids = columns.ids if isinstance(columns.ids, (list, tuple)) else [columns.ids]
    if not ids or all(isinstance(one, (int, np.integer, UUID)) for one in ids):
        return
    remedy = "Write texts=[...]" if not _are_vectors(columns.ids) else "Write vectors=[...]"
    if isinstance(ids[0], Mapping):
        remedy = "Write rows=[...]"
    if is_frame(columns.ids):
        remedy = "Write rows=df"
    raise InvalidArgument(
        "what comes first are ids, and there is nothing to store for them",
        name="ids",
        value=columns.ids,
        remedy=f"{remedy} for what you passed, or add texts=, vectors= or metadata= to the ids.",
    )


def _are_vectors(ids: Any) -> bool:
    if isinstance(ids, np.ndarray):
        return ids.ndim > 1 or ids.dtype.kind == "f"
    first = ids[0] if isinstance(ids, (list, tuple)) and ids else None
    return isinstance(first, (list, tuple, np.ndarray, float))


def _without_scalars(columns: RowArguments) -> RowArguments:
    """`add("a", texts="...")` is one row: scalars become lists of one."""
    scalar_id = is_scalar_id(columns.ids)
    scalar_text = isinstance(columns.texts, str)
    if not (scalar_id or (scalar_text and columns.ids is None)):
        return columns
    return RowArguments(
        ids=[columns.ids] if scalar_id else None,
        texts=[columns.texts] if scalar_text else columns.texts,
        vectors=[columns.vectors] if _is_one_vector(columns.vectors) else columns.vectors,
        metadata=[columns.metadata] if isinstance(columns.metadata, Mapping) else columns.metadata,
        ttl=columns.ttl,
        sparse=[columns.sparse] if _is_one_sparse(columns.sparse) else columns.sparse,
    )


def _is_one_sparse(sparse: Any) -> bool:
    return isinstance(sparse, Mapping) and not is_sparse_matrix(sparse)


def _is_one_vector(vectors: Any) -> bool:
    if vectors is None or is_stream(vectors):
        return False
    if not isinstance(vectors, (list, tuple)):
        vectors = one_vector(vectors)
    if isinstance(vectors, np.ndarray):
        return vectors.ndim == 1 and (vectors.dtype != object or all(map(np.isscalar, vectors)))
    return isinstance(vectors, Sequence) and len(vectors) > 0 and isinstance(vectors[0], (int, float, np.number))


def _as_list(name: str, value: Any) -> list[Any]:
    if is_sparse_matrix(value):  # a dictionary-of-keys matrix is a mapping too
        return values_in(value)
    is_scalar = isinstance(value, (str, bytes, bytearray, memoryview, Mapping)) or getattr(value, "ndim", 1) == 0
    if is_scalar or not isinstance(value, Iterable):
        raise InvalidArgument(
            f"{name} must be a list with one entry per row, not {type(value).__name__}",
            name=name,
            value=value,
            remedy=f"Write {name}=[...].",
        )
    return values_in(value)


def _refuse_unordered(columns: RowArguments) -> None:
    """Rejects sets: their entries have no order, so they cannot be matched with the rows of other columns."""
    given = columns.given()
    name = next((name for name, value in given if is_unordered(value)), None)
    if name is not None and len(given) > 1:
        other = next(one for one, _ in given if one != name)
        raise InvalidArgument(
            f"{name} is a set, whose entries have no order, and {other} is given too",
            name=name,
            remedy=f"Write {name}=sorted(...), or a list.",
        )


def _common_length(vectors: NDArray[Any] | list[Any] | None, lists: Mapping[str, list[Any]]) -> int:
    lengths = {name: len(values) for name, values in lists.items()}
    if vectors is not None:
        lengths["vectors"] = len(vectors)
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise InvalidArgument(
            f"the lists have different lengths: {listed}",
            name="rows",
            value=lengths,
            remedy="Give each list one entry per row, None where a row has nothing.",
        )
    return next(iter(lengths.values()))


def id_list(ids: Any) -> list[Id]:
    """The checked ids, given as one id or many."""
    if is_scalar_id(ids):
        return [check_id(ids)]
    return [check_id(id_, f"ids[{i}]") for i, id_ in enumerate(_as_list("ids", ids))]


def check_unique(batch: Batch) -> None:
    """Raises `DuplicateId` if two rows have the same id."""
    if len(set(batch.ids or ())) == len(batch.ids or ()):
        return
    seen: dict[Id, int] = {}
    for i, id_ in enumerate(batch.ids or ()):
        if id_ in seen:
            raise DuplicateId(
                f"the id {id_!r} is given twice, in row {batch.first_row + seen[id_]} too",
                name="ids",
                value=id_,
                place=f"row {batch.first_row + i}",
                remedy="Use upsert, where the last one wins, or drop one of them.",
            )
        seen[id_] = i


def _read_ttl(ttl: Any, count: int, now: int, places: _Places) -> list[int | None]:
    if ttl is None or isinstance(ttl, (int, float, np.number, timedelta, datetime, date)):
        instant = expiry(ttl, now, "")
        return [instant] * count
    listed = _as_list("ttl", ttl)
    if len(listed) != count:
        raise InvalidArgument(
            f"ttl has {len(listed)} entries for {count} rows", name="ttl", remedy="Give one for all, or one a row."
        )
    return [expiry(value, now, places(i)) if value is not None else None for i, value in enumerate(listed)]


def _read_sparse(vectors: list[Any] | None, count: int, places: _Places) -> list[bytes | None]:
    if vectors is None:
        return [None] * count
    return [None if one is None else pack(*check_sparse(one, places(i))) for i, one in enumerate(vectors)]
