"""Reranking: the pool in the order of the reranker's scores of its texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vicinal
from vicinal.errors import InvalidArgument, MissingExtra, ModelUnavailable
from vicinal.rerankers import CrossEncoder, LexicalReranker, reranker_of


class ByLength:
    """Ranks the longest text first."""

    name = "by length"

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []

    def rerank(self, query: str, texts: Sequence[str]) -> Any:
        self.asked.append((query, list(texts)))
        return np.array([len(text) for text in texts], dtype=np.float32)


@pytest.fixture
def docs() -> Any:
    docs = vicinal.connect(":memory:").collection("docs", encoder="hashing:64")
    docs.add(["a", "b", "c", "d"], texts=["amber", "amber denim cobalt", "amber denim", "unrelated and very long text"])
    docs.add(["bare"], vectors=docs.get(["a"], vectors=True)[0].vector[np.newaxis], metadata=[{"n": 1}])
    return docs


def test_hits_come_in_the_order_of_the_reranker(docs: Any) -> None:
    by_length = ByLength()
    hits = docs.search("amber", 3, rerank=by_length)
    assert hits.ids == ["d", "b", "c"]
    assert hits.scores == [28.0, 18.0, 11.0]
    assert hits.metric == "by length"
    assert [hit.distance for hit in hits] == [-28.0, -18.0, -11.0]
    plain = docs.search("amber", 5)
    assert by_length.asked == [("amber", [text or "" for text in plain.texts])]
    told = hits[0].legs["search"]
    assert (told.rank, told.score) == (plain.ids.index("d") + 1, plain[plain.ids.index("d")].score)


@given(st.integers(1, 8), st.integers(0, 4), st.integers(1, 12), st.sampled_from([None, 2, 5]))
@settings(max_examples=60, deadline=None)
def test_pool_page_and_threshold_are_those_of_brute_force(k: int, offset: int, pool: int, least: Any) -> None:
    docs = vicinal.connect(":memory:").collection("docs", encoder="hashing:32")
    docs.add(range(10), texts=["x" * (i * 7 % 5 + 1) + f" {i}" for i in range(10)])
    pool = max(pool, k + offset)
    plain = docs.search("xxx", pool)
    ordered = sorted(plain, key=lambda hit: -len(hit.text or ""))
    kept = [hit.id for hit in ordered if least is None or len(hit.text or "") >= least]
    hits = docs.search("xxx", k, rerank=ByLength(), fetch_k=pool, offset=offset, min_score=least)
    assert hits.ids == kept[offset : offset + k]


def test_it_works_in_every_mode_and_keeps_filters_and_parts(docs: Any) -> None:
    for mode in ("dense", "keyword", "hybrid"):
        hits = docs.search("amber denim", 2, mode=mode, rerank=ByLength(), where={"$text": {"$contains": "denim"}})
        assert hits.ids == ["b", "c"]
        assert docs.search("amber", 1, mode=mode, rerank=ByLength(), select=()).texts == [None]
    legs = docs.search("amber denim", 2, mode="hybrid", rerank=ByLength())[0].legs
    assert set(legs) == {"search", "dense", "keyword"}


def test_a_reranker_without_a_name_has_that_of_its_class(docs: Any) -> None:
    class Shortest:
        def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
            return [-float(len(text)) for text in texts]

    hits = docs.search("amber", 2, rerank=Shortest())
    assert (hits.ids, hits.metric) == (["bare", "a"], "Shortest")


def test_equal_scores_stay_in_the_order_of_the_search(docs: Any) -> None:
    class Same:
        name = "same"

        def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
            return [1.0] * len(texts)

    assert docs.search("amber", 5, rerank=Same()).ids == docs.search("amber", 5).ids
    assert list(docs.search("amber", 5, {"n": 2}, rerank=Same())) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rerank": "lexicl"}, "Did you mean 'lexical'"),
        ({"rerank": 3}, "there is no reranker 3"),
        ({"rerank": LexicalReranker}, "there is no reranker"),
        ({"rerank": "lexical", "fetch_k": 3}, "fewer than the 10"),
        ({"reranker": "lexical"}, "Use rerank= instead"),
        ({"rerank": "lexical", "query": [0.0] * 64}, "the query is none"),
        ({"rerank": "lexical", "query": None, "id": "a"}, "the query is none"),
    ],
)
def test_what_cannot_be_meant_is_refused(docs: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        docs.search(**{"query": "amber", **options})


@pytest.mark.parametrize("given_scores", [[1.0], [[1.0]] * 5, ["x"] * 5, [float("nan")] * 5, None])
def test_a_reranker_that_gives_something_else_is_named(docs: Any, given_scores: Any) -> None:
    class Wrong:
        name = "wrong"

        def rerank(self, query: str, texts: Sequence[str]) -> Any:
            return given_scores

    with pytest.raises(InvalidArgument, match="one finite number per text"):
        docs.search("amber", rerank=Wrong())


def test_it_explains_itself(docs: Any) -> None:
    why = docs.explain("amber", 2, rerank=ByLength())
    assert [hit.id for hit in why.hits] == ["d", "b"]
    assert [hit.rank for hit in why.hits] == [1, 2]
    assert why.steps[-1].name == "rerank"
    assert why.metric == "by length"
    assert docs.why_not("d", "amber", 2, rerank=ByLength()).rank == 1
    lost = docs.why_not("a", "amber", 2, rerank=ByLength())
    assert (lost.reason, lost.rank, lost.last_score) == ("rerank", 4, 18.0)
    assert docs.why_not("a", "amber", 2, rerank=ByLength(), min_score=10).reason == "min_score"
    assert docs.why_not("d", "amber", 2, rerank=ByLength(), offset=1).reason == "offset"
    assert docs.why_not("d", "amber", 1, rerank=ByLength(), fetch_k=1).reason == "rank"
    assert docs.why_not("nobody", "amber", rerank=ByLength()).reason == "not_there"


def test_words_that_stand_together_and_say_more_come_first() -> None:
    texts = ["compress a file", "a file here, and later we compress", "a cat", "", "compress compress data"]
    scores = LexicalReranker().rerank("compress a file", texts)
    assert scores.dtype == np.float32
    assert scores.argmax() == 0
    assert scores[0] > scores[1]
    assert scores[3] == 0.0
    assert (scores >= 0).all()
    assert LexicalReranker().rerank("compress", []).shape == (0,)
    assert LexicalReranker().rerank("", ["x"]).tolist() == [0.0]
    assert LexicalReranker("de").rerank("Häuser", ["ein Haus", "ein Hund"]).argmax() == 0


def pairs_model(path: Path, tokens: int, outputs: int) -> Any:
    """Logits are sums of a number for each token, with those of the second text counted ten times."""
    pytest.importorskip("onnx", reason="onnx is not installed")
    from onnx import TensorProto, helper

    from support import onnx_models

    table = np.random.default_rng(outputs).normal(size=(tokens, outputs)).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["gathered"]),
        helper.make_node("Mul", ["attention_mask", "one"], ["masked"]),
        helper.make_node("Mul", ["token_type_ids", "nine"], ["nines"]),
        helper.make_node("Mul", ["nines", "attention_mask"], ["kinds"]),
        helper.make_node("Add", ["masked", "kinds"], ["sums"]),
        helper.make_node("Cast", ["sums"], ["weights"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["weights", "last"], ["wide"]),
        helper.make_node("Mul", ["gathered", "wide"], ["weighted"]),
        helper.make_node("ReduceSum", ["weighted", "axis"], ["logits"], keepdims=0),
    ]
    constants = {"table": table, "one": np.array(1), "nine": np.array(9), "last": np.array([-1]), "axis": np.array([1])}
    inputs = [
        onnx_models.integers(name, ["batch", "length"]) for name in ("input_ids", "attention_mask", "token_type_ids")
    ]
    onnx_models.save(path, nodes, inputs, [onnx_models.floats("logits", ["batch", outputs])], constants)
    return table


@pytest.mark.parametrize("outputs", [1, 2])
def test_a_cross_encoder_reads_query_and_text_together(tmp_path: Path, outputs: int) -> None:
    for package in ("onnx", "onnxruntime", "tokenizers"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    from support import onnx_models

    words = ["gold", "silver", "tin"]
    tokens = onnx_models.vocabulary(tmp_path / "vocab.txt", words)
    table = pairs_model(tmp_path / "model.onnx", len(tokens), outputs)
    number = {token: i for i, token in enumerate(tokens)}

    def expected(query: str, text: str) -> float:
        first = [number[one] for one in ["[CLS]", *query.split(), "[SEP]"]]
        second = [number[one] for one in [*text.split(), "[SEP]"]]
        logits = table[first].sum(axis=0) + 10 * table[second].sum(axis=0)
        margin = float(logits[0] if outputs == 1 else logits[1] - logits[0])
        return 1 / (1 + np.exp(-margin))

    texts = ["gold", "silver tin", "tin tin tin gold", ""] * 3
    encoder = CrossEncoder(tmp_path / "model.onnx")
    scores = encoder.rerank("gold tin", texts)
    np.testing.assert_allclose(scores, [expected("gold tin", text) for text in texts], rtol=1e-4, atol=1e-6)
    assert encoder.rerank("gold", []).shape == (0,)
    docs = vicinal.connect(":memory:").collection("docs", encoder="hashing:16")
    docs.add(range(3), texts=texts[:3])
    hits = docs.search("gold tin", rerank=f"onnx:{tmp_path / 'model.onnx'}")
    assert hits.ids == sorted(range(3), key=lambda i: -expected("gold tin", texts[i]))
    assert all(0 <= score <= 1 for score in hits.scores)


def test_files_that_are_no_cross_encoder(tmp_path: Path) -> None:
    for package in ("onnx", "onnxruntime", "tokenizers"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    from support import onnx_models

    with pytest.raises(ModelUnavailable, match="no such file"):
        reranker_of(f"onnx:{tmp_path / 'none.onnx'}")
    tokens = onnx_models.vocabulary(tmp_path / "vocab.txt", ["gold"])
    onnx_models.embedding(tmp_path / "model.onnx", len(tokens))
    with pytest.raises(ModelUnavailable, match="for 1 pairs of texts"):
        CrossEncoder(tmp_path / "model.onnx").rerank("gold", ["gold"])
    with pytest.raises(InvalidArgument, match="max_tokens"):
        CrossEncoder(tmp_path / "model.onnx", max_tokens=2)


def test_without_onnxruntime_the_install_line_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vicinal.encoders import onnx_model

    monkeypatch.setattr(onnx_model, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"vicinal\[onnx\]"):
        reranker_of("onnx:model.onnx")
