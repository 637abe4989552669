"""Brings collections over in batches, goes on where it was stopped, and looks at everything once more afterwards."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...collection import Collection
from ...compat.chroma.catalogue import Catalogue
from ...compat.chroma.configuration import configured
from ...database import Database
from ...errors import Damaged, InvalidArgument
from ...progress import progress
from .source import Source, SourceRow, opened, sources

__all__ = ["Imported", "import_chroma"]

_NOTES: Final = "vicinal.importers.chroma"
_STATE: Final = "state"
_SAMPLED: Final = 10
_NEIGHBOURS: Final = 10


@dataclass(slots=True)
class Imported:
    """What became of one collection.

    Attributes:
        space: how its vectors are compared.
        rows: in all.
        resumed: of these, those that an earlier run had brought.
        from_index: rows whose vectors only Chroma's index had; under cosine these have length 1.
        without_vector: ids of rows whose vectors are nowhere.
        problem: why Chroma's index could not be read; empty where it could.
    """

    name: str
    space: str
    rows: int = 0
    resumed: int = 0
    from_index: int = 0
    without_vector: list[str] = field(default_factory=list)
    problem: str = ""


def import_chroma(database: Database, folder: Path) -> list[Imported]:
    """Imports all collections of a folder written by Chroma, with ids, documents, metadata and vectors.

    An interrupted import is resumed by the same call. Each complete collection is verified against the source: counts,
    ids, documents, metadata, vectors, and the neighbours of sampled rows.

    Raises:
        InvalidArgument: there is no such folder, or a collection of the same name has other rows.
        Damaged: what was stored is not what was read.
    """
    with opened(folder) as connection:
        found = sources(connection, folder)
        catalogue = Catalogue(database)
        return [_import(catalogue, source) for source in found]


def _import(catalogue: Catalogue, source: Source) -> Imported:
    target = _target(catalogue, source)
    notes = target.notes(_NOTES)
    state = json.loads(notes[_STATE])
    source.prepare()
    report = Imported(
        source.name, source.space, problem=source.problem, resumed=target.count() if state["after"] else 0
    )
    with progress(f"Importing {source.name}", source.count) as advance:
        advance(report.resumed)
        for batch in source.batches(state["after"]):
            target.upsert(rows=[_row(row) for row in batch])
            notes[_STATE] = json.dumps({**state, "after": batch[-1].at}).encode()
            advance(len(batch))
    _verify(target, source, report)
    return report


def _target(catalogue: Catalogue, source: Source) -> Collection:
    """The collection that rows are brought into: new, or that of an import of the same collection."""
    metadata = {**source.metadata}
    configuration: dict[str, Any] = {"hnsw": {"space": source.space}}
    known = source.function if source.function and source.function.get("type") == "known" else None
    made = {**configured(None, configuration, None), "embedding_function": known}
    entry, _ = catalogue.make(source.name, metadata or None, made)
    target = catalogue.open(entry)
    notes = target.notes(_NOTES)
    state = notes.get(_STATE)
    if state is None and not target.count():
        notes[_STATE] = json.dumps({"source": source.id, "after": 0}).encode()
    elif state is None or json.loads(state)["source"] != source.id:
        raise InvalidArgument(
            f"there is a collection {source.name!r} with other rows",
            name="--from",
            remedy="Import into another database folder, or delete it first; nothing was changed.",
        )
    return target


def _row(row: SourceRow) -> dict[str, Any]:
    return {"id": row.id, "text": row.text, "vector": row.vector, "metadata": row.metadata or None}


def _verify(target: Collection, source: Source, report: Imported) -> None:
    """Reads both once more.

    Raises:
        Damaged: something differs.
    """
    samples = _Samples(source)
    with progress(f"Checking {source.name}", source.count) as advance:
        for batch in source.batches():
            stored = {record.id: record for record in target.get([row.id for row in batch], vectors=True)}
            for row in batch:
                record = stored.get(row.id)
                if record is None or (record.text, record.metadata) != (row.text, row.metadata):
                    raise _differs(source, row.id)
                if not _same(record.vector, row.vector):
                    raise _differs(source, row.id)
            report.rows += len(batch)
            report.from_index += sum(row.from_index for row in batch)
            report.without_vector += [row.id for row in batch if row.vector is None]
            samples.compare(batch)
            advance(len(batch))
    if target.count() != report.rows:
        raise _differs(source, f"{report.rows:,} rows were read and {target.count():,} are stored")
    samples.check(target)


def _same(stored: NDArray[np.float32] | None, read: NDArray[np.float32] | None) -> bool:
    return stored is None if read is None else stored is not None and np.array_equal(stored, read)


def _differs(source: Source, what: str) -> Damaged:
    return Damaged(
        f"what was stored of {source.name!r} is not what Chroma's files say: {what}",
        name="--from",
        remedy="Was the collection written to meanwhile? Delete it and import once more.",
    )


class _Samples:
    """Some rows, and their nearest among all rows as they are read."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._step = max(1, source.count // _SAMPLED)
        self._queries = self._chosen()
        self._best: NDArray[np.float64] = np.empty((len(self._queries), 0))

    def compare(self, batch: list[SourceRow]) -> None:
        """Takes rows into account."""
        vectors = [row.vector for row in batch if row.vector is not None]
        if not vectors or not len(self._queries):
            return
        distances = _distances(self._source.space, self._queries, np.array(vectors, dtype=np.float64))
        self._best = np.sort(np.hstack([self._best, distances]), axis=1)[:, :_NEIGHBOURS]

    def check(self, target: Collection) -> None:
        """
        Raises:
            Damaged: a search finds others.
        """
        for query, expected in zip(self._queries, self._best):
            hits = target.search(query.astype(np.float32), _NEIGHBOURS, exact=True, select=())
            if not np.allclose([hit.distance for hit in hits], expected, rtol=1e-4, atol=1e-4):
                raise _differs(self._source, "the neighbours of a row are others")

    def _chosen(self) -> NDArray[np.float64]:
        rows = (row for batch in self._source.batches() for row in batch)
        found = [row.vector for i, row in enumerate(rows) if i % self._step == 0 and row.vector is not None]
        return np.array(found[:_SAMPLED], dtype=np.float64).reshape(len(found[:_SAMPLED]), -1)


def _distances(space: str, queries: NDArray[np.float64], vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """As the engine gives them, in the plainest way."""
    if space == "l2":
        return np.array([np.sqrt(((vectors - query) ** 2).sum(axis=1)) for query in queries])
    products = queries @ vectors.T
    if space == "ip":
        return -products
    lengths = np.outer(np.linalg.norm(queries, axis=1), np.linalg.norm(vectors, axis=1))
    return 1 - np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
