"""The course's programs that chunk, encode and search texts by meaning and keywords."""

from __future__ import annotations

import math
import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from support.chat_server import Answer, serving
from support.course import program
from vicinal.encoders import HashingEncoder, MiniLM
from vicinal.errors import InvalidArgument, ModelUnavailable

PIPELINE, HYBRID = program("text_embedding_pipeline"), program("exercise_3_hybrid_search")
TEXT = " ".join(f"Sentence number {i} says something about Mr. Smith and {'x' * (i % 40)}." for i in range(200))

meaning = pytest.mark.skipif(not MiniLM.available(), reason="the weights of MiniLM are not installed")


def test_every_chunk_ends_with_a_sentence_and_repeats_the_last_ones() -> None:
    pipeline = PIPELINE.TextEmbeddingPipeline()
    chunks = pipeline.chunk_text(TEXT)
    assert len(chunks) > 10
    assert all(len(chunk) <= 1000 and chunk.endswith(".") for chunk in chunks)
    assert not any(chunk.endswith("Mr.") for chunk in chunks)
    for one, following in pairwise(chunks):
        repeated = next(n for n in range(len(following), 0, -1) if one.endswith(following[:n].strip()))
        assert 0 < repeated <= 200
    numbers = [int(n) for chunk in chunks for n in re.findall(r"number (\d+)", chunk)]
    assert {*numbers} == {*range(200)}
    assert pipeline.chunk_text("") == pipeline.chunk_text(" \n ") == []
    assert pipeline.chunk_text("word " * 100, chunk_size=50, overlap=0)[0] == "word " * 9 + "word"
    with pytest.raises(InvalidArgument, match="overlap"):
        pipeline.chunk_text(TEXT, 100, 100)


def test_chunks_know_their_document() -> None:
    pipeline = PIPELINE.TextEmbeddingPipeline()
    documents = [{"id": "a", "content": TEXT, "metadata": {"year": 1}}, {"content": "One."}, {"id": "c", "content": ""}]
    found = pipeline.process_documents(documents, "hashing:32")
    own = [one for one in found if one["metadata"]["original_doc_id"] == "a"]
    assert [one["id"] for one in own] == [f"a_{i}" for i in range(len(own))]
    assert [one["metadata"]["chunk_index"] for one in own] == [*range(len(own))]
    assert {(one["metadata"]["total_chunks"], one["metadata"]["year"]) for one in own} == {(len(own), 1)}
    assert found[-1]["id"] == "unknown_0"
    np.testing.assert_allclose(
        [one["embedding"] for one in found], HashingEncoder(32).encode([one["content"] for one in found]), rtol=1e-6
    )
    assert pipeline.process_documents([]) == []
    assert documents[0]["metadata"] == {"year": 1}


class Characters:
    """A tokenizer of which a token is half a byte pair: cut anywhere, it decodes to a broken character."""

    def encode(self, text: str) -> list[int]:
        return list(text.encode())

    def decode(self, tokens: list[int]) -> str:
        return bytes(tokens).decode(errors="replace")


def model(path: str, asked: Any) -> Answer:
    return 200, {"data": [{"index": i, "embedding": [1.0, len(text)]} for i, text in enumerate(asked["input"])]}


def test_no_more_tokens_are_sent_than_the_model_takes() -> None:
    pytest.importorskip("httpx", reason="httpx is not installed")
    with serving(model) as server:
        pipeline = PIPELINE.TextEmbeddingPipeline()
        pipeline.load_openai_embeddings("sk-test", tokenizer=Characters(), base_url=server.url)
        vectors = pipeline.embed_with_openai(["short", "y" * 9000, "é" * 5000])
        [(_, asked, headers)] = server.requests
    assert asked["input"] == ["short", "y" * 8191, "é" * 4095]
    assert asked["model"] == "text-embedding-ada-002"
    assert vectors == [[1.0, 5.0], [1.0, 8191.0], [1.0, 4095.0]]
    assert {name.lower(): value for name, value in dict(headers).items()}["authorization"] == "Bearer sk-test"


