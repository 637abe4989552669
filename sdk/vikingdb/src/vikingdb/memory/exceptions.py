"""Errors of the memory service: one class per code."""

from __future__ import annotations

from ..exceptions import VikingException


class VikingMemException(VikingException):
    """An error of the memory service."""


class UnauthorizedException(VikingMemException):
    """The credentials are not accepted."""


class InvalidRequestException(VikingMemException):
    """An argument is missing or invalid."""


class CollectionExistException(VikingMemException):
    """A collection with this name exists."""


class CollectionNotExistException(VikingMemException):
    """The collection does not exist."""


class IndexExistException(VikingMemException):
    """An index with this name exists."""


class IndexNotExistException(VikingMemException):
    """The index does not exist."""


class DataNotFoundException(VikingMemException):
    """The event, profile or session does not exist."""


class DelOpFailedException(VikingMemException):
    """Something could not be deleted."""


class UpsertOpFailedException(VikingMemException):
    """Something could not be stored, such as a profile that exists already."""


class InvalidVectorException(VikingMemException):
    """A vector is invalid."""


class InvalidPrimaryKeyException(VikingMemException):
    """A primary key is invalid."""


class InvalidFilterException(VikingMemException):
    """A filter is invalid, or names no user or assistant."""


class IndexSearchException(VikingMemException):
    """A search failed."""


class IndexFetchException(VikingMemException):
    """Something could not be read."""


class IndexInitializingException(VikingMemException):
    """An index is not ready yet."""


class EmbeddingException(VikingMemException):
    """A text could not be encoded."""


class InternalServerException(VikingMemException):
    """The server failed, or cannot be reached."""


class QuotaLimiterException(VikingMemException):
    """Too many requests."""


EXCEPTION_MAP: dict[int, type[VikingMemException]] = {
    1000001: UnauthorizedException,
    1000003: InvalidRequestException,
    1000004: CollectionExistException,
    1000005: CollectionNotExistException,
    1000007: IndexExistException,
    1000008: IndexNotExistException,
    1000011: DataNotFoundException,
    1000013: DelOpFailedException,
    1000014: UpsertOpFailedException,
    1000016: InvalidVectorException,
    1000017: InvalidPrimaryKeyException,
    1000019: InvalidFilterException,
    1000021: IndexSearchException,
    1000022: IndexFetchException,
    1000023: IndexInitializingException,
    1000025: EmbeddingException,
    1000028: InternalServerException,
    1000029: QuotaLimiterException,
}
