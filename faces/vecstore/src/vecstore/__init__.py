"""vecstore on Vicinal: vectors with metadata and texts, collections, hybrid search, snapshots, tools for RAG.

from vecstore import VecStore

store = VecStore("my_store")
store.upsert("doc1", [0.1, 0.2, 0.3], {"text": "hello"})
results = store.query([0.1, 0.2, 0.3], k=5, filter="text = 'hello'")
"""

from vicinal.ownership import warn_of_other_owners
from vicinal.version import __version__

from .collection import Collection
from .database import VecDatabase
from .evaluation import (
    LLM,
    AnswerCorrectness,
    AnswerFaithfulness,
    ContextRelevance,
    Embedder,
    EvaluationInput,
    EvaluationReport,
    Evaluator,
    Metric,
    MetricResult,
)
from .queries import HybridQuery, Query
from .rag import (
    CodeTextSplitter,
    ConversationMemory,
    MarkdownTextSplitter,
    MultiQueryRetrieval,
    PromptTemplate,
    RecursiveCharacterTextSplitter,
)
from .results import SearchResult
from .store import VecStore

__all__ = [
    "LLM",
    "AnswerCorrectness",
    "AnswerFaithfulness",
    "CodeTextSplitter",
    "Collection",
    "ContextRelevance",
    "ConversationMemory",
    "Embedder",
    "EvaluationInput",
    "EvaluationReport",
    "Evaluator",
    "HybridQuery",
    "MarkdownTextSplitter",
    "Metric",
    "MetricResult",
    "MultiQueryRetrieval",
    "PromptTemplate",
    "Query",
    "RecursiveCharacterTextSplitter",
    "SearchResult",
    "VecDatabase",
    "VecStore",
    "__version__",
]

warn_of_other_owners("vecstore", "vicinal-vecstore", __file__)
