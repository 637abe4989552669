"""What embedding functions behind a service share: the key of the environment, and one answer for each text."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from .....encoders.served.base import ServedEncoder
from .....encoders.served.openai import OpenAIEncoder
from .....errors import MissingExtra
from .....warn import warn_user
from ...embedding import EmbeddingFunction, Vectors

__all__ = ["ListCodesProtocol", "Protocol", "ServedFunction", "key_of", "warn_of_key"]


class Protocol(ServedEncoder):
    """How a service is asked.

    Args:
        more: of each request, beside model and texts; None is left out.
        query: what takes the place of `more` where a query is meant.

    Raises:
        ValueError: httpx is not installed.
    """

    key_variables: ClassVar[tuple[str, ...]] = ()  # the function has looked already

    def __init__(
        self,
        model: str,
        api_key: str | None,
        *,
        url: str | None = None,
        timeout: float = 60.0,
        more: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> None:
        try:
            super().__init__(model, api_key=api_key, url=url, timeout=timeout)
        except MissingExtra as error:
            raise ValueError(str(error)) from None
        given = {name: value for name, value in (more or {}).items() if value is not None}
        self._more = {False: given, True: {**given, **(query or {})}}
        self.query_differs = bool(query)


class ListCodesProtocol(Protocol):
    """Texts in, `data` out, as OpenAI began it; what else a request may say is each service's own."""

    chars_max: ClassVar[int] = OpenAIEncoder.chars_max
    _vectors = OpenAIEncoder._vectors

    def _request(self, texts: list[str], *, is_query: bool) -> tuple[str, dict[str, Any]]:
        return "v1/embeddings", {"model": self.model, "input": texts, **self._more[is_query]}


class ServedFunction(EmbeddingFunction[Any]):
    """A model behind a service. A collection remembers the name of the variable that has the key, never the key.

    Attributes:
        arguments: of the constructor, which `get_config` gives; they are attributes too.
        required: those that a configuration must have.
        fixed: those that no update of a configuration may change.
    """

    arguments: ClassVar[tuple[str, ...]]
    required: ClassVar[tuple[str, ...]] = ("api_key_env_var", "model_name")
    fixed: ClassVar[tuple[str, ...]] = ("model_name",)
    _encoder: ServedEncoder

    def __call__(self, input: Any) -> Vectors:
        """
        Raises:
            ValueError: an input that is no text.
            ModelUnavailable: the service cannot be reached, refuses, or answers something else.
        """
        return _split(self._encoder.encode(self._texts(input)))

    def embed_query(self, input: Any) -> Vectors:
        """One vector for each query."""
        return _split(self._encoder.encode_query(self._texts(input)))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments without the key."""
        return {name: getattr(self, name) for name in self.arguments}

    @classmethod
    def build_from_config(cls, config: dict[str, Any]) -> Self:
        """The same model, with the key that the environment has now.

        Raises:
            ValueError: the configuration lacks something, or the environment the key.
        """
        for name in cls.required:
            if config.get(name) is None:
                raise ValueError(f"the configuration of the embedding function {cls.name()!r} has no {name!r}")
        return cls(**{name: config[name] for name in cls.arguments if name in config})

    def validate_config_update(self, old_config: dict[str, Any], new_config: dict[str, Any]) -> None:
        """
        Raises:
            ValueError: the vectors that there are would be of another model.
        """
        for name in self.fixed:
            if name in new_config:
                raise ValueError(f"{name} cannot be changed: vectors of two models cannot be compared")

    def default_space(self) -> str:
        """As these services advise."""
        return "cosine"

    def _texts(self, input: Any) -> list[str]:
        texts = [input] if isinstance(input, str) else list(input)
        if not all(isinstance(text, str) for text in texts):
            raise ValueError(f"the embedding function {self.name()!r} takes texts here, no images")
        return texts


def key_of(service: str, api_key: str | None, variable: str, usual: str) -> tuple[str, str]:
    """The key and the variable that a collection remembers for it, which is the service's usual one if that is set.

    Raises:
        ValueError: there is no key.
    """
    variable = usual if os.environ.get(usual) is not None else variable
    if api_key is not None:
        warn_of_key()
    key = api_key or os.environ.get(variable)
    if not key:
        raise ValueError(f"no key for {service}: the environment variable {variable} is not set.")
    return key, variable


def warn_of_key() -> None:
    """A key that was passed is gone with the program."""
    warn_user(
        "api_key= is not remembered by collections: set an environment variable and name it by api_key_env_var=",
        DeprecationWarning,
    )


def _split(vectors: Any) -> Vectors:
    return [np.asarray(vector, dtype=np.float32) for vector in vectors]
