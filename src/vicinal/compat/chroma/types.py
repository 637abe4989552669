"""Names of types that programs import from Chroma."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypedDict
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from .embedding import EmbeddingFunction
from .results import GetResult, QueryResult

__all__ = [
    "ID",
    "URI",
    "CollectionMetadata",
    "CreateCollectionConfiguration",
    "DataLoader",
    "Database",
    "Document",
    "Documents",
    "Embeddable",
    "Embedding",
    "EmbeddingFunction",
    "Embeddings",
    "GetResult",
    "IDs",
    "Image",
    "Images",
    "Include",
    "IncludeEnum",
    "Loadable",
    "Metadata",
    "Metadatas",
    "OneOrMany",
    "QueryResult",
    "Space",
    "Tenant",
    "URIs",
    "UpdateCollectionMetadata",
    "UpdateMetadata",
    "Vector",
    "Where",
    "WhereDocument",
]

ID = str
IDs = list[str]
Document = str
Documents = list[str]
URI = str
URIs = list[str]
Image = NDArray[Any]
Images = list[Image]
Vector = list[float]
Embedding = NDArray[np.float32]
Embeddings = list[Embedding]
Embeddable = Documents | Images
Metadata = Mapping[str, Any]
UpdateMetadata = Mapping[str, Any]
Metadatas = list[Metadata]
CollectionMetadata = dict[str, Any]
UpdateCollectionMetadata = dict[str, Any]
Where = dict[str, Any]
WhereDocument = dict[str, Any]
Include = list[str]
IncludeEnum = str
Loadable = list[Image | None]
DataLoader = Callable[[list[str | None]], Any]
Space = Literal["cosine", "l2", "ip"]
OneOrMany = Any
CreateCollectionConfiguration = dict[str, Any]
UpdateCollectionConfiguration = dict[str, Any]


class Tenant(TypedDict):
    """Owner of databases."""

    name: str


class Database(TypedDict):
    """Contains collections."""

    id: UUID
    name: str
    tenant: str
