"""Signatures: equal to the original's, bit for bit, and with the probability of the formula."""

from __future__ import annotations

import itertools
import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lshrs import HashSignatures, LSHHasher, compute_collision_probability, cosine_to_agreement
from lshrs.hash.lsh import LSHHasher as by_the_original_path
from vicinal.indexes.sign_hashing import SignHasher, collision_probability
from vicinal.indexes.sign_hashing import cosine_to_agreement as agreement_of


@pytest.mark.parametrize(
    ("seed", "bands", "rows", "vector", "expected"),
    [
        (123, 3, 5, [0, 1, 2, 3], "0b 13 11"),
        (42, 16, 8, range(1, 9), "2e d2 d2 80 46 5d 86 3d 53 6a 32 4d 9b 07 bd b8"),
        (42, 4, 12, range(1, 9), "2e02 2d0d 8006 d405"),
        (
            42, 32, 4, [1] * 16,
            "06 08 08 08 0a 0f 04 07 01 00 05 08 01 01 06 06 04 09 04 0e 08 0b 0d 01 00 0b 00 02 04 01 08 0b",
        ),
    ],
)  # fmt: skip
def test_reference_values_of_the_original(seed: int, bands: int, rows: int, vector: list[float], expected: str) -> None:
    hasher = LSHHasher(bands, rows, len(list(vector)), seed)
    signatures = hasher.hash_vector(list(vector))
    assert [band.hex() for band in signatures] == expected.split()
    flipped = hasher.hash_vector([-component for component in vector])
    used = (1 << rows) - 1
    for one, other in zip(signatures, flipped):
        assert int.from_bytes(one, "little") ^ int.from_bytes(other, "little") == used


def test_projections_are_those_of_numpys_generator() -> None:
    assert LSHHasher(1, 1, 4).projections[0][0] == pytest.approx(
        [0.3047171, -1.0399841, 0.7504512, 0.9405647], abs=1e-7
    )
    few, many = LSHHasher(2, 3, 5), LSHHasher(7, 3, 5)
    assert all((one == other).all() for one, other in zip(few.projections, many.projections))


components = st.floats(-(2.0**99), 2.0**99, width=32) | st.sampled_from([0.0, 1.0, -1.0, 2.0**-149, 2.0**-100])


@settings(max_examples=150, deadline=None)
@given(data=st.data(), dim=st.integers(1, 20))
def test_each_bit_is_the_sign_of_the_exact_product(data: st.DataObject, dim: int) -> None:
    vector = data.draw(arrays.arrays(np.float32, dim, elements=components))
    # With projections that nearly cancel, float32 products may have a different sign.
    projections = data.draw(arrays.arrays(np.float32, (3, 2, dim), elements=st.sampled_from([1.0, -1.0, 0.125, -0.75])))
    signatures = SignHasher(projections).signatures(vector[np.newaxis])
    for band in range(3):
        for row in range(2):
            exact = sum(Fraction(float(a)) * Fraction(float(b)) for a, b in zip(vector, projections[band, row]))
            assert bool(signatures[0, band, 0] >> row & 1) == (exact > 0)


def test_a_vector_has_the_same_signature_alone_and_in_any_company() -> None:
    random = np.random.default_rng(0)
    vectors = random.standard_normal((500, 33)).astype(np.float32)
    vectors[::2] = np.round(vectors[::2])  # many products near zero
    hasher = SignHasher(np.round(random.standard_normal((4, 9, 33))).astype(np.float32))
    together = hasher.signatures(vectors)
    for row in range(500):
        assert (hasher.signatures(vectors[row : row + 1])[0] == together[row]).all()
    assert (hasher.signatures(vectors[::-1])[::-1] == together).all()


