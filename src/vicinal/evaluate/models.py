"""Models supplied by users: any object with the right method, or a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import LLM, Embedder
from ..encoders.registry import as_encoder
from ..errors import InvalidArgument

__all__ = ["asking", "embedding"]


def asking(llm: LLM | Callable[[str], str]) -> Callable[[str], str]:
    """Returns a function from prompt to reply. A reply of None is treated as empty, as some servers mean it.

    Raises:
        InvalidArgument: `llm` neither has generate(prompt) nor can be called; or a reply is not a text.
    """
    generate = getattr(llm, "generate", llm)
    if isinstance(llm, type) or not callable(generate):
        raise InvalidArgument(
            f"a language model has generate(prompt), which {llm!r:.80} has not",
            name="llm",
            value=llm,
            remedy="Pass an object with it, a function, or vicinal.llm.OpenAIServer.",
        )

    def ask(prompt: str) -> str:
        reply = generate(prompt)
        reply = getattr(reply, "content", reply)  # a result with counts around its text, as pyvdb's engine returns
        if reply is not None and not isinstance(reply, str):
            raise InvalidArgument(
                f"{type(llm).__name__} replied with {type(reply).__name__}, not a text", name="llm", value=reply
            )
        return reply or ""

    return ask


def embedding(embedder: Embedder | Callable[[str], Any] | Any) -> Callable[[str], NDArray[np.float64]]:
    """Returns a function from text to vector, float64, shape (dim,).

    Args:
        embedder: an object with embed(text); an encoder of Vicinal or the name of one; or a function.

    Raises:
        InvalidArgument: it is none of these; or what it returns is not a list of numbers.
    """
    embed = getattr(embedder, "embed", None)
    if not callable(embed) and (isinstance(embedder, str) or hasattr(embedder, "encode")):
        encoder = as_encoder(embedder)
        return lambda text: encoder.encode([text])[0].astype(np.float64)
    embed = embed if callable(embed) else embedder
    if isinstance(embedder, type) or not callable(embed):
        raise InvalidArgument(
            f"a model of embeddings has embed(text), which {embedder!r:.80} has not",
            name="embedder",
            value=embedder,
            remedy="Pass an object with it, an encoder such as 'minilm', or a function.",
        )
    return lambda text: _vector(embed(text), embedder)


def _vector(given: Any, embedder: Any) -> NDArray[np.float64]:
    try:
        vector = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        vector = np.empty((0, 0))
    if vector.ndim != 1:
        raise InvalidArgument(
            f"{type(embedder).__name__} gave {given!r:.80}, which is not a list of numbers",
            name="embedder",
            value=given,
        )
    return vector
