"""The base of embedding functions behind a service: keys from the environment, and one vector per text."""

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
    """The request format of a service.

    Args:
        more: members of each request besides model and texts; None is omitted.
        query: replaces `more` for queries.

    Raises:
        ValueError: httpx is not installed.
    """

    key_variables: ClassVar[tuple[str, ...]] = ()  # the function has checked already

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
    """Texts in, `data` out, as introduced by OpenAI; other members of a request differ between services."""

    chars_max: ClassVar[int] = OpenAIEncoder.chars_max
    _vectors = OpenAIEncoder._vectors

    def _request(self, texts: list[str], *, is_query: bool) -> tuple[str, dict[str, Any]]:
        return "v1/embeddings", {"model": self.model, "input": texts, **self._more[is_query]}


class ServedFunction(EmbeddingFunction[Any]):
    """A model behind a service. A collection remembers the name of the variable with the key, never the key.

    Attributes:
        arguments: constructor arguments that `get_config` returns; they are attributes too.
        required: those that a configuration must have.
        fixed: those that an update of a configuration must not change.
    """

    arguments: ClassVar[tuple[str, ...]]
    required: ClassVar[tuple[str, ...]] = ("api_key_env_var", "model_name")
    fixed: ClassVar[tuple[str, ...]] = ("model_name",)
    _encoder: ServedEncoder

    def __call__(self, input: Any) -> Vectors:
        """Returns one vector for each text.

        Raises:
            ValueError: an input is not a text.
            ModelUnavailable: the service cannot be reached, returns an error, or sends an unexpected response.
        """
        return _split(self._encoder.encode(self._texts(input)))

    def embed_query(self, input: Any) -> Vectors:
        """Returns one vector for each query."""
        return _split(self._encoder.encode_query(self._texts(input)))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments without the key."""
        return {name: getattr(self, name) for name in self.arguments}

    @classmethod
    def build_from_config(cls, config: dict[str, Any]) -> Self:
        """Recreates the function, with the current key of the environment.

        Raises:
            ValueError: a value is missing in the configuration, or the key in the environment.
        """
        for name in cls.required:
            if config.get(name) is None:
                raise ValueError(f"the configuration of the embedding function {cls.name()!r} has no {name!r}")
        return cls(**{name: config[name] for name in cls.arguments if name in config})

    def validate_config_update(self, old_config: dict[str, Any], new_config: dict[str, Any]) -> None:
        """Rejects changes that would make stored vectors incomparable.

        Raises:
            ValueError: stored vectors would belong to another model.
        """
        for name in self.fixed:
            if name in new_config:
                raise ValueError(f"{name} cannot be changed: vectors of two models cannot be compared")

    def default_space(self) -> str:
        """The metric that these services recommend."""
        return "cosine"

    def _texts(self, input: Any) -> list[str]:
        texts = [input] if isinstance(input, str) else list(input)
        if not all(isinstance(text, str) for text in texts):
            raise ValueError(f"the embedding function {self.name()!r} takes texts here, no images")
        return texts


def key_of(service: str, api_key: str | None, variable: str, usual: str) -> tuple[str, str]:
    """Returns the key, and the variable that a collection remembers: the service's usual one if that is set.

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
    """Warns that a key that was passed is not stored."""
    warn_user(
        "api_key= is not remembered by collections: set an environment variable and name it by api_key_env_var=",
        DeprecationWarning,
    )


def _split(vectors: Any) -> Vectors:
    return [np.asarray(vector, dtype=np.float32) for vector in vectors]
