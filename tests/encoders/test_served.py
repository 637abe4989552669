"""Encoders behind a server, tested with a local one that speaks their protocols."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("httpx", reason="httpx is not installed")

import vicinal
from support.chat_server import Answer, serving
from vicinal.encoders import CohereEncoder, OpenAIEncoder, TextEncoder, resolve
from vicinal.errors import EncoderMismatch, EncoderNotFound, InvalidArgument, ModelUnavailable
from vicinal.services import json_service

DIM = 8


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "COHERE_API_KEY", "CO_API_KEY", "CO_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(json_service.time, "sleep", lambda _: None)


def vector_of(text: str, dim: int = DIM) -> list[float]:
    """Counts letters, so that texts are distinguishable."""
    return [0.1 + sum(ord(letter) % dim == i for letter in text) for i in range(dim)]


def model(path: str, asked: Any) -> Answer:
    """Supports both protocols; OpenAI's results are shuffled, as its index allows."""
    if path.endswith("/embeddings"):
        dim = asked.get("dimensions", DIM)
        data = [{"index": i, "embedding": vector_of(text, dim)} for i, text in enumerate(asked["input"])]
        return 200, {"data": data[::-1]}
    if path.endswith("/v2/embed"):
        turned = 1 if asked["input_type"] == "search_query" else 0
        vectors = [
            list(np.roll(vector_of(text, asked.get("output_dimension", DIM)), turned)) for text in asked["texts"]
        ]
        return 200, {"embeddings": {"float": vectors}}
    return 404, {"message": "no such path"}


Make = Callable[..., TextEncoder]
KINDS: list[type[OpenAIEncoder] | type[CohereEncoder]] = [OpenAIEncoder, CohereEncoder]


@pytest.mark.parametrize("kind", KINDS)
def test_texts_become_vectors_in_their_order(kind: Make) -> None:
    with serving(model) as server:
        encoder = kind("m", url=server.url)
        assert encoder.dim == DIM
        texts = ["one", "two", "", "three"]
        found = encoder.encode(texts)
        assert (found.dtype, found.shape, found.flags.c_contiguous) == (np.float32, (4, DIM), True)
        assert np.array_equal(found, np.array([vector_of(text or " ") for text in texts], dtype=np.float32))
        assert encoder.encode([]).shape == (0, DIM)


def test_queries_are_told_from_texts_where_the_protocol_does() -> None:
    with serving(model) as server:
        cohere, openai = CohereEncoder("m", url=server.url), OpenAIEncoder("m", url=server.url)
        assert cohere.query_differs
        assert not np.array_equal(cohere.encode(["abc"]), cohere.encode_query(["abc"]))
        assert np.array_equal(openai.encode(["abc"]), openai.encode_query(["abc"]))


@pytest.mark.parametrize("kind", KINDS)
def test_no_request_holds_more_than_it_may(kind: type[OpenAIEncoder]) -> None:
    with serving(model) as server:
        encoder = kind("m", url=server.url)
        texts = [f"text {i}" for i in range(kind.texts_max + 5)]
        assert len(encoder.encode(texts)) == len(texts)
        assert [len(asked.get("input", asked.get("texts"))) for _, asked, _ in server.requests] == [kind.texts_max, 5]
        server.requests.clear()
        encoder.encode(["x" * (kind.chars_max - 1), "yy", "z"])
        assert [len(asked.get("input", asked.get("texts"))) for _, asked, _ in server.requests] == [1, 2]


@pytest.mark.parametrize("kind", KINDS)
def test_a_dimension_may_be_chosen_and_is_part_of_the_name(kind: type[OpenAIEncoder]) -> None:
    with serving(model) as server:
        encoder = kind("m:latest", url=server.url, dimensions=4)
        assert encoder.encode(["x"]).shape == (1, 4)
        assert (encoder.name, encoder.dim) == (f"{kind.protocol}:m:latest#4", 4)
        assert encoder.fingerprint != kind("m:latest", url=server.url).fingerprint
        assert encoder.fingerprint == kind("m:latest", url="http://127.0.0.1:1", dimensions=4).fingerprint