def test_a_server_that_refuses_is_named() -> None:
    pytest.importorskip("httpx", reason="httpx is not installed")
    with serving(lambda path, asked: (401, {"error": {"message": "no such key"}})) as server:
        pipeline = PIPELINE.TextEmbeddingPipeline()
        pipeline.load_openai_embeddings("sk-secret", tokenizer=Characters(), base_url=server.url)
        with pytest.raises(ModelUnavailable, match="401") as raised:
            pipeline.process_documents([{"content": "One."}], "text-embedding-ada-002")
        assert "sk-secret" not in str(raised.value)


@meaning
def test_the_pipeline_runs_with_the_model_of_the_course() -> None:
    chunks = PIPELINE.main()
    assert [chunk["id"] for chunk in chunks][-1] == "salt_0"
    assert all(len(chunk["embedding"]) == 384 for chunk in chunks)
    pipeline = PIPELINE.TextEmbeddingPipeline()
    assert pipeline.load_sentence_transformer() is pipeline.load_sentence_transformer("all-MiniLM-L6-v2")


@pytest.fixture(scope="module")
def engine() -> Any:
    engine = HYBRID.HybridSearchEngine(encoder="hashing:128")
    engine.add_documents(HYBRID.DOCUMENTS)
    return engine


def test_hybrid_scores_are_the_weighted_sum_of_their_shares(engine: Any) -> None:
    for weights in ((0.7, 0.3), (0.0, 1.0), (2.0, 1.0)):
        results = engine.hybrid_search("yeast for bread", 10, *weights)
        scores = [one.hybrid_score for one in results]
        assert scores == sorted(scores, reverse=True)
        for one in results:
            whole = weights[0] * one.vector_score + weights[1] * one.keyword_score
            assert one.hybrid_score == pytest.approx(whole, abs=1e-6)
            assert 0 <= one.vector_score <= 1.000001
            assert 0 <= one.keyword_score <= 1.000001
    best = engine.hybrid_search("yeast for bread", 1)
    assert len(best) == 1
    assert best[0].metadata["category"] in ("baking", "cellar")
    assert best[0].metadata["content"] == best[0].content


def test_an_explanation_has_the_formula_of_the_exercise(engine: Any) -> None:
    query, document = "yeast, bread; kiln?", HYBRID.DOCUMENTS[0]
    said = engine.explain_search(query, "sourdough")
    words = [re.sub(r"[^a-z0-9\s]", "", one["content"].lower()).split() for one in HYBRID.DOCUMENTS]
    expected = 0.0
    for word in ("yeast", "bread", "kiln"):
        having = sum(word in one for one in words)
        assert said["term_analysis"][word] == {
            "in_document": word in words[0],
            "document_frequency": having,
            "term_frequency": words[0].count(word),
        }
        expected += words[0].count(word) / len(words[0]) * math.log(len(words) / having)
    assert said["keyword_score"] == pytest.approx(expected, rel=1e-5)
    encoder = HashingEncoder(128)
    cosine = float(encoder.encode([query])[0] @ encoder.encode([document["content"]])[0])
    assert said["vector_score"] == pytest.approx(cosine, abs=1e-6)
    assert (said["document_id"], said["query"], said["document_preview"]) == ("sourdough", query, document["content"])
    assert "no-such" in engine.explain_search(query, "no-such")["error"]


def test_a_document_is_replaced_and_a_long_one_is_cut_in_the_preview() -> None:
    engine = HYBRID.HybridSearchEngine(encoder="hashing:32")
    engine.add_documents([{"id": "a", "content": "old"}])
    engine.add_documents([{"id": "a", "content": "new " * 100}])
    assert [one.content for one in engine.hybrid_search("old new")] == ["new " * 100]
    assert engine.explain_search("new", "a")["document_preview"] == ("new " * 100)[:200] + "..."


@meaning
def test_the_exercise_finds_bread() -> None:
    results, explained = HYBRID.main()
    assert {one.id for one in results[:2]} == {"rye", "sourdough"}
    assert explained["document_id"] == results[0].id
