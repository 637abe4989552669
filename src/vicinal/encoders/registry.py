"""Encoders by name: "minilm", "hashing:256", "projected:512:minilm", "onnx:model.onnx", and registered ones."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from typing import Any, Final

from ..errors import EncoderNotFound, InvalidArgument, LimitExceeded
from .adapters import adapted
from .base import TextEncoder
from .custom import CustomEncoder
from .hashing import DEFAULT_DIM, HashingEncoder
from .minilm import MiniLM
from .onnx_text import encoder_named
from .prefixed import Prefixed, split_prefixed
from .projected import Projected
from .served import CohereEncoder, OpenAIEncoder

Factory = Callable[[str], Any]

SERVED: Final = frozenset({"cohere", "openai"})  # these send texts to a server

_NESTED_MAX: Final = 8
_ARGUMENTS_BEFORE_INNER: Final = {"projected": 1, "prefixed": 2}


def _make_minilm(option: str) -> TextEncoder:
    if option:
        raise InvalidArgument(
            f"encoder 'minilm' takes no option, but got {option!r}", name="encoder", remedy="Write 'minilm'."
        )
    return MiniLM()


def _make_hashing(option: str) -> TextEncoder:
    if option and not _is_dimension(option):
        raise InvalidArgument(
            f"the option of encoder 'hashing' is its dimension, not {option!r}",
            name="encoder",
            remedy="Write for example 'hashing:256'.",
        )
    return HashingEncoder(int(option or DEFAULT_DIM))


def _make_projected(option: str) -> TextEncoder:
    dim, inner = split_projected(option)
    return Projected(resolve(inner), dim)


def _make_prefixed(option: str) -> TextEncoder:
    text, query, inner = split_prefixed(option)
    return Prefixed(resolve(inner), text=text, query=query)


def split_projected(option: str) -> tuple[int, str]:
    """The dimension and the inner encoder's name in "512:minilm"."""
    dim, _, inner = option.partition(":")
    if not _is_dimension(dim) or not inner:
        raise InvalidArgument(
            f"the option of encoder 'projected' is a dimension and an encoder, not {option!r}",
            name="encoder",
            value=option,
            remedy="Write for example 'projected:512:minilm'.",
        )
    return int(dim), inner


def _is_dimension(option: str) -> bool:
    return option.isascii() and option.isdigit() and len(option) < 10


def _make_sentence_transformer(option: str) -> TextEncoder:
    from .sentence_transformers import SentenceTransformerEncoder

    return SentenceTransformerEncoder(option)


_factories: dict[str, Factory] = {
    "cohere": CohereEncoder.named,
    "minilm": _make_minilm,
    "hashing": _make_hashing,
    "openai": OpenAIEncoder.named,
    "sentence-transformers": _make_sentence_transformer,
    "onnx": encoder_named,
    "prefixed": _make_prefixed,
    "projected": _make_projected,
}


def register(name: str, factory: Factory) -> None:
    """Makes `resolve(name)` and `resolve("name:option")` call `factory(option)`; without an option it is "".

    The factory may return less than a full `Encoder`: see `as_encoder`.
    """
    if not isinstance(name, str) or not name or ":" in name:
        raise InvalidArgument("a name must be a non-empty str without a colon", name="name", value=name)
    if _factories.setdefault(name, factory) is not factory:
        raise InvalidArgument(
            f"an encoder is already registered as {name!r}",
            name="name",
            value=name,
            remedy="Choose another name: collections find their encoder by it.",
        )


def resolve(spec: str) -> TextEncoder:
    """Returns the encoder named "name" or "name:option". Of the built-in ones only "onnx" reads its files here."""
    if not isinstance(spec, str):
        raise InvalidArgument("an encoder's name must be a str", name="encoder", value=spec)
    check_nesting(spec)
    name, _, option = spec.partition(":")
    factory = _factories.get(name)
    if factory is None:
        raise _not_found(spec, name)
    return _under_contract(factory(option), spec)


def check_nesting(spec: str) -> None:
    """Limits how deeply names may be nested; otherwise the limit would be Python's stack."""
    inner = spec
    for _ in range(_NESTED_MAX + 1):
        name, _, option = inner.partition(":")
        if name not in _ARGUMENTS_BEFORE_INNER:
            return
        inner = option.split(":", _ARGUMENTS_BEFORE_INNER[name])[-1]
    raise LimitExceeded(
        f"the encoder's name holds more than {_NESTED_MAX} encoders in one another",
        name="encoder",
        value=spec,
        remedy="Write for example 'projected:512:minilm'.",
    )


def is_registered(spec: str) -> bool:
    """Whether an encoder has this name; options after it are not checked."""
    return spec.partition(":")[0] in _factories


def as_encoder(given: Any) -> TextEncoder:
    """Returns the encoder for a registered name, an encoder, an object with `encode`, or one that needs an adapter."""
    return resolve(given) if isinstance(given, str) else _under_contract(given, "")


def _under_contract(given: Any, spec: str) -> TextEncoder:
    """Wraps foreign objects, even those that look complete: their output has not been checked."""
    return given if isinstance(given, TextEncoder) else CustomEncoder(adapted(given), name=spec)


_MINILM: Final = re.compile("all-?MiniLM-?L6|MiniLM-L6-v2", re.IGNORECASE)


def _not_found(spec: str, name: str) -> EncoderNotFound:
    nearest = difflib.get_close_matches(name, _factories, n=1)
    guess = f"Did you mean {nearest[0]!r}? " if nearest else ""
    if _MINILM.search(spec):
        guess = "Use 'minilm', which is this model. "
    return EncoderNotFound(
        f"no encoder is registered as {name!r}",
        name="encoder",
        value=spec,
        remedy=f"{guess}Known are {', '.join(sorted(_factories))}; others are added by register().",
    )
