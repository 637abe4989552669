"""Models of a user: texts to vectors, how long a text is to one, questions that are answered in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from .words import FloatMatrix, FloatVector


@runtime_checkable
class Encoder(Protocol):
    """Turns texts into vectors of one space.

    Two encoders with equal `fingerprint` must give vectors that may be compared. No encoder
    returns a zero vector, whatever the text.
    """

    @property
    def name(self) -> str:
        """The name under which the registry finds it, such as "minilm"."""
        ...

    @property
    def version(self) -> str:
        """Version of the model, not of this package."""
        ...

    @property
    def dim(self) -> int:
        """Components per vector."""
        ...

    @property
    def fingerprint(self) -> str:
        """Identity of weights and options, cheap to compute (no weights are read for it)."""
        ...

    def encode(self, texts: Sequence[str]) -> FloatMatrix:
        """Vectors of `texts`, float32, shape (len(texts), dim), C-contiguous."""
        ...

    @property
    def query_differs(self) -> bool:
        """Whether `encode_query` gives other vectors than `encode`."""
        ...

    def encode_query(self, texts: Sequence[str]) -> FloatMatrix:
        """Vectors of the same shape, for queries: they are near those of texts that answer them."""
        ...


@runtime_checkable
class TokenCounter(Protocol):
    """An encoder that says how long texts are to it. `Encoder`s may be this too.

    Words, punctuation marks and ideographs must not count more together than each alone.
    """

    @property
    def max_tokens(self) -> int:
        """Tokens of a text that are read; what comes behind them has no effect on the vector."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, those left out that the model itself puts around every text."""
        ...


@runtime_checkable
class LLM(Protocol):
    """A language model: any object with this method."""

    def generate(self, prompt: str) -> str:
        """What the model answers. An error that it raises goes through unchanged."""
        ...


@runtime_checkable
class Embedder(Protocol):
    """A model that makes a vector of one text: any object with this method."""

    def embed(self, text: str) -> Sequence[float] | FloatVector:
        """Numbers; texts that mean the same get vectors of a high cosine."""
        ...


@runtime_checkable
class Reranker(Protocol):
    """Reads texts together with the query that found them, and says how well each answers it."""

    @property
    def name(self) -> str:
        """What the scores are; it is named in the hits."""
        ...

    def rerank(self, query: str, texts: Sequence[str]) -> FloatVector:
        """A score for each text, float32, shape (len(texts),), higher is better. A row without a text gives ""."""
        ...


class EmbeddingStore(Protocol):
    """Where an encoder's results may be kept; keys are hashes, values float32 vectors of one dim."""

    def get_many(self, keys: Sequence[bytes]) -> list[FloatVector | None]: ...

    def put_many(self, keys: Sequence[bytes], vectors: FloatMatrix) -> None: ...

    def clear(self) -> None: ...
