"""The contract of encoders: the same tests for each of them."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from vicinal.contract import Encoder
from vicinal.encoders import CachedEncoder, HashingEncoder, MemoryStore, OnnxTextEncoder, Projected, as_encoder
from vicinal.errors import InvalidArgument, InvalidText


class Lengths:
    """A model as users write it: lists of Python floats, and only the required methods."""

    dim = 3

    def encode(self, texts):
        return [[1.0, float(len(text)), float(sum(map(ord, text)) % 97)] for text in texts]


NAMES = ["hashing", "hashing:1", "hashing:1000", "projected:32:hashing:100", "projected:100:hashing:32"]
NAMES += ["prefixed:passage%3A%20:query%3A%20:hashing"]


@pytest.fixture(params=[*NAMES, "minilm", "minilm in 128", "onnx", "onnx in 100", "cached", "custom"])
def encoder(request):
    if request.param == "minilm":
        return request.getfixturevalue("minilm")
    if request.param == "minilm in 128":
        return Projected(request.getfixturevalue("minilm"), 128)
    if request.param.startswith("onnx"):
        onnx = tiny_onnx(request.getfixturevalue("tmp_path"))
        return Projected(onnx, 100) if request.param == "onnx in 100" else onnx
    if request.param == "cached":
        return CachedEncoder(HashingEncoder(64), MemoryStore())
    return as_encoder(Lengths() if request.param == "custom" else request.param)


def tiny_onnx(folder):
    for package in ("onnxruntime", "tokenizers", "onnx"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    from support import onnx_models

    tokens = onnx_models.vocabulary(folder / "vocab.txt", ["word", "red", "wine"])
    onnx_models.embedding(folder / "model.onnx", len(tokens))
    return OnnxTextEncoder(folder / "model.onnx", num_threads=1)


TEXTS = [
    "",
    " ",
    "\n",
    "a",
    "red wine from Burgundy",
    "Grüße, naïve café",
    "今天天气很好",
    "שלום",
    "👩‍👩‍👧‍👦",
    "nul\x00inside",
    "e\u0301",
    "word " * 2000,
]


def test_has_what_the_contract_names(encoder):
    assert isinstance(encoder, Encoder)
    assert encoder.name
    assert encoder.version
    assert encoder.fingerprint
    assert encoder.device


def test_gives_one_float32_row_per_text(encoder):
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), encoder.dim)
    assert vectors.dtype == np.float32
    assert vectors.flags.c_contiguous
    assert vectors.flags.writeable
    assert np.isfinite(vectors).all()


def test_queries_are_rows_of_the_same_shape(encoder):
    vectors = encoder.encode_query(TEXTS)
    assert vectors.shape == (len(TEXTS), encoder.dim)
    assert vectors.dtype == np.float32
    assert np.array_equal(vectors, encoder.encode(TEXTS)) == (not encoder.query_differs)
    with pytest.raises(InvalidArgument, match="not one str"):
        encoder.encode_query("one text")


def test_no_text_has_a_zero_vector(encoder):
    assert encoder.encode(TEXTS).any(axis=1).all()


def test_no_texts_give_no_rows(encoder):
    vectors = encoder.encode([])
    assert vectors.shape == (0, encoder.dim)
    assert vectors.dtype == np.float32


def test_same_texts_give_the_same_bits(encoder):
    assert np.array_equal(encoder.encode(TEXTS), encoder.encode(TEXTS))


def test_a_vector_hardly_depends_on_the_rest_of_the_call(encoder):
    together = encoder.encode(TEXTS)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, rtol=0, atol=2e-6)


def test_order_of_rows_is_order_of_texts(encoder):
    np.testing.assert_allclose(encoder.encode(TEXTS[::-1]), encoder.encode(TEXTS)[::-1], rtol=0, atol=2e-6)


def test_any_sequence_of_texts_will_do(encoder):
    assert np.array_equal(encoder.encode(tuple(TEXTS)), encoder.encode(TEXTS))


def test_a_caller_may_write_into_its_result(encoder):
    before = encoder.encode(TEXTS)
    encoder.encode(TEXTS)[:] = 0
    assert np.array_equal(encoder.encode(TEXTS), before)


@pytest.mark.parametrize("texts", ["one text", b"bytes", 5, None])
def test_refuses_what_is_no_list_of_texts(encoder, texts):
    with pytest.raises(InvalidArgument):
        encoder.encode(texts)


def test_says_how_to_pass_one_text(encoder):
    with pytest.raises(InvalidArgument, match=r"not one str\. Put it into a list: encode\(\[text\]\)\."):
        encoder.encode("one text")


@pytest.mark.parametrize("item", [None, 3, b"bytes", ["nested"]])
def test_names_the_item_that_is_no_text(encoder, item):
    with pytest.raises(InvalidText, match=r"^text 1: a text must be a str, not "):
        encoder.encode(["good", item])


def test_names_the_text_with_a_lone_surrogate(encoder):
    with pytest.raises(InvalidText, match=r"^text 2: the text holds a lone surrogate, .* at character 3"):
        encoder.encode(["good", "\U0001f600", "abc\udc00"])


def test_threads_may_share_it(encoder):
    expected = encoder.encode(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        for vectors in pool.map(encoder.encode, [TEXTS] * 8):
            assert np.array_equal(vectors, expected)
