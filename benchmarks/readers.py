"""Reads vectors from files: .npy, .fvecs, and the HDF5 files of ann-benchmarks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .contract import Vectors


class Unreadable(ValueError):
    """The content of a file does not match its name."""


def read_vectors(path: Path) -> tuple[Vectors, Vectors | None]:
    """Returns vectors of shape (rows, dimension) as float32, and the queries in the file, or None.

    Raises:
        Unreadable: the file is of another kind, or invalid.
    """
    readers = {".npy": _npy, ".fvecs": _fvecs, ".hdf5": _hdf5, ".h5": _hdf5}
    if path.suffix not in readers:
        raise Unreadable(f"{path}: the name must end in {', '.join(readers)}")
    if not path.exists():
        raise Unreadable(f"{path}: there is no such file")
    vectors, queries = readers[path.suffix](path)
    for part in (vectors, queries):
        if part is not None and (part.ndim != 2 or not part.size or not np.isfinite(part).all()):
            raise Unreadable(f"{path}: expected finite numbers of shape (rows, dimension), got shape {part.shape}")
    return vectors, queries


def _npy(path: Path) -> tuple[Vectors, Vectors | None]:
    try:
        return np.load(path, allow_pickle=False).astype(np.float32), None
    except ValueError as error:
        raise Unreadable(f"{path}: {error}") from error


def _fvecs(path: Path) -> tuple[Vectors, Vectors | None]:
    """Each vector is its dimension as int32, then its float32 components (corpus-texmex.irisa.fr), little-endian."""
    numbers = np.fromfile(path, dtype="<i4")
    dimension = int(numbers[0]) if len(numbers) else 0
    if dimension < 1 or len(numbers) % (dimension + 1):
        raise Unreadable(f"{path}: its size does not fit vectors of {dimension} components")
    table = numbers.reshape(-1, dimension + 1)
    if (table[:, 0] != dimension).any():
        raise Unreadable(f"{path}: its vectors differ in length")
    return table[:, 1:].copy().view("<f4").astype(np.float32), None


def _hdf5(path: Path) -> tuple[Vectors, Vectors | None]:
    """Data sets `train` and `test` (github.com/erikbern/ann-benchmarks)."""
    try:
        import h5py
    except ImportError as error:
        raise Unreadable(f"{path}: reading HDF5 needs h5py: pip install h5py") from error
    try:
        with h5py.File(path) as file:
            test = np.asarray(file["test"], np.float32) if "test" in file else None
            return np.asarray(file["train"], np.float32), test
    except (OSError, KeyError) as error:
        raise Unreadable(f"{path}: {error}") from error
