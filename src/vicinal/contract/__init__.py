"""What can be swapped, and what each swappable part owes the rest.

Encoder, TokenCounter, EmbeddingStore: texts to vectors, how long a text is to a model, where results may be kept.
LLM, Embedder: models of a user, asked about one text at a time. Reranker: one that orders texts by a query.
Index: what is derived from the records. VectorIndex, VectorSearcher: the part of it that finds the nearest vectors.
Kernels: distances, native or NumPy. Checksums: likewise.
Database, Collection and their `async` twins: the nouns that users hold, the same embedded and behind a server; their
signatures are written once, in `vicinal.collection` and `vicinal.database`. Capabilities: what differs.
"""

from .capabilities import IN_MEMORY, ON_DISK, REMOTE, Capabilities
from .collection import AsyncCollection, AsyncNotes, Collection
from .database import AsyncDatabase, Database
from .encoders import LLM, Embedder, EmbeddingStore, Encoder, Reranker, TokenCounter
from .indexes import (
    AS_USUAL,
    Accuracy,
    Approach,
    Contents,
    Delta,
    Index,
    IndexSnapshot,
    SavedIndex,
    VectorIndex,
    VectorSearcher,
)
from .kernels import Checksums, Kernels
from .notes import Notes
from .words import METRICS, Bitmap, Durability, FloatMatrix, FloatVector, Metric, Mode, Part, Slots, Syntax

__all__ = [
    "AS_USUAL",
    "IN_MEMORY",
    "LLM",
    "METRICS",
    "ON_DISK",
    "REMOTE",
    "Accuracy",
    "Approach",
    "AsyncCollection",
    "AsyncDatabase",
    "AsyncNotes",
    "Bitmap",
    "Capabilities",
    "Checksums",
    "Collection",
    "Contents",
    "Database",
    "Delta",
    "Durability",
    "Embedder",
    "EmbeddingStore",
    "Encoder",
    "FloatMatrix",
    "FloatVector",
    "Index",
    "IndexSnapshot",
    "Kernels",
    "Metric",
    "Mode",
    "Notes",
    "Part",
    "Reranker",
    "SavedIndex",
    "Slots",
    "Syntax",
    "TokenCounter",
    "VectorIndex",
    "VectorSearcher",
]
