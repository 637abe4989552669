"""Chroma's exceptions, and the translation of the engine's errors to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import (
    Closed,
    CollectionDropped,
    CollectionNotFound,
    DimensionMismatch,
    InvalidInput,
    KeyRefused,
    NotAllowed,
    Unreachable,
    VicinalError,
)

__all__ = [
    "AuthorizationError",
    "BatchSizeExceededError",
    "ChromaAuthError",
    "ChromaError",
    "DuplicateIDError",
    "IDAlreadyExistsError",
    "InternalError",
    "InvalidArgumentError",
    "InvalidDimensionException",
    "InvalidHTTPVersion",
    "InvalidUUIDError",
    "NotFoundError",
    "QuotaError",
    "RateLimitError",
    "UniqueConstraintError",
    "VersionMismatchError",
    "translated",
]


class ChromaError(Exception):
    """Base class of this API's errors, besides ValueError and TypeError for invalid arguments."""

    def message(self) -> str:
        """The message."""
        return ", ".join(map(str, self.args))

    @classmethod
    def name(cls) -> str:
        """The name of the class."""
        return cls.__name__


class InvalidDimensionException(ChromaError):
    """A vector has another dimension."""


class InvalidArgumentError(ChromaError):
    """A name, filter or vector is invalid."""


class IDAlreadyExistsError(ChromaError):
    """A row of this id exists."""


class DuplicateIDError(ChromaError):
    """An id occurs twice in a call."""


class InvalidUUIDError(ChromaError):
    """Not a UUID."""


class InvalidHTTPVersion(ChromaError):
    """Not raised here; programs catch it."""


class AuthorizationError(ChromaError):
    """The key, or the settings, do not permit the call."""


class ChromaAuthError(ChromaError):
    """Not raised here; programs catch it."""


class NotFoundError(ChromaError):
    """No such collection, database or tenant."""


class UniqueConstraintError(ChromaError):
    """Not raised here; programs catch it."""


class InternalError(ChromaError):
    """A collection exists already, or the database failed."""


class VersionMismatchError(ChromaError):
    """Not raised here; programs catch it."""


class BatchSizeExceededError(ChromaError):
    """Not raised here; programs catch it."""


class QuotaError(ChromaError):
    """Not raised here; programs catch it."""


class RateLimitError(ChromaError):
    """Not raised here; programs catch it."""


@contextmanager
def translated(collection: str = "") -> Iterator[None]:
    """Translates errors of the engine raised in the block to those of this API.

    Args:
        collection: name of the collection that is called.
    """
    try:
        yield
    except (CollectionDropped, CollectionNotFound) as error:
        raise NotFoundError(f"Collection [{collection}] does not exist. {error}") from error
    except DimensionMismatch as error:
        raise InvalidArgumentError(str(error)) from error
    except InvalidInput as error:
        raise InvalidArgumentError(str(error)) from error
    except (KeyRefused, NotAllowed) as error:
        raise AuthorizationError(str(error)) from error
    except Unreachable as error:
        raise ValueError(f"Could not connect to the server. {error}") from error
    except Closed as error:
        raise InternalError(f"The client is closed. {error}") from error
    except VicinalError as error:
        raise InternalError(str(error)) from error
