"""`BM25Engine`: words, scores, ids, and its file."""

from __future__ import annotations

import copy
import math
import struct
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyvdb import BM25Config, BM25Engine, BM25Result

MINES = [
    "Copper futures climb after mine strike",
    "Lead and zinc futures slip",
    "Copper scrap futures trade flat as copper demand cools",
    "Port data shows copper stock build",
    "Zinc smelter restarts",
]


def configured(**settings_: Any) -> BM25Config:
    config = BM25Config()
    for name, value in settings_.items():
        setattr(config, name, value)
    return config


def filled(texts: list[str], **settings_: Any) -> BM25Engine:
    engine = BM25Engine(configured(**settings_))
    for id_, text in enumerate(texts, 1):
        engine.add_document(id_, text)
    return engine


def found(engine: BM25Engine, query: str, **more: Any) -> dict[int, float]:
    return {result.id: result.score for result in engine.search(query, **more)}


def test_defaults() -> None:
    config = BM25Config()
    assert (config.k1, config.b, config.use_stemming) == (1.2, 0.75, True)
    assert (config.min_term_length, config.case_sensitive) == (2, False)
    assert (BM25Result().id, BM25Result().score, BM25Result().matched_terms) == (0, 0.0, [])


def test_the_values_of_the_document() -> None:
    texts = ["Machine learning is a subset of AI", "Deep learning uses neural networks"]
    engine = filled(texts)
    assert (engine.document_count(), engine.term_count(), engine.average_document_length()) == (2, 8, 4.5)
    assert found(engine, "machine learning") == pytest.approx({1: 0.91716, 2: 0.17439}, abs=1e-5)
    assert found(filled(texts, k1=1.5), "machine learning") == pytest.approx({1: 0.92155, 2: 0.17364}, abs=1e-5)
    assert found(engine, "machine learning", min_score=1.0) == {}


def test_the_values_of_the_specification() -> None:
    engine = filled(MINES)
    assert (engine.average_document_length(), engine.term_count()) == (5.4, 21)
    scores = {3: 1.10303, 1: 1.03112, 2: 0.60295, 4: 0.51556}
    assert found(engine, "copper futures") == pytest.approx(scores, abs=1e-5)
    assert [result.id for result in engine.search("copper futures")] == list(scores)
    assert [result.id for result in engine.search("copper futures", k=2)] == [3, 1]
    assert [result.id for result in engine.search("copper futures", min_score=0.6)] == [3, 1, 2]


def test_matched_terms_are_stems_in_the_order_of_the_query() -> None:
    engine = filled(MINES)
    results = {result.id: result.matched_terms for result in engine.search("futures copper gold futures")}
    assert results[1] == ["futur", "copper", "futur"]
    assert results[2] == ["futur", "futur"]
    assert results[4] == ["copper"]


def test_a_word_that_is_asked_twice_counts_twice() -> None:
    engine = filled(MINES)
    once, twice = found(engine, "copper"), found(engine, "copper copper")
    assert twice == pytest.approx({id_: 2 * score for id_, score in once.items()}, rel=1e-5)


def test_words() -> None:
    engine = filled(["the 10-year at $4,200 isn't x", "Rallies", "ten YEAR snake_case"])
    assert list(found(engine, "10-year")) == [1]
    assert list(found(engine, "-10-year +zzz")) == []
    assert list(found(engine, '"10-year"')) == [1]
    assert list(found(engine, "4 200")) == [1]
    assert list(found(engine, "rally")) == [2]
    assert list(found(engine, "year")) == [3]
    assert list(found(engine, "SNAKE_CASE")) == [3]
    assert list(found(filled(["Rallies"], use_stemming=False), "rally")) == []
    assert list(found(filled(["Gold"], case_sensitive=True), "gold")) == []
    assert list(found(filled(["ab abc"], min_term_length=3), "abc")) == [1]


