"""The adapter for sentence-transformers, with a stand-in: the real library needs torch and the files of a model."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal.contract import TokenCounter
from vicinal.encoders import SentenceTransformerEncoder, resolve
from vicinal.errors import InvalidArgument, ModelUnavailable


class SentenceTransformer:
    """The part of the class of this name, version 3 and later, that the adapter uses."""

    def __init__(self, name: str, device: str | None = None) -> None:
        if name == "absent":
            raise OSError(f"{name} is not a local folder and is not a valid model identifier")
        if device == "cuda":
            raise AssertionError("Torch not compiled with CUDA enabled")
        self.prompts = {"query": "query: ", "document": ""} if name == "with-prompts" else {}
        self.max_seq_length = 16
        self.tokenizer = lambda texts, add_special_tokens: {"input_ids": [text.split() for text in texts]}

    def get_sentence_embedding_dimension(self) -> int:
        return 4

    def encode(self, texts: list[str], prompt_name: str | None = None, **options: Any) -> np.ndarray:
        assert options == {"batch_size": 32, "convert_to_numpy": True, "show_progress_bar": False}
        texts = [self.prompts[prompt_name] + text if prompt_name else text for text in texts]
        return np.array([[1.0, len(text), text.count("a"), text.count("b")] for text in texts], dtype=np.float64)


@pytest.fixture(autouse=True)
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("sentence_transformers")
    vars(module).update(SentenceTransformer=SentenceTransformer, __version__="5.0")
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)


def test_a_collection_is_made_with_it_and_finds_it_again(tmp_path: Any) -> None:
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs", encoder="sentence-transformers:plain")
        docs.add(["a", "b"], texts=["aaaa", "bbbb"])
    with vicinal.connect(tmp_path) as db:
        assert db.collection("docs").search("aaa", k=1).ids == ["a"]
        assert db.collection("docs").stats().encoder == "sentence-transformers:plain"


def test_vectors_and_tokens() -> None:
    encoder = SentenceTransformerEncoder("plain")
    found = encoder.encode(["ab", ""])
    assert (found.dtype, found.tolist()) == (np.float32, [[1, 2, 1, 1], [1, 0, 0, 0]])
    assert isinstance(encoder, TokenCounter)
    assert (encoder.max_tokens, encoder.count_tokens(["one two", ""]), encoder.count_tokens([])) == (16, [2, 0], [])
    assert not encoder.query_differs


def test_a_prompt_for_queries_goes_before_them() -> None:
    encoder = resolve("sentence-transformers:with-prompts")
    assert encoder.query_differs
    assert encoder.encode(["ab"])[0, 1] == 2
    assert encoder.encode_query(["ab"])[0, 1] == len("query: ab")
    assert encoder.fingerprint != resolve("sentence-transformers:plain").fingerprint


def test_its_methods_for_queries_and_texts_are_used_where_it_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, prompt in (("encode_query", "query"), ("encode_document", "document")):
        method = lambda self, texts, prompt=prompt, **options: self.encode(texts, prompt, **options)  # noqa: E731
        monkeypatch.setattr(SentenceTransformer, name, method, raising=False)
    encoder = SentenceTransformerEncoder("with-prompts")
    assert encoder.encode(["ab"])[0, 1] == 2
    assert encoder.encode_query(["ab"])[0, 1] == len("query: ab")


def test_a_device_that_is_not_there_falls_back_to_the_cpu() -> None:
    with pytest.warns(RuntimeWarning, match="device 'cuda' is not available"):
        encoder = SentenceTransformerEncoder("plain", device="cuda")
    assert encoder.device == "cpu"


def test_what_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelUnavailable, match="cannot load 'absent'"):
        SentenceTransformerEncoder("absent")
    with pytest.raises(InvalidArgument):
        SentenceTransformerEncoder("")
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ModelUnavailable, match="pip install sentence-transformers"):
        SentenceTransformerEncoder("plain")
