"""Embedding functions: they encode documents, in the calling program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Generic, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from ...encoders.base import TextEncoder
from ...encoders.default import choose_text_encoder
from ...encoders.minilm import MiniLM
from ...visible import shown
from ...warn import warn_user

__all__ = [
    "DEFAULT",
    "DefaultEmbeddingFunction",
    "EmbeddingFunction",
    "ONNXMiniLM_L6_V2",
    "check_space",
    "config_to_embedding_function",
    "known_embedding_functions",
    "register_embedding_function",
    "saved_form",
]

D = TypeVar("D", contravariant=True)
Vectors = list[NDArray[np.float32]]


class EmbeddingFunction(Generic[D]):
    """The base class of custom embedding functions: `__call__(self, input)` returns one vector for each document.

    A collection remembers the function by `name` and `get_config`, and recreates it with `build_from_config`; one
    without a name must be passed again to each `get_collection`.
    """

    def __call__(self, input: D) -> Any:
        """Returns one vector for each of `input`."""
        raise NotImplementedError

    def embed_query(self, input: D) -> Any:
        """Returns one vector for each query; the same as for documents unless the model distinguishes them."""
        return self(input)

    def embed_with_retries(self, input: D, **retry_kwargs: Any) -> Any:
        """The same as a call: functions that use a server retry by themselves."""
        return self(input)

    @staticmethod
    def name() -> str:
        """The name by which a collection finds the function again."""
        return cast(str, NotImplemented)

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> Any:
        """Recreates the function from the output of `get_config`."""
        return NotImplemented

    def get_config(self) -> dict[str, Any]:
        """Returns everything that `build_from_config` needs."""
        return cast("dict[str, Any]", NotImplemented)

    def default_space(self) -> str:
        """The metric if a collection does not specify one."""
        return "l2"

    def supported_spaces(self) -> list[str]:
        """The supported metrics; others cause a warning."""
        return ["cosine", "l2", "ip"]

    def validate_config_update(self, old_config: dict[str, Any], new_config: dict[str, Any]) -> None:
        """Raises an error if a collection must not change from one to the other."""

    @staticmethod
    def validate_config(config: dict[str, Any]) -> None:
        """Raises an error if it is not a valid configuration."""

    def is_legacy(self) -> bool:
        """Whether it lacks a name or a configuration, so that it cannot be recreated."""
        return self.name() is NotImplemented or self.get_config() is NotImplemented


class DefaultEmbeddingFunction(EmbeddingFunction[Any]):
    """MiniLM if it is installed, else spelling (`hashing`), with one warning.

    A collection keeps using the one that it started with.
    """

    _chosen: ClassVar[TextEncoder | None] = None

    def __call__(self, input: Any) -> Vectors:
        return list(self.encoder().encode(list(input)))

    def embed_query(self, input: Any) -> Vectors:
        """Returns vectors of queries."""
        return list(self.encoder().encode_query(list(input)))

    @staticmethod
    def encoder() -> TextEncoder:
        """The encoder that this process uses."""
        if DefaultEmbeddingFunction._chosen is None:
            DefaultEmbeddingFunction._chosen = choose_text_encoder()
        return DefaultEmbeddingFunction._chosen

    @staticmethod
    def name() -> str:
        """The name in a collection's configuration."""
        return "default"

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> DefaultEmbeddingFunction:
        """There is nothing to configure."""
        return DefaultEmbeddingFunction()

    def get_config(self) -> dict[str, Any]:
        """Returns an empty configuration."""
        return {}


class ONNXMiniLM_L6_V2(EmbeddingFunction[Any]):
    """all-MiniLM-L6-v2, run by the engine itself: `vicinal models add minilm` downloads its weights."""

    def __init__(self, preferred_providers: list[str] | None = None) -> None:
        self._encoder = MiniLM()

    def __call__(self, input: Any) -> Vectors:
        return list(self._encoder.encode(list(input)))

    @staticmethod
    def name() -> str:
        """The name in a collection's configuration."""
        return "onnx_mini_lm_l6_v2"

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> ONNXMiniLM_L6_V2:
        """Providers have no effect here."""
        return ONNXMiniLM_L6_V2()

    def get_config(self) -> dict[str, Any]:
        """Returns an empty configuration."""
        return {}


DEFAULT: Final = DefaultEmbeddingFunction()

known_embedding_functions: dict[str, Any] = {
    "default": DefaultEmbeddingFunction,
    "onnx_mini_lm_l6_v2": ONNXMiniLM_L6_V2,
}


def register_embedding_function(ef_class: Any = None) -> Any:
    """Registers a class by its `name`, so that collections find it again; also a decorator.

    Raises:
        ValueError: it has no name.
    """
    if ef_class is None:
        return register_embedding_function
    try:
        name = ef_class.name()
    except Exception as error:
        raise ValueError(f"{shown(ef_class)} cannot be registered, since it tells no name: {error}") from error
    known_embedding_functions[name] = ef_class
    return ef_class


def saved_form(function: Any) -> dict[str, Any] | None:
    """Returns what a collection remembers of a function."""
    if function is None:
        return None
    if not hasattr(function, "is_legacy") or function.is_legacy():
        return {"type": "legacy"}
    known_embedding_functions.setdefault(function.name(), type(function))
    return {"type": "known", "name": function.name(), "config": function.get_config()}


def config_to_embedding_function(config: Mapping[str, Any]) -> Any:
    """Returns the function with this `name` and `config`.

    Raises:
        ValueError: the name is missing or unknown in this process, or the configuration is invalid.
    """
    if "name" not in config:
        raise ValueError("the configuration of an embedding function has a 'name'.")
    name = config["name"]
    if name not in known_embedding_functions:
        raise ValueError(
            f"no embedding function {name!r} is known here: pass embedding_function=, or register its class by "
            f"register_embedding_function. Known are {', '.join(sorted(known_embedding_functions))}."
        )
    return known_embedding_functions[name].build_from_config(config.get("config", {}))


def check_space(function: Any, space: str) -> None:
    """Warns if a function does not support the metric."""
    supported = function.supported_spaces() if hasattr(function, "supported_spaces") else ["cosine", "l2", "ip"]
    if space not in supported:
        warn_user(f"space {space} is not supported by the embedding function, which supports {', '.join(supported)}")
