"""Files of vectors."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.data import make
from benchmarks.readers import Unreadable, read_vectors

VECTORS = np.random.default_rng(0).standard_normal((30, 7)).astype(np.float32)


def fvecs(vectors: np.ndarray) -> bytes:
    return b"".join(np.int32(len(row)).tobytes() + row.astype("<f4").tobytes() for row in vectors)


def test_npy(tmp_path):
    np.save(tmp_path / "v.npy", VECTORS.astype(np.float16))
    vectors, queries = read_vectors(tmp_path / "v.npy")
    assert vectors.dtype == np.float32
    assert (vectors == VECTORS.astype(np.float16)).all()
    assert queries is None


def test_fvecs(tmp_path):
    (tmp_path / "v.fvecs").write_bytes(fvecs(VECTORS))
    vectors, queries = read_vectors(tmp_path / "v.fvecs")
    assert (vectors == VECTORS).all()
    assert queries is None


def test_hdf5_brings_its_queries(tmp_path):
    h5py = pytest.importorskip("h5py", reason="optional reader: pip install h5py")
    with h5py.File(tmp_path / "v.hdf5", "w") as file:
        file["train"], file["test"] = VECTORS[:20], VECTORS[20:]
    vectors, queries = read_vectors(tmp_path / "v.hdf5")
    assert (vectors == VECTORS[:20]).all()
    assert queries is not None
    assert (queries == VECTORS[20:]).all()
    data = make(str(tmp_path / "v.hdf5"), 15)
    assert data.queries.shape == (10, 7)
    assert data.name == "v.hdf5"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("v.fvecs", fvecs(VECTORS)[:-4]),
        ("v.fvecs", b""),
        ("v.fvecs", np.array([2, 0, 0, 3, 0, 0], "<i4").tobytes()),
        ("v.npy", b"no array"),
        ("v.hdf5", b"no archive"),
        ("v.csv", b"1,2"),
    ],
    ids=["cut", "empty", "lengths", "npy", "hdf5", "kind"],
)
def test_what_cannot_be_read_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Unreadable, match=r"v\."):
        read_vectors(tmp_path / name)


def test_a_pickle_in_a_npy_is_not_loaded(tmp_path):
    np.save(tmp_path / "v.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(Unreadable, match="pickle"):
        read_vectors(tmp_path / "v.npy")


def test_numbers_must_be_finite_and_a_table(tmp_path):
    for wrong in (np.array([[1.0, np.nan]]), np.zeros(5), np.zeros((0, 4))):
        np.save(tmp_path / "v.npy", wrong)
        with pytest.raises(Unreadable, match="finite numbers of shape"):
            read_vectors(tmp_path / "v.npy")
