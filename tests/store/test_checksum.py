"""Checksums of many rows at once: the native core computes the same as plain Python."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vicinal.contract import Checksums
from vicinal.indexes import kernels as module
from vicinal.store.checksum import PlainChecksums, checksums, crc_of

PLAIN = PlainChecksums()
NATIVE: Checksums | None = module._native.core if module._native else None
EACH = [PLAIN] if NATIVE is None else [PLAIN, NATIVE]

needs_native = pytest.mark.skipif(NATIVE is None, reason="the native core is not installed")

int64s = st.integers(-(2**63), 2**63 - 1)
texts = st.none() | st.text(st.characters(codec="utf-8"), max_size=40)
rows = st.lists(
    st.tuples(
        st.integers(0, 12),
        int64s | st.text(st.characters(codec="utf-8"), min_size=1) | st.binary(min_size=16, max_size=16),
        int64s,
        st.just(0),
        st.none() | int64s,
        st.none() | st.sampled_from(["text", "given"]),
        st.none() | st.binary(max_size=20),
        texts,
        texts,
    ),
    max_size=8,
)
vectors = st.none() | st.tuples(st.integers(0, 9), st.integers(0, 40)).map(
    lambda shape: np.random.default_rng(shape).standard_normal(shape).astype(np.float32)
)


@pytest.fixture(params=EACH, ids=["plain", "native"][: len(EACH)])
def each(request: pytest.FixtureRequest) -> Checksums:
    one: Checksums = request.param
    return one


def test_the_fastest_is_used() -> None:
    assert checksums() is NATIVE or isinstance(checksums(), PlainChecksums)


@given(st.binary(max_size=300), st.integers(0, 70), st.integers(0, 2**32 - 1))
def test_crc32_is_the_one_of_zlib(data: bytes, cut: int, start: int) -> None:
    array = np.frombuffer(data, np.uint8)[cut:]
    for one in EACH:
        assert one.crc32(array, start) == zlib.crc32(data[cut:], start)


@given(rows, vectors, st.integers(-2, 5))
def test_a_sealed_row_has_the_checksum_over_the_others_and_its_vector(rows: Any, vectors: Any, first: int) -> None:
    expected = []
    for slot, id_, change, _, *rest in rows:
        at = slot - first
        there = rest[1] is not None and vectors is not None and 0 <= at < len(vectors)
        crc = crc_of(slot, id_, change, *rest, vector=vectors[at].tobytes() if there else b"")
        expected.append((slot, id_, change, crc, *rest))
    for one in EACH:
        assert one.sealed_rows(rows, vectors, first) == expected


@given(rows.filter(bool), vectors, st.data())
def test_any_other_value_breaks_the_checksum(rows: Any, vectors: Any, data: st.DataObject) -> None:
    sealed = PLAIN.sealed_rows(rows, vectors, 0)
    assert [one.first_broken(sealed, vectors) for one in EACH] == [-1] * len(EACH)
    at, column = data.draw(st.integers(0, len(rows) - 1)), data.draw(st.sampled_from([1, 2, 3, 4, 5, 6, 7, 8]))
    other = data.draw(st.sampled_from([None, -1, 2**70, 1.5, "other", b"other", "\ud800", True]))
    was = sealed[at][column]
    assume(type(other) is not type(was) or other != was)
    broken = list(sealed)
    broken[at] = (*sealed[at][:column], other, *sealed[at][column + 1 :])
    assert [one.first_broken(broken, vectors) for one in EACH] == [at] * len(EACH)


def test_a_flipped_bit_of_a_vector_is_found(each: Checksums) -> None:
    block = np.ones((3, 5), np.float32)
    sealed = each.sealed_rows([(i, f"r{i}", 1, 0, None, "given", None, None, "x") for i in range(3)], block, 0)
    for row in range(3):
        damaged = block.copy()
        damaged.view(np.uint32)[row, 4] ^= 1
        assert each.first_broken(sealed, damaged) == row
    assert each.first_broken(sealed, block[:2]) == 2, "a vector past the end of the file"
    assert each.first_broken(sealed, None) == 0


@pytest.mark.parametrize("value", [1.5, True, 2**63, "\ud800", object()])
def test_what_no_checksum_covers_is_not_sealed(each: Checksums, value: object) -> None:
    with pytest.raises((TypeError, UnicodeEncodeError, struct.error)):
        each.sealed_rows([(0, value, 1, 0, None, None, None, None, None)], None, 0)


@needs_native
def test_the_native_core_refuses_what_are_no_rows() -> None:
    assert NATIVE is not None
    bad: Any
    for bad in [[(1, 2)], [[0, "a", 1, 0, None, None, None, None, None]]]:
        with pytest.raises(ValueError, match="rows must be tuples of 9 columns"):
            NATIVE.first_broken(bad, None)
    with pytest.raises(ValueError, match="vectors must be"):
        NATIVE.first_broken([], np.zeros((2, 2)))  # type: ignore[arg-type]
