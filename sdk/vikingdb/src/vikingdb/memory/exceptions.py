"""What the memory service raises: a class for each code."""

from __future__ import annotations

from ..exceptions import VikingException


class VikingMemException(VikingException):
    """An error of the memory service."""


class UnauthorizedException(VikingMemException):
    """The credentials are not accepted."""


class InvalidRequestException(VikingMemException):
    """An argument is missing or wrong."""


class CollectionExistException(VikingMemException):
    """There is a collection of this name."""


class CollectionNotExistException(VikingMemException):
    """There is no such collection."""


class IndexExistException(VikingMemException):
    """There is an index of this name."""


class IndexNotExistException(VikingMemException):
    """There is no such index."""


class DataNotFoundException(VikingMemException):
    """There is no such event, profile or session."""


class DelOpFailedException(VikingMemException):
    """Something could not be deleted."""


class UpsertOpFailedException(VikingMemException):
    """Something could not be stored, such as a profile that is there."""


class InvalidVectorException(VikingMemException):
    """A vector is wrong."""


class InvalidPrimaryKeyException(VikingMemException):
    """A primary key is wrong."""


class InvalidFilterException(VikingMemException):
    """A filter is wrong, or names nobody."""


class IndexSearchException(VikingMemException):
    """A search failed."""


class IndexFetchException(VikingMemException):
    """Something could not be read."""


class IndexInitializingException(VikingMemException):
    """An index is not ready yet."""


class EmbeddingException(VikingMemException):
    """No vector could be made of a text."""


class InternalServerException(VikingMemException):
    """The server failed, or cannot be reached."""


class QuotaLimiterException(VikingMemException):
    """There were too many requests."""


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