def test_a_name_takes_key_and_url_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(model) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
        encoder = resolve("openai:m#4")
        encoder.encode(["x"])
        assert server.requests[-1][2]["Authorization"] == "Bearer sk-secret"
        assert "sk-secret" not in repr(encoder)


def test_the_key_of_the_environment_goes_to_no_other_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with serving(model) as server:
        OpenAIEncoder("m", url=server.url).encode(["x"])
        assert "Authorization" not in server.requests[-1][2]


def test_a_collection_remembers_the_model_and_neither_key_nor_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(model) as server:
        encoder = OpenAIEncoder("m", url=server.url, api_key="sk-secret")
        with vicinal.connect(tmp_path) as db:
            docs = db.collection("docs", encoder=encoder)
            docs.add(["a", "b"], texts=["aaa", "bcd"])
            assert docs.search("aaa", k=1).ids == ["a"]
        stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        assert b"openai:m" in stored
        assert b"sk-secret" not in stored
        assert server.url.encode() not in stored
        sent = len(server.requests)
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        with vicinal.connect(tmp_path) as db:
            docs = db.collection("docs")
            assert docs.search(vector_of("aaa"), k=1).ids == ["a"]
            with pytest.raises(EncoderNotFound, match="sends texts to a server"):
                docs.search("aaa")  # what a file says sends nothing anywhere
            assert len(server.requests) == sent
            assert db.collection("docs", encoder="openai:m").search("aaa", k=1).ids == ["a"]
            with pytest.raises(EncoderMismatch):
                db.collection("docs", encoder=OpenAIEncoder("n", url=server.url))


def test_a_busy_server_is_asked_again() -> None:
    answers = iter([(429, "busy"), (503, "busy")])
    with serving(lambda path, asked: next(answers, None) or model(path, asked)) as server:
        assert len(OpenAIEncoder("m", url=server.url).encode(["x"])) == 1
        assert len(server.requests) == 3


WRONG: list[Any] = [
    {},
    {"data": []},
    {"data": [{"index": 0}]},
    {"data": [{"index": 0, "embedding": ["x"]}]},
    {"data": [{"index": 0, "embedding": []}]},
    {"data": [{"index": 0, "embedding": [1e39]}]},
    {"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0]}]},
    {"embeddings": {"int8": [[1]]}},
    [],
    "nothing",
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("answer", WRONG, ids=lambda answer: repr(answer)[:30])
def test_what_is_no_answer_is_told(kind: Make, answer: Any) -> None:
    with serving(lambda path, asked: (200, answer)) as server:
        with pytest.raises(ModelUnavailable) as caught, np.errstate(over="ignore"):
            kind("m", url=server.url, dimensions=1).encode(["x"])
        assert server.url in caught.value.place


def test_a_refusal_names_the_remedy_and_not_the_key() -> None:
    with serving(lambda path, asked: (401, {"error": "sk-secret is unknown"})) as server:
        with pytest.raises(ModelUnavailable, match="Check api_key") as caught:
            OpenAIEncoder("m", url=server.url, api_key="sk-secret").encode(["x"])
        assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: OpenAIEncoder(""),
        lambda: OpenAIEncoder(5),  # type: ignore[arg-type]
        lambda: OpenAIEncoder("m", url="ftp://x"),
        lambda: OpenAIEncoder("m", url="http://me:key@x"),
        lambda: OpenAIEncoder("m", dimensions=0),
        lambda: OpenAIEncoder("m", dimensions=True),
        lambda: OpenAIEncoder("m", api_key="a b"),
        lambda: resolve("openai:m#four"),
        lambda: resolve("openai:"),
        lambda: resolve("cohere"),
    ],
)
def test_what_cannot_be_meant_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(InvalidArgument):
        make()
