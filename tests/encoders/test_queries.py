"""Queries and texts may be encoded differently: every wrapper forwards that, and a collection remembers both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal.encoders import (
    CachedEncoder,
    HashingEncoder,
    MemoryStore,
    Prefixed,
    Projected,
    TextEncoder,
    as_encoder,
    resolve,
)
from vicinal.errors import EncoderMismatch, InvalidArgument


class TwoSided:
    """Texts on one axis, queries on the other; counts its calls."""

    dim = 4
    name = "two-sided"

    def __init__(self, fingerprint: str = "f", turn: int = 1) -> None:
        self.fingerprint, self.turn = fingerprint, turn
        self.asked: list[tuple[str, str]] = []

    def encode(self, texts: list[str]) -> list[list[float]]:
        self.asked += [("text", text) for text in texts]
        return [[1.0, len(text), 0.0, 0.0] for text in texts]

    def encode_query(self, texts: list[str]) -> list[list[float]]:
        self.asked += [("query", text) for text in texts]
        return [[1.0, len(text), self.turn, 0.0] for text in texts]


class OfVersion5(TwoSided):
    """As in sentence-transformers from version 5 on: `encode` is neither of the two."""

    def encode(self, texts: list[str]) -> list[list[float]]:
        raise AssertionError("encode_document is meant")

    def encode_document(self, texts: list[str]) -> list[list[float]]:
        return TwoSided.encode(self, texts)


WRAPPERS = {
    "custom": as_encoder,
    "of version 5": lambda _: as_encoder(OfVersion5()),
    "cached": lambda inner: CachedEncoder(inner, MemoryStore()),
    "projected": lambda inner: Projected(inner, 8),
    "shortened": lambda inner: Projected(inner, 3),
    "prefixed": lambda inner: Prefixed(inner, text="passage: ", query="passage: "),
    "all": lambda inner: CachedEncoder(Projected(Prefixed(inner, query="q: "), 8), MemoryStore()),
}


@pytest.fixture(params=WRAPPERS)
def wrapped(request: pytest.FixtureRequest) -> TextEncoder:
    return WRAPPERS[request.param](TwoSided())


def test_queries_have_vectors_of_their_own(wrapped: TextEncoder) -> None:
    assert wrapped.query_differs
    texts = ["a", "two words", "a"]
    for _ in range(2):  # from the cache too
        queries, rows = wrapped.encode_query(texts), wrapped.encode(texts)
        assert queries.shape == rows.shape == (3, wrapped.dim)
        assert queries.dtype == np.float32
        assert not np.allclose(queries, rows)
        assert np.array_equal(queries[0], queries[2])
    assert wrapped.encode_query([]).shape == (0, wrapped.dim)
    with pytest.raises(InvalidArgument, match="not one str"):
        wrapped.encode_query("one")  # type: ignore[arg-type]


@pytest.mark.parametrize("encoder", [HashingEncoder(16), Prefixed(HashingEncoder(16), text="x ", query="x ")], ids=repr)
def test_most_models_make_no_difference(encoder: TextEncoder) -> None:
    assert not encoder.query_differs
    assert np.array_equal(encoder.encode_query(["a text"]), encoder.encode(["a text"]))
    cached = CachedEncoder(encoder, MemoryStore())
    assert np.array_equal(cached.encode_query(["a text"]), cached.encode(["a text"]))


def test_prefixes_come_before_what_is_encoded() -> None:
    inner = HashingEncoder(64)
    encoder = Prefixed(inner, text="passage: ", query="query: ")
    assert np.array_equal(encoder.encode(["red wine"]), inner.encode(["passage: red wine"]))
    assert np.array_equal(encoder.encode_query(["red wine"]), inner.encode(["query: red wine"]))


def test_an_encoder_with_prefixes_is_found_by_its_name() -> None:
    encoder = Prefixed(HashingEncoder(64), text="passage: ", query="query: 100% of it: ")
    again = resolve(encoder.name)
    assert (again.name, again.fingerprint) == (encoder.name, encoder.fingerprint)
    assert np.array_equal(again.encode_query(["a"]), encoder.encode_query(["a"]))
    with pytest.raises(InvalidArgument, match="two prefixes and an encoder"):
        resolve("prefixed:query:")


@pytest.mark.parametrize("place", [":memory:", "disk"])
def test_a_collection_encodes_questions_as_queries(tmp_path: Path, place: str) -> None:
    model = TwoSided()
    with vicinal.connect(place if place == ":memory:" else tmp_path) as db:
        docs = db.collection("docs", encoder=model)
        docs.add(["a"], texts=["a text"])
        docs.update(["a"], texts=["another text"])
        model.asked.clear()
        docs.search("a question")
        docs.search_many(["more", "questions"])
        docs.search("words", mode="hybrid")
        docs.upsert(["b"], texts=["one more"])
        docs.reembed(model)
    asked = {text: kind for kind, text in model.asked if "quick brown fox" not in text}
    assert asked == {
        "a question": "query",
        "more": "query",
        "questions": "query",
        "words": "query",
        "one more": "text",
        "another text": "text",
    }


@pytest.mark.parametrize("fingerprint", ["f", ""])
def test_a_collection_remembers_how_queries_are_encoded(tmp_path: Path, fingerprint: str) -> None:
    def search(turn: int) -> Any:
        with vicinal.connect(tmp_path) as db:
            return db.collection("docs", encoder=TwoSided(fingerprint, turn)).search("a question")

    with vicinal.connect(tmp_path) as db:
        db.collection("docs", encoder=TwoSided(fingerprint)).add(["a"], texts=["a text"])
    assert search(1).ids == ["a"]
    with pytest.raises(EncoderMismatch, match="different vectors for the same query"):
        search(200)


def test_an_encoder_that_learnt_to_tell_queries_is_refused_only_if_they_differ(tmp_path: Path) -> None:
    class OneSided(TwoSided):
        encode_query = None  # type: ignore[assignment]

    with vicinal.connect(tmp_path) as db:
        db.collection("docs", encoder=OneSided()).add(["a"], texts=["a text"])
    with vicinal.connect(tmp_path) as db:
        assert db.collection("docs", encoder=TwoSided(turn=0)).search("a question").ids == ["a"]
    with vicinal.connect(tmp_path) as db, pytest.raises(EncoderMismatch, match="for the same query"):
        db.collection("docs", encoder=TwoSided(turn=200)).search("a question")
