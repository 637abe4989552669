"""The models that a user can provide: encoders, token counters, language models, rerankers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from .words import FloatMatrix, FloatVector


@runtime_checkable
class Encoder(Protocol):
    """Maps texts to vectors of one space.

    Vectors of two encoders with equal `fingerprint` must be comparable. No encoder returns a zero vector.
    """

    @property
    def name(self) -> str:
        """Its name in the registry, such as "minilm"."""
        ...

    @property
    def version(self) -> str:
        """Version of the model, not of this package."""
        ...

    @property
    def dim(self) -> int:
        """Number of components of each vector."""
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
        """Whether `encode_query` returns different vectors than `encode`."""
        ...

    def encode_query(self, texts: Sequence[str]) -> FloatMatrix:
        """Vectors of `texts` as queries, close to those of the texts that answer them; shaped as by `encode`."""
        ...


@runtime_checkable
class TokenCounter(Protocol):
    """Counts the tokens of texts. An `Encoder` may implement it too.

    The count of a text must not exceed the sum of the counts of its words, punctuation marks and ideographs.
    """

    @property
    def max_tokens(self) -> int:
        """The number of tokens that are read; the rest of a text has no effect on its vector."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text, without the special tokens that the model adds to every text."""
        ...


@runtime_checkable
class LLM(Protocol):
    """A language model: any object with this method."""

    def generate(self, prompt: str) -> str:
        """Returns the model's answer. Errors that it raises are passed on unchanged."""
        ...


@runtime_checkable
class Embedder(Protocol):
    """An embedding model for one text at a time: any object with this method."""

    def embed(self, text: str) -> Sequence[float] | FloatVector:
        """Returns the vector of a text; texts of similar meaning have vectors of high cosine."""
        ...


@runtime_checkable
class Reranker(Protocol):
    """Scores how well each of several texts answers a query."""

    @property
    def name(self) -> str:
        """The name under which hits report its scores."""
        ...

    def rerank(self, query: str, texts: Sequence[str]) -> FloatVector:
        """A score for each text, float32, shape (len(texts),), higher is better. A missing text is passed as ""."""
        ...


class EmbeddingStore(Protocol):
    """A cache of an encoder's results. Keys are hashes, values float32 vectors of one dimension."""

    def get_many(self, keys: Sequence[bytes]) -> list[FloatVector | None]: ...

    def put_many(self, keys: Sequence[bytes], vectors: FloatMatrix) -> None: ...

    def clear(self) -> None: ...