def test_a_query_without_words() -> None:
    assert BM25Engine().search("the of") == BM25Engine().search("") == []
    engine = filled(MINES)
    for query in ("", "the of", "x", "!?"):
        with pytest.raises(RuntimeError, match="no word to search for"):
            engine.search(query)
    assert engine.search("uranium") == []


def test_documents_come_change_and_go() -> None:
    engine = filled(["gold", "silver"])
    for wrong in (lambda: engine.add_document(1, "x"), lambda: engine.remove_document(7)):
        with pytest.raises(RuntimeError, match="there is"):
            wrong()
    engine.update_document(1, "copper copper")
    engine.update_document(3, "zinc")
    assert (list(found(engine, "gold")), list(found(engine, "copper")), list(found(engine, "zinc"))) == ([], [1], [3])
    assert (engine.document_count(), engine.term_count()) == (3, 3)
    assert engine.average_document_length() == pytest.approx(4 / 3)
    engine.remove_document(1)
    assert (engine.document_count(), engine.term_count(), engine.search("copper")) == (2, 2, [])
    engine.add_document(1, "")
    assert (engine.document_count(), engine.term_count()) == (3, 2)
    for id_ in (1, 2, 3):
        engine.remove_document(id_)
    assert (engine.document_count(), engine.term_count(), engine.average_document_length()) == (0, 0, 0.0)


def test_ids_are_unsigned_64_bit_and_break_ties() -> None:
    engine = BM25Engine()
    ids = [2**64 - 1, 5, 0, 2**63, 2**63 - 1]
    for id_ in ids:
        engine.add_document(id_, "gold")
    assert [result.id for result in engine.search("gold")] == sorted(ids)
    assert [result.id for result in engine.search("gold", k=2)] == [0, 5]
    for wrong in (-1, 2**64, 1.0, "1"):
        with pytest.raises(TypeError):
            engine.add_document(wrong, "gold")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "call",
    [
        lambda engine: BM25Engine({"k1": 1}),
        lambda engine: engine.add_document(1, None),
        lambda engine: engine.search(None),
        lambda engine: engine.search("gold", k=-1),
        lambda engine: engine.search("gold", min_score="high"),
        lambda engine: BM25Engine.load(1),
    ],
)
def test_wrong_types_are_type_errors(call: Any) -> None:
    with pytest.raises(TypeError):
        call(filled(["gold"]))


def test_settings_out_of_range_are_told() -> None:
    for settings_ in ({"k1": -1.0}, {"b": 1.5}):
        with pytest.raises(RuntimeError):
            BM25Engine(configured(**settings_))
    assert filled(["gold"]).search("gold", k=0) == []


WORDS = ["gold", "silver", "copper", "zinc", "the"]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)


@settings(deadline=None, max_examples=50)
@given(
    steps=st.lists(st.tuples(st.integers(0, 6), st.none() | TEXTS), max_size=15),
    query=st.lists(st.sampled_from(WORDS[:4]), min_size=1, max_size=3),
    k=st.integers(1, 5),
    k1=st.floats(0, 3),
    b=st.floats(0, 1),
)
def test_scores_are_the_formula(steps: list[Any], query: list[str], k: int, k1: float, b: float) -> None:
    engine = BM25Engine(configured(k1=k1, b=b))
    model: dict[int, list[str]] = {}
    for id_, text in steps:
        if text is not None:
            engine.update_document(id_, text)
            model[id_] = [word for word in text.split() if word != "the"]
        elif id_ in model:
            engine.remove_document(id_)
            del model[id_]
    held = Counter(word for words in model.values() for word in set(words))
    assert (engine.document_count(), engine.term_count()) == (len(model), len(held))
    average = sum(map(len, model.values())) / len(model) if model else 0.0
    assert engine.average_document_length() == pytest.approx(average)
    scores = {}
    for id_, words in model.items():
        count = Counter(words)
        parts = [
            math.log(1 + (len(model) - held[t] + 0.5) / (held[t] + 0.5)) * count[t] * (k1 + 1)
            / (count[t] + k1 * (1 - b + b * len(words) / average))
            for t in query if count[t]
        ]  # fmt: skip
        if parts:
            scores[id_] = sum(parts)
    results = engine.search(" ".join(query), k)
    assert len(results) == min(k, len(scores))
    for result, best in zip(results, sorted(scores.values(), reverse=True)):
        assert result.score == pytest.approx(scores[result.id], rel=1e-4)
        assert result.score == pytest.approx(best, rel=1e-4)


