"""Rerankers, by name or as objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..contract import FloatVector, Reranker
from ..errors import InvalidArgument
from ..inputs.names import nearest
from ..visible import shown
from .cross_encoder import cross_encoder_named
from .lexical import LexicalReranker

__all__ = ["reranker_of", "scores_of"]

_NAMES = ("lexical", "onnx")


def reranker_of(given: Any) -> Reranker:
    """Returns the reranker itself, or the one named "lexical", "onnx:model.onnx" or "onnx:model.onnx::vocab.txt".

    Raises:
        InvalidArgument: it is neither.
        MissingExtra, ModelUnavailable: see `CrossEncoder`.
    """
    if isinstance(given, str):
        name, _, option = given.partition(":")
        if name == "onnx" and option:
            return cross_encoder_named(option)
        if given == "lexical":
            return LexicalReranker()
    elif callable(getattr(given, "rerank", None)) and not isinstance(given, type):
        return given if isinstance(given, Reranker) else _Named(given)
    remedy = nearest(given, _NAMES) if isinstance(given, str) else ""
    raise InvalidArgument(
        f"there is no reranker {shown(given)}",
        name="rerank",
        value=given,
        remedy=f"{remedy}Write 'lexical', 'onnx:model.onnx', or pass an object with rerank(query, texts).",
    )


class _Named:
    """A reranker without a name of its own, named after its class."""

    def __init__(self, given: Any) -> None:
        self.name = type(given).__name__
        self.rerank = given.rerank


def scores_of(reranker: Reranker, query: str, texts: Sequence[str]) -> FloatVector:
    """Returns a reranker's scores of texts, float32, shape (texts,).

    Raises:
        InvalidArgument: the result is not one finite number per text.
    """
    given = np.asarray(reranker.rerank(query, texts))
    numbers = given.dtype.kind in "fiu"
    scores = given.astype(np.float32) if numbers else given
    if not numbers or scores.shape != (len(texts),) or not np.isfinite(scores).all():
        raise InvalidArgument(
            f"the reranker returned {shown(given.tolist())} for {len(texts)} texts",
            name="rerank",
            value=reranker,
            remedy="It must return one finite number per text.",
        )
    return scores
