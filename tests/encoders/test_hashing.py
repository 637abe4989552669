import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vicinal.encoders import HashingEncoder, hashing
from vicinal.errors import InvalidArgument


def cosine(one, other, dim=384):
    vectors = HashingEncoder(dim).encode([one, other])
    return float(vectors[0] @ vectors[1])


@given(st.lists(st.text(max_size=30), max_size=8), st.integers(1, 50))
def test_every_row_has_length_one(texts, dim):
    vectors = HashingEncoder(dim).encode(texts)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)


@given(st.lists(st.text(max_size=30), min_size=1, max_size=8))
def test_a_vector_does_not_depend_on_the_rest_of_the_call_at_all(texts):
    encoder = HashingEncoder(32)
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    assert np.array_equal(encoder.encode(texts), alone)


def test_long_lists_and_long_texts_are_cut_into_batches(monkeypatch):
    texts = ["alpha", "beta gamma", "delta " * 40, "", "epsilon"] * 5
    whole = HashingEncoder(16).encode(texts)
    monkeypatch.setattr(hashing, "_CHARACTERS_PER_BATCH", 20)
    monkeypatch.setattr(hashing, "_CELLS_PER_BATCH", 48)
    assert np.array_equal(HashingEncoder(16).encode(texts), whole)


def test_shared_spelling_brings_texts_together():
    assert cosine("encoding vectors", "encoded vector") > 0.4
    assert abs(cosine("encoding vectors", "purple mushroom")) < 0.2


def test_meaning_does_not():
    assert abs(cosine("car", "automobile")) < 0.2


@pytest.mark.parametrize(
    ("one", "other"),
    [("Straße", "STRASSE"), ("ﬁne", "fine"), ("cafe\u0301", "café"), ("ＦＵＬＬ", "full"), ("a  b\n", "a b")],
)
def test_case_and_form_of_characters_do_not_count(one, other):
    assert cosine(one, other) == pytest.approx(1)


def test_words_without_spaces_between_them_are_found():
    assert cosine("北京", "我昨天到了北京", dim=4096) > 0.2


def test_order_within_words_counts():
    assert cosine("abcdef", "fedcba") < 0.3


def test_empty_text_is_one_fixed_vector():
    vectors = HashingEncoder(4).encode(["", "  \n"])
    assert vectors.tolist() == [[0.5] * 4] * 2


def test_values_are_those_of_version_1():
    """Changing these requires a new VERSION: stored vectors would no longer be comparable."""
    assert hashing.VERSION == "1"
    counts = np.array([[-1, 1, 4, 0, 1, -1], [0, 0, 1, -1, -2, 1]])
    damped = np.sign(counts) * np.log(1 + np.abs(counts))
    expected = damped / np.linalg.norm(damped, axis=1, keepdims=True)
    np.testing.assert_allclose(HashingEncoder(6).encode(["vicinal", "Grüße 北京"]), expected, atol=1e-7)


def test_another_process_gives_the_same_vector():
    program = "from vicinal.encoders import HashingEncoder as H; print(H(16).encode(['any text']).tobytes().hex())"
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert output.strip() == HashingEncoder(16).encode(["any text"]).tobytes().hex()


@pytest.mark.parametrize("dim", [0, -1, 2.0, "8", True, None])
def test_refuses_a_dimension_that_is_none(dim):
    with pytest.raises(InvalidArgument, match="dim must be a whole number of at least 1"):
        HashingEncoder(dim)


def test_fingerprint_depends_on_dimension_and_version(monkeypatch):
    fingerprint = HashingEncoder(8).fingerprint
    assert HashingEncoder(9).fingerprint != fingerprint
    monkeypatch.setattr(hashing, "VERSION", "2")
    assert HashingEncoder(8).fingerprint != fingerprint


def test_says_what_it_is():
    assert repr(HashingEncoder(8)) == "<HashingEncoder: 8 dimensions, similarity of spelling, not of meaning>"


def test_another_device_is_a_warning_and_the_truth():
    with pytest.warns(RuntimeWarning, match="runs on the CPU only; device='cuda'") as caught:
        encoder = HashingEncoder(8, device="cuda")
    assert encoder.device == "cpu"
    assert [warning.filename for warning in caught] == [__file__]
