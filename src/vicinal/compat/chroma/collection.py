"""A collection with Chroma's calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Concatenate, Final, NoReturn, ParamSpec, TypeVar
from uuid import UUID

import numpy as np

from ...collection import Collection as Stored
from ...contract import Encoder, Part
from ...encoders.registry import resolve
from ...errors import DuplicateId, IdNotFound
from ...visible import shown
from . import configuration as configurations
from .catalogue import Catalogue, Entry, checked_text
from .conditions import filter_tree
from .config import DEFAULT_DATABASE, DEFAULT_TENANT
from .embedding import DefaultEmbeddingFunction
from .errors import InternalError, InvalidArgumentError, translated
from .results import GetResult, QueryResult, checked_include, rows_of_get, rows_of_query
from .rows import Rows, checked_ids, checked_rows, checked_vectors

__all__ = ["Collection"]

P = ParamSpec("P")
T = TypeVar("T")

_GET: Final = ["metadatas", "documents"]
_QUERY: Final = ["metadatas", "documents", "distances"]
_NOTES: Final = "chroma"
_TRIES: Final = 10


def _in_its_terms(method: Callable[Concatenate[Collection, P], T]) -> Callable[Concatenate[Collection, P], T]:
    """Translates errors of the engine to those of this API."""

    @wraps(method)
    def call(self: Collection, *args: P.args, **kwargs: P.kwargs) -> T:
        with translated(str(self.id)):
            return method(self, *args, **kwargs)

    return call  # type: ignore[return-value]  # it has the same signature


class Collection:
    """A collection, created by a client. Thread-safe.

    Args:
        catalogue: where it is listed.
        name: its name.
        entry: its entry in the catalogue.
        function: encodes documents.
        loader: loads the data of URIs.
    """

    def __init__(self, catalogue: Catalogue, name: str, entry: Entry, function: Any, loader: Any = None) -> None:
        self._catalogue = catalogue
        self._name = name
        self._entry = entry
        self._embedding_function = function
        self._data_loader = loader
        self._held: Stored | None = None
        self._encoder: Encoder | None = None

    # -- what it is

    @property
    def name(self) -> str:
        """The name when this handle was created, or the one that it set."""
        return self._name

    @property
    def id(self) -> UUID:
        """The id, which does not change with the name."""
        return UUID(self._entry.id)

    @property
    def metadata(self) -> dict[str, Any] | None:
        """Metadata of the collection when this handle was created, or as it set it."""
        return self._entry.metadata

    @property
    def configuration_json(self) -> dict[str, Any]:
        """The configuration as JSON."""
        return self._entry.configuration

    @property
    def configuration(self) -> dict[str, Any]:
        """The configuration with the embedding function itself."""
        saved = self._entry.configuration
        return {**saved, "embedding_function": self._embedding_function if saved["embedding_function"] else None}

    @property
    def tenant(self) -> str:
        """The only tenant."""
        return DEFAULT_TENANT

    @property
    def database(self) -> str:
        """The only database."""
        return DEFAULT_DATABASE

    def __repr__(self) -> str:
        return f"Collection(name={self._name})"

    # -- write

    @_in_its_terms
    def add(
        self,
        ids: str | list[str],
        embeddings: Any = None,
        metadatas: Any = None,
        documents: Any = None,
        images: Any = None,
        uris: Any = None,
    ) -> None:
        """Stores rows whose ids are new; existing rows are not changed.

        Raises:
            ValueError, TypeError, DuplicateIDError, InvalidArgumentError: the call is invalid; nothing was changed.
        """
        rows = checked_rows("add", ids, embeddings, metadatas, documents, images, uris, is_new=True)
        self._embed(rows, "add", required=True)
        self._check_dimension(rows)

        def write(known: set[str]) -> None:
            self._insert(rows.only([i for i, id_ in enumerate(rows.ids) if id_ not in known]))

        self._write(rows, write)

    @_in_its_terms
    def upsert(
        self,
        ids: str | list[str],
        embeddings: Any = None,
        metadatas: Any = None,
        documents: Any = None,
        images: Any = None,
        uris: Any = None,
    ) -> None:
        """Changes the rows whose ids exist, as `update` does, and stores the others, as `add` does.

        Raises:
            ValueError, TypeError, DuplicateIDError, InvalidArgumentError: the call is invalid; nothing was changed.
        """
        rows = checked_rows("upsert", ids, embeddings, metadatas, documents, images, uris, is_new=False)
        self._embed(rows, "upsert", required=True)
        self._check_dimension(rows)

        def write(known: set[str]) -> None:
            self._change(rows.only([i for i, id_ in enumerate(rows.ids) if id_ in known]))
            self._insert(rows.only([i for i, id_ in enumerate(rows.ids) if id_ not in known]))

        self._write(rows, write)

    @_in_its_terms
    def update(
        self,
        ids: str | list[str],
        embeddings: Any = None,
        metadatas: Any = None,
        documents: Any = None,
        images: Any = None,
        uris: Any = None,
    ) -> None:
        """Changes rows; ids that do not exist are ignored.

        Metadata keys are merged, and a value of None removes a key. A new document gets a new vector.

        Raises:
            ValueError, TypeError, DuplicateIDError, InvalidArgumentError: the call is invalid; nothing was changed.
        """
        rows = checked_rows("update", ids, embeddings, metadatas, documents, images, uris, is_new=False)
        self._embed(rows, "update", required=False)
        self._check_dimension(rows)

        def write(known: set[str]) -> None:
            self._change(rows.only([i for i, id_ in enumerate(rows.ids) if id_ in known]))

        self._write(rows, write)

    @_in_its_terms
    def delete(
        self,
        ids: str | list[str] | None = None,
        where: Any = None,
        where_document: Any = None,
        limit: int | None = None,
    ) -> dict[str, int]:
        """Deletes rows by id, by conditions, or those that match both.

        Args:
            limit: maximum number of matching rows to delete.

        Returns:
            `{"deleted": n}`, the number of rows that existed.
        """
        if ids is None and where is None and where_document is None:
            raise ValueError("delete needs ids, where or where_document.")
        if limit is not None:
            if where is None and where_document is None:
                raise ValueError("limit needs where or where_document in delete.")
            if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
                raise ValueError(f"limit is an int of at least 0, not {shown(limit)}, in delete.")
        named = None if ids is None else checked_ids(ids, "delete")
        tree: Any = filter_tree("delete", ids=named, where=where, where_document=where_document)
        stored = self._stored()
        if limit is None:
            return {"deleted": stored.delete(where=tree)}
        return {"deleted": stored.delete(stored.ids(tree)[:limit], where=tree)}

    def modify(
        self, name: str | None = None, metadata: Mapping[str, Any] | None = None, configuration: Any = None
    ) -> None:
        """Changes the collection's name, replaces its metadata, or changes its configuration.

        Raises:
            InternalError: another collection has the name.
            ValueError: the space cannot be changed.
        """
        changes: dict[str, Any] = {}
        if metadata is not None:
            if metadata == {}:
                raise ValueError("the metadata of a collection is not empty in modify.")
            changes["metadata"] = configurations.checked_metadata(metadata)
            if metadata.get("hnsw:space", self._space) != self._space:
                raise ValueError("the space of a collection cannot be changed.")
        if configuration is not None:
            changes["configuration"] = configurations.changed(self._entry.configuration, configuration)
        wanted = None if name is None else checked_text(name)
        with translated(str(self.id)):
            self._name, self._entry = self._catalogue.change(self._entry.id, wanted, **changes)

    # -- read

    @_in_its_terms
    def count(self) -> int:
        """Returns the number of rows."""
        return self._stored().count()

    @_in_its_terms
    def get(
        self,
        ids: str | list[str] | None = None,
        where: Any = None,
        limit: int | None = None,
        offset: int | None = None,
        where_document: Any = None,
        include: list[str] = _GET,
    ) -> GetResult:
        """Returns rows by id and conditions, in insertion order; without either all.

        Args:
            include: any of "documents", "embeddings", "metadatas", "uris", "data".
        """
        parts = checked_include(include, "get", can_load=self._data_loader is not None, distances=False)
        named = None if ids is None else checked_ids(ids, "get")
        tree: Any = filter_tree("get", ids=named, where=where, where_document=where_document)
        records = self._stored().get(
            where=tree,
            limit=None if limit is None else _count("limit", limit),
            offset=0 if offset is None else _count("offset", offset),
            vectors="embeddings" in parts,
        )
        return rows_of_get(records, parts, self._data_loader)

    @_in_its_terms
    def peek(self, limit: int = 10) -> GetResult:
        """Returns the first rows."""
        records = self._stored().get(limit=_count("limit", limit), vectors=True)
        return rows_of_get(records, ["metadatas", "documents", "embeddings"], None)

    @_in_its_terms
    def query(
        self,
        query_embeddings: Any = None,
        query_texts: str | list[str] | None = None,
        query_images: Any = None,
        query_uris: Any = None,
        ids: str | list[str] | None = None,
        n_results: int = 10,
        where: Any = None,
        where_document: Any = None,
        include: list[str] = _QUERY,
    ) -> QueryResult:
        """Returns the nearest rows of each query, nearest first.

        Args:
            ids: only these rows.
            n_results: maximum number of rows.
            include: any of "documents", "embeddings", "metadatas", "distances", "uris", "data".
        """
        parts = checked_include(include, "query", can_load=self._data_loader is not None, distances=True)
        if isinstance(n_results, bool) or not isinstance(n_results, int):
            raise ValueError(f"n_results is an int, not {shown(n_results)}, in query.")
        if n_results <= 0:
            raise TypeError(f"n_results is at least 1, not {n_results}, in query.")
        named = None if ids is None or ids == [] else checked_ids(ids, "query")
        tree: Any = filter_tree("query", ids=named, where=where, where_document=where_document)
        vectors = self._queries(query_embeddings, query_texts, query_images, query_uris)
        stored = self._stored()
        select: list[Part] = ["text"] if "documents" in parts else []
        if {"metadatas", "uris", "data"} & set(parts):
            select.append("metadata")
        for _ in range(_TRIES):
            answers = stored.search_many(np.stack(vectors), n_results, tree, select=select)
            wanted = {hit.id for hits in answers for hit in hits} if "embeddings" in parts else set()
            records = {record.id: record for record in stored.get(list(wanted), vectors=True)} if wanted else {}
            if len(records) == len(wanted):  # else a row was deleted meanwhile
                return rows_of_query(answers, parts, records, self._data_loader)
        raise InternalError("rows are deleted faster than their vectors can be read; query again")

    # -- what only Chroma's own service has

    def search(self, searches: Any, read_level: Any = None) -> NoReturn:
        """Not supported, as in Chroma's own library without its service."""
        raise NotImplementedError("Search is not implemented here: use query, or the engine's own search")

    def fork(self, new_name: str) -> NoReturn:
        """Not supported, as in Chroma's own library without its service."""
        raise NotImplementedError("Collection forking is not implemented here")

    # -- within

    @property
    def _space(self) -> str:
        return str(self._entry.configuration["hnsw"]["space"])

    def _stored(self) -> Stored:
        if self._held is None:
            self._held = self._catalogue.open(self._entry)
        return self._held

    def _write(self, rows: Rows, write: Callable[[set[str]], None]) -> None:
        """Writes depending on which rows exist; repeated if another process added or deleted some of them meanwhile."""
        stored = self._stored()
        for _ in range(_TRIES):
            tree: Any = filter_tree("write", ids=rows.ids)
            try:
                return write({str(id_) for id_ in stored.ids(tree)})
            except (DuplicateId, IdNotFound):
                continue
        raise InternalError("other programs add and delete these rows all the time; try again")

    def _insert(self, rows: Rows) -> None:
        if rows.ids:
            metadata = rows.metadata()
            given = None if metadata is None else [_without_none(row) for row in metadata]
            self._stored().add(rows.ids, texts=rows.documents, vectors=rows.vectors, metadata=given)

    def _change(self, rows: Rows) -> None:
        """Updates rows, in one commit for all that lose the same metadata keys."""
        metadata = rows.metadata()
        groups: dict[frozenset[str], list[int]] = {}
        for i in range(len(rows.ids)):
            row = (metadata[i] if metadata is not None else None) or {}
            groups.setdefault(frozenset(key for key, value in row.items() if value is None), []).append(i)
        for removed, chosen in groups.items():
            part = rows.only(chosen)
            given = part.metadata()
            merged = None if given is None else [_without_none(row) for row in given]
            if removed or any(value is not None for value in (part.documents, part.vectors, merged)):
                self._stored().update(
                    part.ids, texts=part.documents, vectors=part.vectors, metadata=merged, remove=sorted(removed)
                )

    def _embed(self, rows: Rows, call: str, *, required: bool) -> None:
        """Encodes rows without a vector."""
        if rows.vectors is not None:
            return
        kinds = [name for name in ("documents", "images", "uris") if getattr(rows, name) is not None]
        if len(kinds) != 1:
            if required:
                raise ValueError(f"{call} needs embeddings, or one of documents, images and uris, not {len(kinds)}.")
            if len(kinds) > 1:
                raise ValueError(f"{call} takes one of documents, images and uris, not {len(kinds)}.")
            return
        if kinds == ["uris"] and self._data_loader is None and not required:
            return
        given = getattr(rows, kinds[0])
        if None in (given if kinds[0] != "images" else []):
            raise ValueError(f"{call} has a row without embedding and without {kinds[0][:-1]}.")
        data = self._loaded(given, call) if kinds[0] == "uris" else given
        rows.vectors = self._vectors(data, call, is_query=False)
        if len(rows.vectors) != len(rows.ids):
            raise ValueError(f"the embedding function returned {len(rows.vectors)} vectors for {len(rows.ids)} rows.")

    def _queries(self, embeddings: Any, texts: Any, images: Any, uris: Any) -> list[Any]:
        if embeddings is not None:
            return checked_vectors(embeddings, "query")
        for given, one in ((texts, str), (images, np.ndarray), (uris, str)):
            if given is not None:
                listed: Sequence[Any] = [given] if isinstance(given, one) else given
                return self._vectors(self._loaded(listed, "query") if given is uris else listed, "query", is_query=True)
        raise ValueError("query needs query_embeddings, query_texts, query_images or query_uris.")

    def _loaded(self, uris: Any, call: str) -> Any:
        if self._data_loader is None:
            raise ValueError(f"to read URIs, the collection needs a data_loader, in {call}.")
        return self._data_loader(uris)

    def _vectors(self, data: Any, call: str, *, is_query: bool) -> list[Any]:
        function = self._embedding_function
        if isinstance(function, DefaultEmbeddingFunction):
            encoder = self._default_encoder()
            made: Any = list((encoder.encode_query if is_query else encoder.encode)(list(data)))
        elif is_query and hasattr(function, "embed_query"):
            made = function.embed_query(input=data)
        else:
            made = function(input=data)
        return checked_vectors(made if isinstance(made, np.ndarray) else list(made), call)

    def _default_encoder(self) -> Encoder:
        """The encoder first used for the collection's texts: on another machine the default might differ."""
        if self._encoder is None:
            chosen = DefaultEmbeddingFunction.encoder()
            name = self._stored().notes(_NOTES).setdefault("encoder", chosen.name.encode()).decode()
            self._encoder = chosen if name == chosen.name else resolve(name)
        return self._encoder

    def _check_dimension(self, rows: Rows) -> None:
        """Checks the dimension even if no row will be written, as in an update of rows that do not exist."""
        dimension = None if rows.vectors is None else self._stored().stats().dimension
        if dimension is not None and rows.vectors and len(rows.vectors[0]) != dimension:
            raise InvalidArgumentError(
                f"the collection has vectors of dimension {dimension}, not {len(rows.vectors[0])}"
            )


def _without_none(row: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if row is None else {key: value for key, value in row.items() if value is not None} or None


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} is an int, not {shown(value)}")
    if value < 0:
        raise OverflowError(f"{name} is at least 0, not {value}")
    return int(value)
