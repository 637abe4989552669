"""Read-only results of queries and statistics."""

from __future__ import annotations

from dataclasses import dataclass, field

from .metadata import Metadata


@dataclass(frozen=True, slots=True)
class QueryResult:
    """One entry that a query found.

    Attributes:
        id: of the entry.
        distance: `1 - cosine`, Euclidean distance, or minus the dot product; lower is nearer.
        score: `1 - distance`, so the cosine under `DistanceMetric.Cosine`; higher is nearer.
        metadata: a copy, or None if the options did not request it.
    """

    id: int = 0
    distance: float = 0.0
    score: float = 0.0
    metadata: Metadata = None  # type: ignore[assignment]  # typed as the document has it


@dataclass(frozen=True, slots=True)
class IndexStats:
    """Size of a database.

    Attributes:
        total_vectors: entries.
        dimension: components of each vector.
        memory_usage_bytes: of all vectors, mapped or in memory.
        index_size_bytes: of data that is derived from them and can be rebuilt.
        index_type: the kind of index that is searched.
        metric: name of the metric.
    """

    total_vectors: int = 0
    dimension: int = 0
    memory_usage_bytes: int = 0
    index_size_bytes: int = 0
    index_type: str = ""
    metric: str = ""


@dataclass(frozen=True, slots=True)
class IngestStats:
    """Result of an ingestion.

    Attributes:
        journals_added, charts_added, reports_added: entries added or replaced.
        skipped: files that are already in the database.
        errors: files that could not be ingested.
        error_messages: one for each of these: path, colon, reason.
    """

    journals_added: int = 0
    charts_added: int = 0
    reports_added: int = 0
    skipped: int = 0
    errors: int = 0
    error_messages: list[str] = field(default_factory=list)
