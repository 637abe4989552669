"""The base class of encoders behind a server: batches, retries, validation of responses."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from hashlib import blake2b
from typing import Any, ClassVar, Final

import numpy as np

from ...contract import FloatMatrix
from ...errors import InvalidArgument
from ...inputs.vectors import DIMENSION_MAX
from ...services.json_service import JsonService
from ...settings import Secret
from ..base import TextEncoder

__all__ = ["ServedEncoder"]

_PROBE: Final = "dimension"
_BLANK: Final = " "  # sent for an empty text, which servers reject


class ServedEncoder(TextEncoder):
    """A model behind a server. Collections remember its name and its vectors, never its URL or key.

    Texts are sent to the server. A collection created with such a model opens without it; pass `collection(name,
    encoder=...)` explicitly to have texts encoded.

    Args:
        model: the model's name on the server.
        api_key: by default that of the environment, which is only sent to the server given by the environment.
        url: URL of the server; by default that of the environment, or the protocol's default.
        dimensions: components of a vector, for models that let you choose; by default the model decides.
        timeout: seconds to wait for a response.
        retries: how often a request is repeated after a refused connection, a timeout or a busy server.

    Raises:
        MissingExtra: httpx is not installed.
        ModelUnavailable, from `encode`: the server cannot be reached, returns an error, or sends an unexpected
            response.
    """

    protocol: ClassVar[str]
    default_url: ClassVar[str]
    url_variable: ClassVar[str]
    key_variables: ClassVar[tuple[str, ...]]
    texts_max: ClassVar[int]  # per request
    chars_max: ClassVar[int]
    key_header: ClassVar[str] = "Authorization"
    version = ""

    def __init__(
        self,
        model: str,
        *,
        api_key: str | Secret | None = None,
        url: str | None = None,
        dimensions: int | None = None,
        timeout: float = 60.0,
        retries: int = 3,
    ) -> None:
        if not isinstance(model, str) or not model:
            raise InvalidArgument(f"model must be a text, not {model!r:.80}", name="model", value=model)
        self._check_dimensions(dimensions)
        if api_key is None and url is None:
            api_key = next(filter(None, map(os.environ.get, self.key_variables)), None)
        where = url or os.environ.get(self.url_variable) or self.default_url
        self._service = JsonService(
            where, api_key, timeout, retries, example=self.default_url, key_header=self.key_header
        )
        self.model = model
        self._dimensions = dimensions
        chosen = "" if dimensions is None else f"#{dimensions}"
        self.name = f"{self.protocol}:{model}{chosen}"
        self.fingerprint = blake2b(self.name.encode(), digest_size=16).hexdigest()
        self.device = "server"

    @classmethod
    def named(cls, option: str) -> ServedEncoder:
        """Returns the model of "MODEL" or "MODEL#DIMENSIONS", configured by the environment."""
        model, chosen, dimensions = option.rpartition("#") if "#" in option else (option, "", "")
        if chosen and not (dimensions.isascii() and dimensions.isdigit()):
            raise InvalidArgument(
                f"what follows '#' in an encoder's name is a dimension, not {dimensions!r:.80}",
                name="encoder",
                value=option,
                remedy=f"Write for example '{cls.protocol}:{model}#512'.",
            )
        return cls(model, dimensions=int(dimensions) if chosen else None)

    @cached_property
    def dim(self) -> int:  # type: ignore[override]  # asked for once, where the program does not say it
        """Components per vector; requested from the server if not given."""
        if self._dimensions is not None:
            return self._dimensions
        return int(self._ask([_PROBE], is_query=False).shape[1])

    def _encode(self, texts: list[str]) -> FloatMatrix:
        return self._in_batches(texts, is_query=False)

    def _encode_query(self, texts: list[str]) -> FloatMatrix:
        return self._in_batches(texts, is_query=True)

    def _in_batches(self, texts: list[str], *, is_query: bool) -> FloatMatrix:
        return np.concatenate([self._ask(batch, is_query=is_query) for batch in self._batches(texts)])

    def _batches(self, texts: Sequence[str]) -> Iterator[list[str]]:
        """Splits texts into batches that fit into one request."""
        batch: list[str] = []
        chars = 0
        for text in texts:
            if batch and (len(batch) == self.texts_max or chars + len(text) > self.chars_max):
                yield batch
                batch, chars = [], 0
            batch.append(text or _BLANK)
            chars += len(text)
        yield batch

    def _ask(self, texts: list[str], *, is_query: bool) -> FloatMatrix:
        path, request = self._request(texts, is_query=is_query)
        answer = self._service.ask(path, request)
        try:
            vectors = np.array(self._vectors(answer), dtype=np.float32)
        except (LookupError, TypeError, ValueError, OverflowError):
            raise self._service.unusual(path, answer) from None
        known = self.__dict__.get("dim", self._dimensions)
        right = vectors.ndim == 2 and len(vectors) == len(texts) and 1 <= vectors.shape[1] <= DIMENSION_MAX
        if not right or (known is not None and vectors.shape[1] != known) or not np.isfinite(vectors).all():
            raise self._service.unusual(path, f"vectors of shape {vectors.shape} for {len(texts)} texts")
        return vectors

    @abstractmethod
    def _request(self, texts: list[str], *, is_query: bool) -> tuple[str, dict[str, Any]]:
        """Returns path and body of a request."""

    @abstractmethod
    def _vectors(self, answer: Any) -> list[Any]:
        """Returns the vectors in a response, one per text."""

    def _check_dimensions(self, dimensions: object) -> None:
        is_whole = isinstance(dimensions, int) and not isinstance(dimensions, bool)
        if dimensions is not None and not (is_whole and 1 <= dimensions <= DIMENSION_MAX):  # type: ignore[operator]
            raise InvalidArgument(
                f"dimensions must be a whole number from 1 to {DIMENSION_MAX:,}, not {dimensions!r:.80}",
                name="dimensions",
                value=dimensions,
            )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} at {self._service.url}>"
