"""Conversational memory: sessions, events and profiles of users."""

from __future__ import annotations

from .client import VikingMem
from .collection import Collection
from .exceptions import (
    CollectionExistException,
    CollectionNotExistException,
    DataNotFoundException,
    DelOpFailedException,
    EmbeddingException,
    IndexExistException,
    IndexFetchException,
    IndexInitializingException,
    IndexNotExistException,
    IndexSearchException,
    InternalServerException,
    InvalidFilterException,
    InvalidPrimaryKeyException,
    InvalidRequestException,
    InvalidVectorException,
    QuotaLimiterException,
    UnauthorizedException,
    UpsertOpFailedException,
    VikingMemException,
)

__all__ = [
    "Collection",
    "CollectionExistException",
    "CollectionNotExistException",
    "DataNotFoundException",
    "DelOpFailedException",
    "EmbeddingException",
    "IndexExistException",
    "IndexFetchException",
    "IndexInitializingException",
    "IndexNotExistException",
    "IndexSearchException",
    "InternalServerException",
    "InvalidFilterException",
    "InvalidPrimaryKeyException",
    "InvalidRequestException",
    "InvalidVectorException",
    "QuotaLimiterException",
    "UnauthorizedException",
    "UpsertOpFailedException",
    "VikingMem",
    "VikingMemException",
]