def test_batches_and_single_vectors_agree_and_bad_ones_are_refused() -> None:
    hasher = LSHHasher(3, 9, 4)
    vectors = np.random.default_rng(1).standard_normal((5, 4))
    assert hasher.hash_batch(vectors) == [hasher.hash_vector(vector) for vector in vectors]
    assert hasher.hash_vector([0, 0, 0, 0]) == HashSignatures([b"\0\0"] * 3)
    with pytest.raises(ValueError, match="dimension 3, expected 4"):
        hasher.hash_vector([1, 2, 3])
    with pytest.raises(ValueError, match="shape"):
        hasher.hash_batch(vectors[0])
    with pytest.raises(ValueError, match="vector 1 has a component that is not finite"):
        hasher.hash_batch([[1, 2, 3, 4], [1, math.nan, 3, 4]])
    for bad in ((0, 1, 1), (1, 0, 1), (1, 1, 0)):
        with pytest.raises(ValueError, match="greater than zero"):
            LSHHasher(*bad)
    with pytest.raises(ValueError, match="one shape"):
        LSHHasher.from_projections([np.ones((2, 3)), np.ones((2, 4))])
    assert by_the_original_path is LSHHasher


def test_signatures_are_a_tuple() -> None:
    signatures = HashSignatures([b"\x01", bytearray(b"\x02"), memoryview(b"\x03")])
    assert signatures == (b"\x01", b"\x02", b"\x03") == signatures.bands == signatures.as_tuple()
    assert hash(signatures) == hash((b"\x01", b"\x02", b"\x03"))
    assert (len(signatures), signatures[1], list(signatures)[2]) == (3, b"\x02", b"\x03")
    assert pickle.loads(pickle.dumps(signatures)) == signatures
    assert repr(signatures) == "HashSignatures(bands=[01, 02, 03])"
    with pytest.raises(AttributeError):
        signatures.bands = ()
    with pytest.raises(TypeError, match="band 0 must be bytes"):
        HashSignatures(["a"])


# Twelve similarities under three configurations, each with its own 2,000 and more hashers.
CONFIGURATIONS = [(8, 16), (16, 8), (32, 4)]
COSINES = [0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99]
SEEDS = 2_500
TAIL = 0.0005  # on either side of an interval of 99.9 %


def central(trials: int, probability: float) -> tuple[int, int]:
    """Returns the counts between the two tails of a binomial distribution, from its probabilities."""
    if probability in (0, 1):
        return round(trials * probability), round(trials * probability)
    logs = [math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1) for k in range(trials + 1)]
    odds = [
        math.exp(log + k * math.log(probability) + (trials - k) * math.log1p(-probability))
        for k, log in enumerate(logs)
    ]
    below = list(itertools.accumulate(odds))
    low = next(k for k, total in enumerate(below) if total > TAIL)
    high = next(k for k, total in enumerate(below) if total > 1 - TAIL)
    return low, high


def test_central_intervals() -> None:
    assert central(10, 0.5) == (0, 10)
    assert central(2_500, 0.5) == (1_168, 1_332)  # 1,250 and 3.29 times 25
    assert central(2_500, 0.0001)[0] == 0


@pytest.mark.parametrize(("bands", "rows"), CONFIGURATIONS)
def test_collision_rates_are_those_of_the_formula(bands: int, rows: int) -> None:
    random = np.random.default_rng(bands)
    collided = np.zeros(len(COSINES))
    for seed in range(SEEDS):
        hasher = SignHasher.seeded(bands, rows, 8, seed)
        first = random.standard_normal(8)
        first /= np.linalg.norm(first)
        other = random.standard_normal(8)
        other -= (other @ first) * first
        other /= np.linalg.norm(other)
        pairs = [first, *(cosine * first + math.sqrt(1 - cosine**2) * other for cosine in COSINES)]
        signatures = hasher.signatures(np.asarray(pairs, np.float32))
        collided += (signatures[1:] == signatures[0]).all(axis=2).any(axis=1)
    for cosine, count in zip(COSINES, collided):
        expected = compute_collision_probability(cosine_to_agreement(cosine), bands, rows)
        low, high = central(SEEDS, expected)
        assert low <= count <= high, (cosine, count / SEEDS, expected)


def test_formulas_take_arrays() -> None:
    cosines = np.array([-1.0, 0.0, 0.5, 1.0])
    assert agreement_of(cosines) == pytest.approx([0, 0.5, 2 / 3, 1])
    assert collision_probability(agreement_of(cosines), 16, 8)[[0, 3]] == pytest.approx([0, 1])
