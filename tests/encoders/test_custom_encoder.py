import numpy as np
import pytest

from vicinal.encoders import as_encoder
from vicinal.errors import DimensionMismatch, InvalidArgument, InvalidVector


class Model:
    """Returns the value that it was created with."""

    dim = 2

    def __init__(self, result):
        self.result = result

    def encode(self, texts):
        return self.result


class Described(Model):
    name = "theirs"
    version = "3"
    fingerprint = "weights-of-May"
    device = "cuda:0"


class Undimensioned:
    def encode(self, texts):
        return np.ones((len(texts), 5))


def test_what_it_declares_is_taken():
    encoder = as_encoder(Described([[1, 2]]))
    assert (encoder.name, encoder.version, encoder.fingerprint) == ("theirs", "3", "weights-of-May")
    assert encoder.device == "cuda:0"
    assert encoder.declares_fingerprint


def test_what_it_does_not_declare_is_derived_from_its_class():
    encoder = as_encoder(Model([[1, 2]]))
    assert encoder.name == f"{__name__}.Model"
    assert encoder.version == "unversioned"
    assert encoder.fingerprint == f"{__name__}.Model/unversioned/2"
    assert not encoder.declares_fingerprint


def test_a_dimension_that_is_not_declared_is_measured():
    assert as_encoder(Undimensioned()).dim == 5


@pytest.mark.parametrize("dim", [0, -3, 2.0, "2", True, lambda: 2])
def test_refuses_a_dimension_that_is_none(dim):
    model = Model([])
    model.dim = dim
    with pytest.raises(InvalidArgument, match="dim must be a whole number"):
        as_encoder(model)


@pytest.mark.parametrize("thing", [object(), 5, None, str.upper])
def test_refuses_what_cannot_encode(thing):
    with pytest.raises(InvalidArgument, match=r"must have a method encode\(texts\)"):
        as_encoder(thing)


@pytest.mark.parametrize("result", [[[1.0, 2.0]] * 2, [[1.0, 2.0, 3.0]], [1.0, 2.0], []])
def test_refuses_results_of_another_shape(result):
    with pytest.raises(DimensionMismatch, match="one row of 2 numbers per text"):
        as_encoder(Model(result)).encode(["text"])


@pytest.mark.parametrize("result", [None, "vectors", [["a", "b"]], [[1.0], [1.0, 2.0]]])
def test_refuses_results_that_are_no_numbers(result):
    with pytest.raises(InvalidVector):
        as_encoder(Model(result)).encode(["text"])


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_names_the_text_whose_vector_is_not_finite(bad):
    with pytest.raises(InvalidVector, match=r"^text 1: .* NaN or infinity"):
        as_encoder(Model([[0.0, 1.0], [bad, 1.0]])).encode(["good", "bad"])


def test_zero_vectors_are_left_to_the_collection():
    assert as_encoder(Model([[0, 0]])).encode(["text"]).tolist() == [[0, 0]]
