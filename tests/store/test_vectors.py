"""The matrix of a file's vectors, which is kept from one search to the next, is never an older one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vicinal.store.files import DiskFiles
from vicinal.store.vectors import FileVectors


def vectors_in(folder: Path, dimension: int | None) -> FileVectors:
    files = DiskFiles()
    return FileVectors(files.create(str(folder / "vectors.f32")), dimension, files.maps_past_end)


def test_a_matrix_that_ended_early_grows_with_the_file(tmp_path: Path) -> None:
    vectors = vectors_in(tmp_path, 2)
    first, second = np.arange(6, dtype=np.float32).reshape(3, 2), np.full((2, 2), 9, np.float32)
    vectors.write(0, first)
    assert np.array_equal(vectors.matrix(3), first)
    assert np.array_equal(vectors.matrix(5), first)
    vectors.write(3, second)
    assert np.array_equal(vectors.matrix(5), np.concatenate([first, second]))
    assert np.array_equal(vectors.matrix(3), first)
    vectors.close()


def test_a_dimension_that_was_taken_back_leaves_no_matrix_behind(tmp_path: Path) -> None:
    vectors = vectors_in(tmp_path, None)
    assert vectors.matrix(3).shape == (0, 0)
    vectors.fix_dimension(2)
    vectors.write(0, np.ones((3, 2), np.float32))
    assert vectors.matrix(3).shape == (3, 2)
    vectors.give_back(0)
    vectors.fix_dimension(4)
    wanted = np.arange(12, dtype=np.float32).reshape(3, 4)
    vectors.write(0, wanted)
    assert np.array_equal(vectors.matrix(3), wanted)
    vectors.close()