# -- its file


def test_a_saved_index_comes_back_with_its_configuration(tmp_path: Path) -> None:
    texts = [*MINES, "one \\n two\nsix \u2028 \U0001f600", ""]
    engine = filled(texts, k1=1.5, use_stemming=False, case_sensitive=True)
    engine.add_document(2**64 - 1, "Copper")
    path = tmp_path / "index.bin"
    path.write_text("old")
    engine.save(str(path))
    again = BM25Engine.load(path)
    assert again.search("Copper futures") == engine.search("Copper futures")
    assert found(again, "two") == found(engine, "two") != {}
    assert (again.document_count(), again.term_count()) == (engine.document_count(), engine.term_count())
    assert list(tmp_path.iterdir()) == [path]
    again.add_document(99, "Copper")
    BM25Engine().save(tmp_path / "empty")
    assert BM25Engine.load(str(tmp_path / "empty")).document_count() == 0


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "index.bin"
    filled(MINES).save(path)
    whole = path.read_bytes()
    assert whole[:8] == b"VICBM25\0"
    assert struct.unpack("<IIQ", whole[8:24]) == (1, zlib.crc32(whole[24:]), len(whole) - 24)
    for at in [*range(24), len(whole) // 2, len(whole) - 1]:
        broken = bytearray(whole)
        broken[at] ^= 1 << (at % 8)
        path.write_bytes(broken)
        with pytest.raises(RuntimeError):
            BM25Engine.load(path)


@pytest.mark.parametrize("content", [b"", b"VICBM25", b"text\nmore text, long enough for a header"])
def test_what_is_no_index_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(RuntimeError, match="is not a BM25 index"):
        BM25Engine.load(tmp_path / "x")


@pytest.mark.parametrize(
    "content",
    [b"{}", b"[]", b"\xff", b'{"config": {"k9": 1}, "documents": []}', b'{"config": {}, "documents": [[-1, "x"]]}',
     b'{"config": {}, "documents": [[1, null]]}', b'{"config": {}, "documents": [[1, "x"], [1, "y"]]}'],
)  # fmt: skip
def test_a_right_checksum_is_not_enough(tmp_path: Path, content: bytes) -> None:
    header = struct.pack("<8sIIQ", b"VICBM25\0", 1, zlib.crc32(content), len(content))
    (tmp_path / "x").write_bytes(header + content)
    with pytest.raises(RuntimeError):
        BM25Engine.load(tmp_path / "x")


def test_cut_off_newer_and_absent_files_are_told(tmp_path: Path) -> None:
    path = tmp_path / "index.bin"
    filled(MINES).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(RuntimeError, match="its header says"):
        BM25Engine.load(path)
    path.write_bytes(whole[:8] + b"\x02" + whole[9:])
    with pytest.raises(RuntimeError, match="has version 2"):
        BM25Engine.load(path)
    for call in (lambda: BM25Engine.load(tmp_path / "absent"), lambda: BM25Engine().save(tmp_path / "no" / "where")):
        with pytest.raises(RuntimeError):
            call()


def test_the_config_is_copied() -> None:
    config = configured(k1=1.5)
    engine = BM25Engine(config)
    kept = copy.copy(config)
    config.k1 = 0.0
    engine.add_document(1, "gold gold")
    engine.add_document(2, "silver")
    assert found(engine, "gold") == pytest.approx(found(_again(kept), "gold"))


def _again(config: BM25Config) -> BM25Engine:
    engine = BM25Engine(config)
    engine.add_document(1, "gold gold")
    engine.add_document(2, "silver")
    return engine
