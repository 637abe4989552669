"""Objects of other libraries: these classes have only the methods that those libraries document."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal.encoders import CachedEncoder, LangChainEmbeddings, MemoryStore, OpenAIEmbeddings, as_encoder
from vicinal.errors import DimensionMismatch, InvalidArgument


class Embeddings:
    """The interface of LangChain."""

    model = "embed-english-v3"

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        assert type(texts) is list
        return [[1.0, float(len(text))] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        assert type(text) is str
        return [2.0, float(len(text))]


class Client:
    """The interface of OpenAI's client, and its rules: no empty text, 3 texts at most; results in any order."""

    base_url = "https://example.org/v1/"

    def __init__(self) -> None:
        self.embeddings = self
        self.requests: list[dict[str, Any]] = []

    def create(self, **request: Any) -> Any:
        self.requests.append(request)
        texts = request["input"]
        assert 0 < len(texts) <= 3
        assert all(texts)
        dim = request.get("dimensions", 2)
        data = [SimpleNamespace(index=i, embedding=[1.0, float(len(text)), 0.0][:dim]) for i, text in enumerate(texts)]
        return SimpleNamespace(data=data[::-1])


class SentenceTransformer:
    """The interface of sentence-transformers before version 5."""

    device = "cuda:0"

    def encode(self, sentences: Any, prompt_name: str | None = None, batch_size: int = 32, **more: Any) -> np.ndarray:
        return np.array([[1.0, len(sentence)] for sentence in sentences], dtype=np.float16)


def test_embeddings_of_langchain_are_taken_as_they_are() -> None:
    encoder = as_encoder(Embeddings())
    assert encoder.encode(["a", "abc"]).tolist() == [[1, 1], [1, 3]]
    assert encoder.encode_query(["abc"]).tolist() == [[2, 3]]
    assert encoder.name.endswith("Embeddings/embed-english-v3")
    assert not encoder.declares_fingerprint
    with vicinal.connect(":memory:") as db:
        docs = db.collection("docs", encoder=Embeddings())
        docs.add(["a"], texts=["a text"])
        assert docs.search("a question").ids == ["a"]


def test_a_fingerprint_lets_vectors_of_langchain_be_cached() -> None:
    CachedEncoder(LangChainEmbeddings(Embeddings(), name="cohere", fingerprint="v3/english"), MemoryStore())
    with pytest.raises(InvalidArgument, match="declares no fingerprint"):
        CachedEncoder(Embeddings(), MemoryStore())


def test_a_client_of_openai_needs_its_model() -> None:
    client = Client()
    with pytest.raises(InvalidArgument, match=r"has many models\. Write encoder=OpenAIEmbeddings\(client"):
        as_encoder(client)
    encoder = as_encoder(OpenAIEmbeddings(client, "small", texts_per_request=3))
    assert encoder.encode(["a", "", "abc", "abcd"]).tolist() == [[1, 1], [1, 1], [1, 3], [1, 4]]
    assert client.requests[-1] == {"model": "small", "input": ["abcd"], "encoding_format": "float"}
    assert (encoder.name, encoder.dim) == ("openai/small", 2)
    with pytest.raises(InvalidArgument, match=r"embeddings\.create"):
        OpenAIEmbeddings(Embeddings(), "small")


def test_dimensions_are_asked_for_and_part_of_the_identity() -> None:
    client = Client()
    short = as_encoder(OpenAIEmbeddings(client, "small", dimensions=1))
    assert client.requests == []  # the dimension is known
    assert short.encode(["abc"]).tolist() == [[1]]
    assert client.requests[-1]["dimensions"] == 1
    long = as_encoder(OpenAIEmbeddings(client, "small"))
    other = Client()
    other.base_url = "https://example.org/v2/"
    elsewhere = as_encoder(OpenAIEmbeddings(other, "small"))
    assert len({short.fingerprint, long.fingerprint, elsewhere.fingerprint}) == 3
    with pytest.raises(DimensionMismatch):
        as_encoder(OpenAIEmbeddings(client, "small", dimensions=7)).encode(["a"])


def test_what_was_paid_for_is_not_asked_again() -> None:
    client = Client()
    with vicinal.connect(":memory:") as db:
        docs = db.collection("docs", encoder=OpenAIEmbeddings(client, "small"))
        docs.add(["a"], texts=["a text"])
        docs.search("a question")
        asked = len(client.requests)
        docs.upsert(["b"], texts=["a text"])
        docs.search("a question")
        assert len(client.requests) == asked


def test_models_of_sentence_transformers_are_taken_as_they_are() -> None:
    encoder = as_encoder(SentenceTransformer())
    assert encoder.encode(["a", "abc"]).tolist() == [[1, 1], [1, 3]]
    assert (encoder.dim, encoder.device, encoder.query_differs) == (2, "cuda:0", False)


@pytest.mark.parametrize("given", [SentenceTransformer, Embeddings, Client], ids=lambda kind: kind.__name__)
def test_a_class_is_not_an_encoder(given: type) -> None:
    with pytest.raises(InvalidArgument, match=rf"{given.__name__} is a class.*encoder={given.__name__}\(\.\.\.\)"):
        as_encoder(given)


@pytest.mark.parametrize("given", [42, object(), SimpleNamespace(embeddings=None)], ids=["42", "object", "namespace"])
def test_what_encodes_nothing_is_refused(given: object) -> None:
    with pytest.raises(InvalidArgument, match=r"must have a method encode\(texts\)"):
        as_encoder(given)
