"""The data of measurements, and which hits count as right."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.answers import judge
from benchmarks.data import NOISE, PARTS, WORDNET, Data, make, true_best


def test_rows_have_length_one_and_queries_are_not_among_them():
    data = make("generated", 2000, dimension=16)
    assert data.vectors.shape == (2000, 16)
    assert data.vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(data.vectors, axis=1), 1, atol=1e-5)
    assert len(data.queries) == 500
    assert (data.queries @ data.vectors.T).max() < 1 - 1e-5
    assert len(data.texts) == len(data.metadata) == 2000


def test_the_same_call_makes_the_same_data():
    first, second = make("generated", 300, dimension=8), make("generated", 300, dimension=8)
    assert (first.vectors == second.vectors).all()
    assert first.metadata == second.metadata


@pytest.mark.parametrize(("below", "passing"), [(500, 2500), (70, 350), (2, 10), (PARTS, 5000)])
def test_filters_pass_the_share_that_they_promise(below, passing):
    data = make("generated", 5000, dimension=4)
    assert sum(row["part"] < below for row in data.metadata) == passing


def test_missing_rows_are_noisy_copies(tmp_path):
    own = np.random.default_rng(1).standard_normal((60, 32)).astype(np.float32)
    np.save(tmp_path / "v.npy", own)
    data = make(str(tmp_path / "v.npy"), 50)
    assert data.vectors.shape == (50, 32)
    rows = 60 - 30  # half of so few are queries
    for copied, original in zip(data.vectors[rows:], data.vectors):
        # 1 / sqrt(1 + noise^2) where the noise is at right angles to the row, as it nearly is
        assert abs(float(copied @ original) - 1 / np.sqrt(1 + NOISE**2)) < 0.15
        assert not np.array_equal(copied, original)


@pytest.mark.skipif(not WORDNET.exists(), reason="no ../shared/data/wordnet beside this tree")
def test_wordnet_keeps_texts_with_their_vectors():
    data = make("wordnet", 1000)
    again = make("wordnet", 1000)
    assert data.texts == again.texts
    assert data.vectors.shape == (1000, 384)
    stored = np.load(WORDNET / "vectors.f16.npy", mmap_mode="r")
    place = int(np.argmax(stored[:].astype(np.float32) @ data.vectors[0]))
    import gzip
    import json

    with gzip.open(WORDNET / "texts.jsonl.gz", "rt", encoding="utf-8") as lines:
        assert data.texts[0] == [json.loads(line)["text"] for line in lines][place]


def test_data_survive_their_folder(tmp_path):
    data = make("generated", 40, dimension=8)
    data.save(tmp_path)
    loaded = Data.load(tmp_path)
    assert (loaded.vectors == data.vectors).all()
    assert (loaded.texts, loaded.metadata, loaded.name) == (data.texts, data.metadata, "generated")
    batches = list(loaded.batches(35, 10))
    assert [batch.numbers[0] for batch in batches] == [0, 10, 20, 30]
    assert np.array_equal(np.concatenate([batch.vectors for batch in batches]), data.vectors[:35])
    assert [text for batch in batches for text in batch.texts or []] == data.texts[:35]
    assert all(batch.texts is None for batch in loaded.batches(35, 10, bare=True))


@given(seed=st.integers(0, 2**32), rows=st.integers(1, 60), k=st.integers(1, 12), below=st.none() | st.integers(0, 999))
def test_true_answers_are_those_of_sorting_everything(seed, rows, k, below):
    random = np.random.default_rng(seed)
    vectors, queries = random.standard_normal((rows, 3)), random.standard_normal((2, 3))
    metadata = [{"part": int(part)} for part in random.integers(0, 1000, rows)]
    data = Data("test", vectors.astype(np.float32), queries.astype(np.float32), [""] * rows, metadata)
    found, last = true_best(data, 2, k, below)
    for query, numbers, score in zip(data.queries, found, last):
        scores = data.vectors.astype(np.float64) @ query.astype(np.float64)
        passing = [i for i in range(rows) if below is None or metadata[i]["part"] < below]
        expected = sorted(passing, key=lambda i: -scores[i])[:k]
        assert np.allclose(scores[numbers], scores[expected], rtol=0, atol=1e-12)
        assert len(set(numbers)) == len(expected)
        assert score == (pytest.approx(scores[expected[-1]]) if expected else -np.inf)


def test_a_judge_sees_wrong_missing_and_forbidden_rows():
    data = make("generated", 200, dimension=8)
    truth, _ = true_best(data, 1, 5)
    others = [number for number in range(200) if number not in truth[0]]
    found = {
        "right": truth,
        "one wrong": [[*truth[0][:4], others[0]]],
        "one missing": [truth[0][:4]],
        "disordered": [truth[0][::-1]],
    }
    facts = judge(data, found, 5)
    assert facts["right"] == {"recall": 1.0, "other_answers": 0}
    assert facts["one wrong"] == {"recall": 0.8, "other_answers": 1}
    assert facts["one missing"] == {"recall": 0.8, "other_answers": 1}
    assert facts["disordered"]["other_answers"] == 1

    passing, _ = true_best(data, 1, 5, 500)
    forbidden = next(number for number in truth[0] + others if data.metadata[number]["part"] >= 500)
    facts = judge(data, {"leaks": [[forbidden, *passing[0][:4]]]}, 5, 500)
    assert facts["leaks"]["other_answers"] == 1


def test_rows_of_equal_scores_are_both_right():
    data = make("generated", 50, dimension=8)
    vectors = data.vectors.copy()
    truth, _ = true_best(data, 1, 50)
    best, worst = truth[0][0], truth[0][-1]
    vectors[worst] = vectors[best]
    twins = dataclasses.replace(data, vectors=vectors)
    facts = judge(twins, {"a": [[best]], "b": [[worst]]}, 1)
    assert facts["a"] == facts["b"] == {"recall": 1.0, "other_answers": 0}
