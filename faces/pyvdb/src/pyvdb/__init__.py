"""pyvdb on Vicinal: texts, images and vectors with metadata, and similarity search.

import pyvdb

db = pyvdb.create_gold_standard_db("my_database")
db.add_text("Gold prices surge", pyvdb.DocumentType.Journal, "2026-01-08")
results = db.search("gold price", k=5)
"""

from vicinal.ownership import warn_of_other_owners
from vicinal.version import __version__

from .bm25 import BM25Config, BM25Engine, BM25Result
from .config import DatabaseConfig
from .database import VectorDatabase, VectorId, create_gold_standard_db, open_database
from .enums import Device, DistanceMetric, DocumentType, FusionMethod, Role
from .hybrid import HybridResult, HybridSearchConfig, HybridSearchEngine
from .ingest import GoldStandardIngest
from .ingest_config import IngestConfig
from .llm import (
    ChatCompletionResult,
    GenerationParams,
    LLMConfig,
    LLMEngine,
    Message,
    create_llm_engine,
    has_llm_support,
)
from .metadata import Metadata
from .options import QueryOptions
from .results import IndexStats, IngestStats, QueryResult

__all__ = [
    "BM25Config",
    "BM25Engine",
    "BM25Result",
    "ChatCompletionResult",
    "DatabaseConfig",
    "Device",
    "DistanceMetric",
    "DocumentType",
    "FusionMethod",
    "GenerationParams",
    "GoldStandardIngest",
    "HybridResult",
    "HybridSearchConfig",
    "HybridSearchEngine",
    "IndexStats",
    "IngestConfig",
    "IngestStats",
    "LLMConfig",
    "LLMEngine",
    "Message",
    "Metadata",
    "QueryOptions",
    "QueryResult",
    "Role",
    "VectorDatabase",
    "VectorId",
    "__version__",
    "create_gold_standard_db",
    "create_llm_engine",
    "has_llm_support",
    "open_database",
]

warn_of_other_owners("pyvdb", "vicinal-pyvdb", __file__)
