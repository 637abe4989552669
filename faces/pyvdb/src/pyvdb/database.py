"""`VectorDatabase`: texts, images and vectors with metadata, and similarity search."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, overload

import numpy as np
from numpy.typing import NDArray

from vicinal.inputs import checks
from vicinal.locks import new_lock

from . import export
from .config import DatabaseConfig
from .entries import IMAGE, TEXT, VECTOR, Entries, NewEntry
from .enums import DocumentType
from .errors import core_call
from .metadata import Metadata, from_row, row_metadata
from .names import TEXT_NAMES
from .opening import config_at, open_entries
from .options import QueryOptions
from .querying import query
from .results import IndexStats, QueryResult

VectorId = int
Path = str | os.PathLike[str]
MetadataLike = Metadata | Mapping[str, Any]

DEFAULT_OPTIONS: Final = QueryOptions()
_INT64_MAX = 2**63 - 1
_FLOAT_BYTES = 4


class VectorDatabase:
    """A database of vectors with metadata. Thread-safe; several handles and processes may share one path.

    Args:
        config: copied; later changes to it have no effect. Nothing is opened before `init()`.
    """

    def __init__(self, config: DatabaseConfig) -> None:
        if not isinstance(config, DatabaseConfig):
            raise TypeError(f"config must be a DatabaseConfig, not {type(config).__name__}")
        self._config = copy.copy(config)
        self._lock = new_lock()
        self._entries: Entries | None = None

    def init(self) -> None:
        """Opens the database, or creates it; a second call does nothing.

        Raises:
            RuntimeError: it cannot be opened, or its dimension differs from the configuration.
        """
        with self._lock:
            if self._entries is None:
                with core_call():
                    self._entries = open_entries(self._config)

    def is_ready(self) -> bool:
        """Whether `init()` has been called."""
        return self._entries is not None

    def config(self) -> DatabaseConfig:
        """A copy of the current configuration."""
        return copy.copy(self._config if self._entries is None else self._entries.config)

    # -- texts

    @overload
    def add_text(self, text: str, metadata: Metadata | Mapping[str, Any]) -> int: ...
    @overload
    def add_text(self, text: str, type: DocumentType, date: str) -> int: ...
    def add_text(  # type: ignore[misc]  # the second overload calls its second argument by another name
        self,
        text: str,
        metadata: Metadata | Mapping[str, Any] | DocumentType | None = None,
        date: str | None = None,
        *,
        type: DocumentType | None = None,
    ) -> int:
        """Encodes and stores a text; returns its id.

        Args:
            text: any text; it is kept for exports.
            metadata: copied; its `id` is ignored. A dict of attributes is also accepted, or the type instead of
                metadata.
            type, date: instead of metadata.

        Raises:
            RuntimeError: it cannot be encoded or stored; nothing was changed.
        """
        return self.add_texts([checks.text("text", text)], _metadata_of(metadata, type, date))[0]

    def add_texts(self, texts: Iterable[str], metadata: MetadataLike | Sequence[MetadataLike]) -> list[int]:
        """Stores many texts in one durable commit; returns their ids in order.

        Args:
            metadata: one for each text, or one for all.
        """
        entries = self._ready()
        listed = checks.texts("texts", texts)
        given = [row_metadata(each, TEXT) for each in _one_each(metadata, len(listed))]
        with core_call():
            return entries.add([NewEntry(row, text=text) for text, row in zip(listed, given, strict=True)])

    def query_text(self, query: str, options: QueryOptions = DEFAULT_OPTIONS) -> list[QueryResult]:
        """Returns the texts and vectors nearest to a text; images, which have their own vector space, are left out."""
        return self._query(checks.text("query", query), options, without=IMAGE)

    def search(self, query: str, k: int = 10) -> list[QueryResult]:
        """`query_text` with only the number of results."""
        options = QueryOptions()
        options.k = k
        return self.query_text(query, options)

    # -- images

    @overload
    def add_image(self, path: Path, metadata: Metadata | Mapping[str, Any]) -> int: ...
    @overload
    def add_image(self, path: Path) -> int: ...
    def add_image(self, path: Path, metadata: MetadataLike | None = None) -> int:
        """Encodes and stores an image; returns its id.

        Args:
            metadata: a type of Unknown becomes Chart, and an empty source_file becomes the path. Without metadata, the
                asset is the name of the file without extension.

        Raises:
            RuntimeError: the file does not exist, or is not an image; nothing was changed.
        """
        return self.add_images([path], None if metadata is None else [metadata])[0]

    def add_images(
        self, paths: Iterable[Path], metadata: MetadataLike | Sequence[MetadataLike] | None = None
    ) -> list[int]:
        """Stores many images in one durable commit; returns their ids in order."""
        entries = self._ready()
        listed = [checks.path("path", path) for path in paths]
        given = [None] * len(listed) if metadata is None else _one_each(metadata, len(listed))
        rows = [image_row(path, each) for path, each in zip(listed, given, strict=True)]
        with core_call():
            vectors = entries.encode_images(listed)
            return entries.add([NewEntry(row, vector=vector) for row, vector in zip(rows, vectors, strict=True)])

    def query_image(self, path: Path, options: QueryOptions = DEFAULT_OPTIONS) -> list[QueryResult]:
        """Returns the images and vectors nearest to an image; texts are left out."""
        entries = self._ready()
        with core_call():
            vector = entries.encode_images([checks.path("path", path)])[0]
        return self._query(vector, options, without=TEXT)

    # -- vectors

    def add_vector(self, vector: np.ndarray, metadata: MetadataLike) -> int:
        """Stores a vector unchanged; returns its id.

        Args:
            vector: anything that converts to a 1-D float32 array of the database's dimension.

        Raises:
            RuntimeError: it is not 1-D, has another length, or contains NaN or infinity; nothing was changed.
        """
        entries = self._ready()
        row = row_metadata(metadata, VECTOR)
        entry = NewEntry(row, vector=_vector(vector, entries.config.dimension))
        with core_call():
            return entries.add([entry])[0]

    def add_vectors(self, vectors: np.ndarray, metadata: MetadataLike | Sequence[MetadataLike]) -> list[int]:
        """Stores many vectors, shape (rows, dimension), in one durable commit; returns their ids in order."""
        entries = self._ready()
        block = _numbers(vectors)
        if block.ndim != 2:
            raise RuntimeError(f"Expected 2D array, got {block.ndim}D")
        for i, vector in enumerate(block):
            _check_components(vector, entries.config.dimension, f"vector {i}")
        rows = [row_metadata(each, VECTOR) for each in _one_each(metadata, len(block))]
        with core_call():
            return entries.add([NewEntry(row, vector=vector) for row, vector in zip(rows, block, strict=True)])

    def query_vector(self, vector: np.ndarray, options: QueryOptions = DEFAULT_OPTIONS) -> list[QueryResult]:
        """Returns the entries nearest to a vector, of every kind."""
        return self._query(_vector(vector, self._ready().config.dimension), options)

    def get_vector(self, id: int) -> np.ndarray | None:
        """Returns a new float32 array, shape (dimension,), as it was added; None if there is no such entry."""
        found = self._record(id, vectors=True)
        return None if found is None else np.array(found.vector)  # the engine's is read-only

    # -- metadata

    def get_metadata(self, id: int) -> Metadata | None:
        """Returns a copy of the metadata, or None if there is no such entry."""
        found = self._record(id)
        return None if found is None else from_row(id, found.metadata)

    def find_by_date(self, date: str) -> list[VectorId]:
        """Returns the ids of the entries with exactly this date, ascending; "" finds those without a date."""
        return self._find("date", checks.text("date", date))

    def find_by_type(self, type: DocumentType) -> list[VectorId]:
        """Returns the ids of the entries of this type, ascending."""
        return self._find("type", TEXT_NAMES[_type(type)])

    def find_by_asset(self, asset: str) -> list[VectorId]:
        """Returns the ids of the entries with exactly this asset, ascending."""
        return self._find("asset", checks.text("asset", asset))

    def count_by_type(self, type: DocumentType) -> int:
        """Returns the number of entries of this type."""
        entries, name = self._ready(), TEXT_NAMES[_type(type)]
        with core_call():
            return entries.rows.count({"type": {"$eq": name}})

    def all_dates(self) -> list[str]:
        """Returns every date that an entry has, once each, ascending."""
        entries = self._ready()
        if self.size() == 0:
            return []
        with core_call():
            return [date for date in entries.rows.distinct("date") if date]

    # -- maintenance

    def remove(self, id: int) -> None:
        """Removes an entry; its id is never reused.

        Raises:
            RuntimeError: there is no such entry.
        """
        entries, wanted = self._ready(), checks.unsigned("id", id)
        with core_call():
            removed = wanted <= _INT64_MAX and entries.rows.delete([wanted])
        if not removed:
            raise RuntimeError(f"there is no entry with id {wanted}")

    def remove_by_date(self, date: str) -> int:
        """Removes all entries with exactly this date; returns their number."""
        entries, wanted = self._ready(), checks.text("date", date)
        with core_call():
            return entries.rows.delete(where={"date": {"$eq": wanted}})

    def size(self) -> int:
        """The number of entries."""
        entries = self._ready()
        with core_call():
            return entries.rows.count()

    def __len__(self) -> int:
        return self.size()

    def stats(self) -> IndexStats:
        """Returns the current size of the database."""
        entries = self._ready()
        with core_call():
            stats = entries.rows.stats()
        dimension = stats.dimension or entries.config.dimension
        vectors = stats.rows * dimension * _FLOAT_BYTES
        index = max(stats.bytes_on_disk - vectors, 0)
        return IndexStats(stats.rows, dimension, vectors, index, "exact", stats.metric)

    def optimize(self) -> None:
        """Does nothing: the engine needs no maintenance. It exists because programs call it."""
        self._ready()

    def sync(self) -> None:
        """Makes every earlier write survive power loss; with `auto_sync`, it already does.

        Raises:
            RuntimeError: the disk reported an error.
        """
        entries = self._ready()
        with core_call():
            entries.rows.sync()

    def compact(self) -> None:
        """Reclaims the space of removed entries; ids and results stay the same.

        Raises:
            RuntimeError: there is not enough space for the copy that replaces the old files.
        """
        entries = self._ready()
        with core_call():
            entries.rows.compact()

    def export_training_data(self, output_path: Path) -> None:
        """Writes all entries as JSON Lines by ascending id: metadata, vector and, if present, text.

        Raises:
            RuntimeError: the file cannot be written; an existing one is left unchanged.
        """
        entries, path = self._ready(), checks.path("output_path", output_path)
        with core_call():
            export.write_training_data(entries.rows, path)

    def export_contrastive_data(self, output_path: Path, label: str = "asset", triplets: bool = False) -> int:
        """Writes pairs or triplets of texts as JSON Lines, for training an encoder; returns their number.

        Args:
            label: two texts belong together if they have the same: "asset", "type", "date" or "bias".
            triplets: also write a near text with another label.

        Raises:
            RuntimeError: the file cannot be written; an existing one is left unchanged.
        """
        entries, path = self._ready(), checks.path("output_path", output_path)
        with core_call():
            return export.write_contrastive_data(entries.rows, path, label, triplets=checks.flag("triplets", triplets))

    def __repr__(self) -> str:
        state = "not initialised" if self._entries is None else f"{self.size()} entries"
        return f"<VectorDatabase {os.fspath(self._config.path) or ':memory:'!r}: {state}>"

    # -- internal

    def _ready(self) -> Entries:
        if self._entries is None:
            raise RuntimeError("the database is not initialised: call init() first")
        return self._entries

    def _query(self, asked: Any, options: QueryOptions, without: str = "") -> list[QueryResult]:
        entries = self._ready()
        if not isinstance(options, QueryOptions):
            raise TypeError(f"options must be a QueryOptions, not {type(options).__name__}")
        with core_call():
            return query(entries.rows, asked, options, without=without)

    def _record(self, id_: int, *, vectors: bool = False) -> Any:
        entries, wanted = self._ready(), checks.unsigned("id", id_)
        if wanted > _INT64_MAX:
            return None
        with core_call():
            found = entries.rows.get([wanted], vectors=vectors)
        return found[0] if found else None

    def _find(self, field: str, value: str) -> list[VectorId]:
        entries = self._ready()
        with core_call():
            return sorted(map(int, entries.rows.ids({field: {"$eq": value}})))


def open_database(path: Path) -> VectorDatabase:
    """Opens an existing database, with the settings that it was created with.

    Raises:
        RuntimeError: there is none at `path`.
    """
    with core_call():
        config = config_at(checks.path("path", path))
    db = VectorDatabase(config)
    db.init()
    return db


def create_gold_standard_db(path: Path) -> VectorDatabase:
    """Opens the database at `path`, or creates one of 512 dimensions under cosine. It is initialized."""
    config = DatabaseConfig()
    config.path = checks.path("path", path)
    db = VectorDatabase(config)
    db.init()
    return db


def image_row(path: str, given: MetadataLike | None, **more: str) -> dict[str, Any]:
    """Returns the row metadata of an image, with defaults from its path."""
    row = row_metadata(Metadata() if given is None else given, IMAGE, **more)
    if given is None:
        row["asset"] = os.path.splitext(os.path.basename(path))[0]
    if row["type"] == TEXT_NAMES[DocumentType.Unknown]:
        row["type"] = TEXT_NAMES[DocumentType.Chart]
    row["source_file"] = row["source_file"] or path
    return row


def _metadata_of(metadata: Any, type: Any, date: Any) -> MetadataLike:
    """Returns the metadata of an `add_text` call, in either form."""
    if isinstance(metadata, DocumentType) and type is None:
        metadata, type = None, metadata
    if metadata is not None and type is None and date is None:
        found: MetadataLike = metadata  # pyright: ignore[reportAssignmentType]  # it remembers the first branch
        return found
    if metadata is not None or type is None or date is None:
        raise TypeError("add_text takes (text, metadata) or (text, type, date)")
    simple = Metadata()
    simple.type = _type(type)
    simple.date = checks.text("date", date)
    return simple


def _type(value: Any) -> DocumentType:
    return checks.member(DocumentType)("type", value)


def _one_each(metadata: Any, count: int) -> list[MetadataLike]:
    if isinstance(metadata, (Metadata, Mapping)):
        return [metadata] * count
    listed = list(metadata) if isinstance(metadata, Iterable) and not isinstance(metadata, (str, bytes)) else None
    if listed is None:
        raise TypeError(f"metadata must be a Metadata, a dict or a list of these, not {type(metadata).__name__}")
    if len(listed) != count:
        raise RuntimeError(f"there are {len(listed)} metadata for {count} entries. Give one for each, or one for all.")
    return listed


def _numbers(value: Any) -> NDArray[Any]:
    try:
        found = np.asarray(value)
    except ValueError:
        raise RuntimeError("Expected 1D array, got lists of different lengths") from None
    if found.dtype.kind not in "fiub":
        raise TypeError(f"a vector must hold real numbers, not {found.dtype}")
    with np.errstate(over="ignore"):  # values out of range become infinity, which is rejected
        return np.asarray(found, dtype=np.float32, order="C")


def _vector(value: Any, dimension: int) -> NDArray[np.float32]:
    if not hasattr(value, "__array__") and not isinstance(value, Sequence):
        raise TypeError(f"a vector must be an array or a list of numbers, not {type(value).__name__}")
    found = _numbers(value)
    if found.ndim != 1:
        raise RuntimeError(f"Expected 1D array, got {found.ndim}D of shape {found.shape}")
    _check_components(found, dimension, "the vector")
    return found


def _check_components(vector: NDArray[np.float32], dimension: int, name: str) -> None:
    if len(vector) != dimension:
        raise RuntimeError(f"{name} has {len(vector)} components, the database has dimension {dimension}")
    if not np.isfinite(vector).all():
        at = int(np.flatnonzero(~np.isfinite(vector))[0])
        raise RuntimeError(f"{name} holds {vector[at]} as component {at}. Every component must be finite as float32.")
