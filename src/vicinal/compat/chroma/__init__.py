"""Chroma's API on Vicinal: programs written for chromadb import this instead.

    import vicinal.compat.chroma as chromadb

    client = chromadb.PersistentClient("./data")
    docs = client.get_or_create_collection("docs", metadata={"hnsw:space": "cosine"})
    docs.add(ids=["a"], documents=["a text"])
    docs.query(query_texts=["something similar"], n_results=5)

Libraries that import chromadb themselves get it after `install()`. docs/chroma.md lists the differences.
"""

from . import config, errors
from .admin import AdminClient
from .aio import AsyncClientAPI, AsyncCollection
from .client import ClientAPI
from .collection import Collection
from .config import DEFAULT_DATABASE, DEFAULT_TENANT, Settings
from .connecting import AsyncHttpClient, Client, EphemeralClient, HttpClient, PersistentClient
from .hosted import K, Knn, Rrf, Search
from .installing import install
from .modules import loaded_when_asked
from .types import (
    ID,
    URI,
    CollectionMetadata,
    CreateCollectionConfiguration,
    Documents,
    EmbeddingFunction,
    Embeddings,
    GetResult,
    IDs,
    Include,
    Metadata,
    Metadatas,
    QueryResult,
    UpdateCollectionMetadata,
    UpdateMetadata,
    URIs,
    Where,
    WhereDocument,
)
from .version import CHROMA_VERSION as __version__

__getattr__ = loaded_when_asked(__name__, "api", "utils")

__all__ = [
    "DEFAULT_DATABASE",
    "DEFAULT_TENANT",
    "ID",
    "URI",
    "AdminClient",
    "AsyncClientAPI",
    "AsyncCollection",
    "AsyncHttpClient",
    "Client",
    "ClientAPI",
    "Collection",
    "CollectionMetadata",
    "CreateCollectionConfiguration",
    "Documents",
    "EmbeddingFunction",
    "Embeddings",
    "EphemeralClient",
    "GetResult",
    "HttpClient",
    "IDs",
    "Include",
    "K",
    "Knn",
    "Metadata",
    "Metadatas",
    "PersistentClient",
    "QueryResult",
    "Rrf",
    "Search",
    "Settings",
    "URIs",
    "UpdateCollectionMetadata",
    "UpdateMetadata",
    "Where",
    "WhereDocument",
    "__version__",
    "config",
    "errors",
    "install",
]
