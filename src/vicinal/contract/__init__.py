"""The interfaces of all replaceable parts.

Encoder, TokenCounter, EmbeddingStore: texts to vectors, lengths of texts in tokens, a cache for vectors.
LLM, Embedder: a user's models, called with one text at a time. Reranker: a model that scores texts against a query.
Index: the data structures derived from the records. VectorIndex, VectorSearcher: the part that finds nearest vectors.
Kernels: distance functions, native or NumPy. Checksums: likewise.
Database, Collection and their `async` twins: the classes that users hold, the same for every kind of database; their
signatures are generated from `vicinal.collection` and `vicinal.database`. Capabilities: how the kinds differ.
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
