"""Adapters that make objects of other libraries encoders: LangChain embeddings and OpenAI-style clients.

None of these libraries is imported: an object is recognised by its methods, and `CustomEncoder` checks its output.
sentence-transformers models need no adapter because they already have `encode`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ..errors import InvalidArgument

__all__ = ["LangChainEmbeddings", "OpenAIEmbeddings", "adapted"]

_TEXTS_PER_REQUEST: Final = 256


class LangChainEmbeddings:
    """Adapts LangChain embeddings, or any object with `embed_documents(texts)` and `embed_query(text)`.

    Args:
        embeddings: the object.
        name: name of the encoder, by which collections remember it; by default the class, and the model if it names
            one.
        fingerprint: identity of the model and all its options; without it vectors of texts are not cached.
    """

    def __init__(self, embeddings: Any, *, name: str = "", fingerprint: str = "") -> None:
        self._embeddings = embeddings
        kind = type(embeddings)
        model = getattr(embeddings, "model", None) or getattr(embeddings, "model_name", None)
        own = f"{kind.__module__}.{kind.__qualname__}"
        self.name = name or (f"{own}/{model}" if isinstance(model, str) else own)
        self.fingerprint = fingerprint

    def encode(self, texts: Sequence[str]) -> Any:
        return self._embeddings.embed_documents(list(texts))

    def encode_query(self, texts: Sequence[str]) -> Any:
        return [self._embeddings.embed_query(text) for text in texts]


class OpenAIEmbeddings:
    """Adapts a model behind `client.embeddings.create`, the interface of the OpenAI client and of many other services.

    Vectors of texts are cached under the model's name. Timeouts and retries are those of the client.

    Args:
        client: the client, with its key and address.
        model: such as "text-embedding-3-small".
        dimensions: components per vector, for models that can shorten them; by default the model's own dimension.
        texts_per_request: the largest number of texts sent in one request.
    """

    def __init__(
        self, client: Any, model: str, *, dimensions: int | None = None, texts_per_request: int = _TEXTS_PER_REQUEST
    ) -> None:
        if not _is_client(client):
            raise InvalidArgument(
                f"a client has a method embeddings.create, which {type(client).__name__} has not",
                name="client",
                value=client,
                remedy="Pass openai.OpenAI() or a client like it.",
            )
        self._client = client
        self._model = model
        self._options: dict[str, Any] = {} if dimensions is None else {"dimensions": dimensions}
        self._texts_per_request = max(1, texts_per_request)
        self.dim = dimensions
        self.name = f"openai/{model}" if dimensions is None else f"openai/{model}/{dimensions}"
        self.fingerprint = f"{self.name}@{getattr(client, 'base_url', '')}"

    def encode(self, texts: Sequence[str]) -> list[Any]:
        vectors: list[Any] = []
        for start in range(0, len(texts), self._texts_per_request):
            # Such services reject an empty text, but a row may have one.
            part = [text or " " for text in texts[start : start + self._texts_per_request]]
            answer = self._client.embeddings.create(
                model=self._model, input=part, encoding_format="float", **self._options
            )
            vectors += [one.embedding for one in sorted(answer.data, key=lambda one: one.index)]
        return vectors


def adapted(given: Any) -> Any:
    """Returns `given` as an object with `encode`; unchanged if it needs no adapter.

    Raises:
        InvalidArgument: a class instead of an instance, or a client that serves many models.
    """
    if isinstance(given, type):
        raise InvalidArgument(
            f"{given.__name__} is a class, not an encoder",
            name="encoder",
            value=given,
            remedy=f"Pass an object of it: encoder={given.__name__}(...).",
        )
    if _has(given, "encode"):
        return given
    if _has(given, "embed_documents") and _has(given, "embed_query"):
        return LangChainEmbeddings(given)
    if _is_client(given):
        raise InvalidArgument(
            f"{type(given).__name__} is a client, which has many models",
            name="encoder",
            value=given,
            remedy="Write encoder=OpenAIEmbeddings(client, 'text-embedding-3-small'), from vicinal.encoders.",
        )
    return given


def _has(given: Any, method: str) -> bool:
    return callable(getattr(given, method, None))


def _is_client(given: Any) -> bool:
    return _has(getattr(given, "embeddings", None), "create")
