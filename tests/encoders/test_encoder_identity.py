import json

import numpy as np
import pytest

from vicinal.encoders import (
    EncoderIdentity,
    HashingEncoder,
    as_encoder,
    check_probe,
    check_same,
    identity_of,
    register,
    registry,
    restore,
)
from vicinal.errors import Damaged, EncoderMismatch, EncoderNotFound


class Model:
    """One name for different weights, like a model that was changed without a new name."""

    name = "theirs"
    dim = 8

    def __init__(self, seed=0, scale=1.0):
        self.vector = np.random.default_rng(seed).normal(size=self.dim) * scale
        self.calls = 0

    def encode(self, texts):
        self.calls += 1
        return np.tile(self.vector, (len(texts), 1))


def stored(seed=0):
    return identity_of(as_encoder(Model(seed)))


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_survives_json_whatever_the_scale_of_the_vectors(scale):
    encoder = as_encoder(Model(scale=scale))
    identity = identity_of(encoder)
    assert EncoderIdentity.from_json(identity.to_json()) == identity
    check_same(identity, encoder, collection="notes")
    check_probe(identity, encoder, collection="notes")


def test_describes_itself():
    assert identity_of(HashingEncoder(16)).describe() == "hashing:16 (version 1, 16 dimensions)"


def test_matches_itself_and_no_other():
    assert stored().matches(stored())
    assert not stored().matches(stored(seed=1))
    assert not stored().matches(identity_of(HashingEncoder(8)))


def test_other_declaration_names_both_and_the_remedy():
    with pytest.raises(EncoderMismatch) as caught:
        check_same(identity_of(HashingEncoder(16)), HashingEncoder(32), collection="notes")
    assert str(caught.value) == (
        "collection 'notes' was made with encoder hashing:16 (version 1, 16 dimensions), not with hashing:32 "
        "(version 1, 32 dimensions): they differ in name, dim, fingerprint. Open it with the encoder it was made "
        "with, or make a new collection and add the texts again."
    )


class Placed(HashingEncoder):
    """The same vectors and fingerprint, whatever its name."""

    def __init__(self, name):
        super().__init__(16)
        self.name = name


@pytest.mark.parametrize("outer", ["", "projected:16:"])
def test_files_that_moved_are_no_difference(outer):
    stored = identity_of(Placed(f"{outer}onnx:/here/model.onnx"))
    check_same(stored, Placed(f"{outer}onnx:C:\\there\\model.onnx::vocab.txt"), collection="notes")
    assert stored.matches(identity_of(Placed(f"{outer}onnx:/there/model.onnx")))
    for other in (Placed("there"), Placed(f"{outer}hashing:/here/model.onnx"), Placed(f"projected:9:{stored.name}")):
        with pytest.raises(EncoderMismatch, match=r"they differ in name\."):
            check_same(stored, other, collection="notes")
    with pytest.raises(EncoderMismatch, match="they differ in name, dim, fingerprint"):
        check_same(stored, HashingEncoder(17), collection="notes")


def test_opening_encodes_nothing():
    model = Model()
    check_same(stored(), as_encoder(model), collection="notes")
    assert model.calls == 0


def test_same_name_with_other_vectors_is_found_by_the_probe():
    changed = as_encoder(Model(seed=1))
    check_same(stored(), changed, collection="notes")
    with pytest.raises(EncoderMismatch, match="different vectors for the same text"):
        check_probe(stored(), changed, collection="notes")


def test_rounding_is_not_another_model():
    model = Model()
    model.vector *= 1 + np.random.default_rng(2).normal(size=model.dim) * 1e-3
    check_probe(stored(), as_encoder(model), collection="notes")


def turned(vector, cosine):
    """Returns a vector of the same length at an angle."""
    other = np.random.default_rng(5).normal(size=len(vector))
    other -= vector * (other @ vector) / (vector @ vector)
    other *= np.linalg.norm(vector) / np.linalg.norm(other)
    return cosine * vector + np.sqrt(1 - cosine**2) * other


@pytest.mark.parametrize(("cosine", "same"), [(0.9999, True), (0.9985, False), (0.95, False), (0.5, False)])
def test_how_near_a_probe_must_be(cosine, same):
    """Two trained models of the same shape may well have a cosine of 0.9 for some text."""
    model = Model()
    model.vector = turned(model.vector, cosine)
    assert stored().matches(identity_of(as_encoder(model))) == same
    if same:
        check_probe(stored(), as_encoder(model), collection="notes")
        return
    with pytest.raises(EncoderMismatch, match="different vectors"):
        check_probe(stored(), as_encoder(model), collection="notes")


@pytest.mark.parametrize("scale", [10.0, 0.1, 1.05])
def test_longer_vectors_of_the_same_direction_are_of_another_model(scale):
    """Under L2 and inner product every answer is another one."""
    with pytest.raises(EncoderMismatch, match="different vectors for the same text"):
        check_probe(stored(), as_encoder(Model(scale=scale)), collection="notes")
    assert not stored().matches(identity_of(as_encoder(Model(scale=scale))))


def test_an_identity_of_an_earlier_version_knows_no_length():
    fields = json.loads(stored().to_json())
    del fields["probe_length"]
    earlier = EncoderIdentity.from_json(json.dumps(fields))
    check_probe(earlier, as_encoder(Model(scale=10.0)), collection="notes")
    assert EncoderIdentity.from_json(earlier.to_json()) == earlier


def test_a_probe_without_a_known_word_matches_only_another():
    silent = Model()
    silent.vector *= 0
    identity = identity_of(as_encoder(silent))
    check_probe(identity, as_encoder(silent), collection="notes")
    with pytest.raises(EncoderMismatch):
        check_probe(identity, as_encoder(Model()), collection="notes")


def test_restores_by_the_stored_name():
    encoder = HashingEncoder(24)
    assert restore(identity_of(encoder), collection="notes").fingerprint == encoder.fingerprint


def test_restores_what_the_program_registered(monkeypatch):
    monkeypatch.setattr(registry, "_factories", {"theirs": lambda option: Model()})
    check_probe(stored(), restore(stored(), collection="notes"), collection="notes")


def test_never_restores_another_encoder_in_its_place(monkeypatch):
    with pytest.raises(EncoderNotFound, match=r"'notes' was made with encoder theirs .*encoder=\.\.\., or register"):
        restore(stored(), collection="notes")
    monkeypatch.setattr(registry, "_factories", {})
    register("theirs", lambda option: HashingEncoder(8))
    with pytest.raises(EncoderMismatch):
        restore(stored(), collection="notes")


def test_minilm_is_recognised(minilm):
    identity = EncoderIdentity.from_json(identity_of(minilm).to_json())
    check_probe(identity, restore(identity, collection="notes"), collection="notes")


@pytest.mark.parametrize(
    "change",
    [
        {"dim": 9},
        {"dim": "8"},
        {"dim": True},
        {"name": 3},
        {"probe": "%%"},
        {"probe": "AAA="},
        {"probe": None},
        {"more": 1},
    ],
)
def test_changed_json_is_damage(change):
    with pytest.raises(Damaged, match="identity of the encoder cannot be read"):
        EncoderIdentity.from_json(json.dumps(json.loads(stored().to_json()) | change))


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "{}", "null"])
def test_other_json_is_damage(text):
    with pytest.raises(Damaged):
        EncoderIdentity.from_json(text)
