"""Sparse vectors compared with dicts, while rows are added and deleted and the index is saved and loaded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vicinal.filters.bitmap import pack, unpack
from vicinal.indexes import sparse as module
from vicinal.indexes.sparse import SparseIndex, SparseQuery
from vicinal.inputs.sparse import DIMENSION_MAX, check_sparse
from vicinal.inputs.sparse import pack as pack_vector

Vector = dict[int, float]

dimensions = st.sampled_from([0, 1, 2, 3, 7, 1000, DIMENSION_MAX])
weights = st.sampled_from([-1.5, -1.0, 0.25, 1.0, 1.0, 3.0, 1e-30, 7.7])
vectors = st.dictionaries(dimensions, weights, max_size=5)


def packed(vector: Vector | None) -> bytes | None:
    return None if vector is None else pack_vector(*check_sparse(vector, "here"))


def best_of(rows: dict[int, Vector], query: Vector, k: int, chosen: Any) -> list[tuple[int, bytes]]:
    found = []
    for slot, vector in rows.items():
        shared = sorted(vector.keys() & query.keys())
        if shared and chosen[slot]:
            total = 0.0
            for dimension in shared:
                total += float(np.float32(vector[dimension])) * float(np.float32(query[dimension]))
            found.append((slot, np.float32(total)))
    ordered = sorted(found, key=lambda pair: (-pair[1], pair[0]))[:k]
    return [(slot, score.tobytes()) for slot, score in ordered]


def assert_answers(index: SparseIndex, rows: dict[int, Vector], query: Vector, k: int, chosen: Any) -> None:
    asked = SparseQuery(*check_sparse(query, "query"))
    for allowed in (None, chosen):
        bits = np.ones(index.slot_count, np.bool_) if allowed is None else allowed
        expected = best_of(rows, query, k, bits)
        slots, scores = index.search(asked, k, None if allowed is None else pack(allowed))
        assert [(slot, score.tobytes()) for slot, score in zip(slots.tolist(), scores, strict=True)] == expected
        everything = best_of(rows, query, 10**6, bits)
        matches = unpack(index.matches(asked, None if allowed is None else pack(allowed)), index.slot_count)
        assert np.flatnonzero(matches).tolist() == sorted(slot for slot, _ in everything)
    wanted = np.array([slot for slot, _ in everything], dtype=np.uint32)
    assert [score.tobytes() for score in index.score(asked, wanted)] == [score for _, score in everything]


@settings(max_examples=150, deadline=None)
@given(
    batches=st.lists(st.lists(st.none() | vectors, max_size=12), min_size=1, max_size=5),
    deaths=st.lists(st.integers(0, 40), max_size=10),
    saved_after=st.integers(-1, 4),
    query=vectors,
    k=st.sampled_from([1, 3, 100]),
    seed=st.integers(0, 9),
    sorted_often=st.booleans(),
)
def test_rows_come_and_go(
    batches: list[list[Vector | None]],
    deaths: list[int],
    saved_after: int,
    query: Vector,
    k: int,
    seed: int,
    sorted_often: bool,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_UNSORTED_MIN", 0 if sorted_often else 10**6)
        index, rows, slot = SparseIndex(), dict[int, Vector](), 0
        for step, batch in enumerate(batches):
            slots = np.arange(slot, slot + len(batch), dtype=np.uint32)
            index.add(slots, [packed(vector) for vector in batch])
            rows.update((slot + i, vector) for i, vector in enumerate(batch) if vector is not None)
            slot += len(batch)
            gone = deaths[step :: len(batches)]
            index.remove(np.array(sorted(set(gone)), dtype=np.uint32))
            rows = {at: vector for at, vector in rows.items() if at not in gone}
            if step == saved_after:
                index = reloaded(index)
            chosen = np.random.default_rng(seed).random(slot) < 0.6
            assert_answers(index, rows, query, k, chosen)


def reloaded(index: SparseIndex) -> SparseIndex:
    arrays = {name: array.copy() for name, array in index.save().items()}
    for array in arrays.values():
        assert array.ndim == 1
        array.flags.writeable = False
    loaded = SparseIndex()
    loaded.load(arrays)
    return loaded


def test_what_was_removed_is_not_saved() -> None:
    index = SparseIndex()
    index.add(np.arange(3, dtype=np.uint32), [packed({5: 1.0}), packed({77: 1.0}), packed({5: 2.0})])
    index.remove(np.array([1], dtype=np.uint32))
    saved = index.save()
    assert saved["dimensions"].tolist() == [5, 5]
    assert saved["live"].tolist() == [True, False, True]


def test_slots_never_come_twice() -> None:
    index = SparseIndex()
    index.add(np.arange(3, dtype=np.uint32), [None, None, None])
    with pytest.raises(ValueError, match="must ascend from 3"):
        index.add(np.array([2], dtype=np.uint32), [None])
    assert index.slot_count == 3
