import warnings

import numpy as np
import pytest

from vicinal.encoders import (
    HashingEncoder,
    MiniLM,
    Projected,
    choose_image_encoder,
    choose_text_encoder,
    resolve,
    resolve_image,
)
from vicinal.encoders import minilm_files as files


@pytest.fixture
def without_minilm(monkeypatch):
    monkeypatch.delenv(files.PATH_VARIABLE, raising=False)
    monkeypatch.setattr(files, "find_spec", lambda package: None)


@pytest.fixture
def silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("nothing", [None, ""])
def test_minilm_is_taken_where_it_is(minilm, silent, nothing):
    assert isinstance(choose_text_encoder(nothing, nothing), MiniLM)
    assert isinstance(choose_text_encoder(nothing, nothing, 384), MiniLM)
    encoder = choose_text_encoder(nothing, nothing, 512)
    assert isinstance(encoder, Projected)
    assert np.array_equal(encoder.encode(["a text"])[:, :384], minilm.encode(["a text"]))


def test_else_hashing_with_one_warning_that_says_what_it_is(without_minilm):
    with pytest.warns(RuntimeWarning, match=r"'hashing', which compares spelling, not meaning.*pip install") as seen:
        encoder = choose_text_encoder(dimension=100)
    assert len(seen) == 1
    assert seen[0].filename == __file__
    assert isinstance(encoder, HashingEncoder)
    assert encoder.encode(["text"]).shape == (1, 100)


def test_without_a_dimension_an_encoder_has_its_own(without_minilm):
    with pytest.warns(RuntimeWarning):
        assert choose_text_encoder().dim == 384
    assert choose_image_encoder().dim == 298


def test_a_file_that_is_named_and_absent_is_in_the_one_warning(minilm, tmp_path, monkeypatch):
    with pytest.warns(RuntimeWarning, match=r"no\.onnx and .*vocab\.txt not found: texts are encoded by 'minilm'"):
        choose_text_encoder(tmp_path / "no.onnx")
    monkeypatch.setattr(files, "find_spec", lambda package: None)
    with pytest.warns(RuntimeWarning, match=r"words\.txt not found: .*'hashing'") as seen:
        choose_text_encoder(None, tmp_path / "words.txt")
    assert len(seen) == 1


def test_what_was_chosen_is_found_again_by_its_name(minilm, silent):
    for dimension in (None, 100, 512):
        encoder = choose_text_encoder(dimension=dimension)
        assert resolve(encoder.name).fingerprint == encoder.fingerprint


def test_pictures_get_the_descriptor(tmp_path):
    pytest.importorskip("PIL", reason="pillow is not installed")
    for dimension in (None, 298, 512, 100):
        encoder = choose_image_encoder("", dimension)
        assert encoder.dim == (dimension or 298)
        assert resolve_image(encoder.name).fingerprint == encoder.fingerprint
    with pytest.warns(RuntimeWarning, match=r"no\.onnx not found: .*colours, edges and textures") as seen:
        choose_image_encoder(tmp_path / "no.onnx")
    assert len(seen) == 1
