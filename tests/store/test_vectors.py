"""The matrix of a collection's vectors, which is reused between searches, is never out of date."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vicinal.store.files import DiskFiles
from vicinal.store.vectors import FileVectors, MemoryVectors, Vectors


@pytest.fixture(params=["disk", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path if request.param == "disk" else None


def vectors_in(folder: Path | None, dimension: int | None) -> Vectors:
    if folder is None:
        return MemoryVectors(dimension)
    files = DiskFiles()
    return FileVectors(files.create(str(folder / "vectors.f32")), dimension, files.maps_past_end)


def test_a_matrix_that_ended_early_grows_with_the_file(place: Path | None) -> None:
    vectors = vectors_in(place, 2)
    first, second = np.arange(6, dtype=np.float32).reshape(3, 2), np.full((2, 2), 9, np.float32)
    vectors.write(0, first)
    assert np.array_equal(vectors.matrix(3), first)
    assert np.array_equal(vectors.matrix(5), first)
    vectors.write(3, second)
    assert np.array_equal(vectors.matrix(5), np.concatenate([first, second]))
    assert np.array_equal(vectors.matrix(3), first)
    vectors.close()


def test_a_dimension_that_was_taken_back_leaves_no_matrix_behind(place: Path | None) -> None:
    vectors = vectors_in(place, None)
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


def test_slots_that_were_taken_back_hold_what_is_written_next(place: Path | None) -> None:
    vectors = vectors_in(place, 2)
    vectors.write(0, np.ones((100, 2), np.float32))
    assert vectors.matrix(100) is vectors.matrix(100)
    vectors.give_back(64)
    vectors.write(64, np.full((200, 2), 5, np.float32))  # in memory, to an array that grows
    assert np.array_equal(vectors.matrix(100)[:, 0], [1] * 64 + [5] * 36)
    assert len(vectors.matrix(264)) == 264
    vectors.close()
