"""The contract of `contract.VectorIndex`, for every kind that users can choose and for a toy that is not ours."""

from __future__ import annotations

import contextlib
import threading
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vicinal
from vicinal.contract import (
    AS_USUAL,
    METRICS,
    Accuracy,
    Approach,
    Bitmap,
    Delta,
    FloatMatrix,
    FloatVector,
    Kernels,
    Metric,
    SavedIndex,
    Slots,
    VectorIndex,
    VectorSearcher,
)
from vicinal.errors import InvalidArgument, SettingsMismatch
from vicinal.filters.bitmap import pack, unpack
from vicinal.indexes import kernels as module
from vicinal.indexes import vector_index
from vicinal.indexes.auto import AutoIndex
from vicinal.indexes.graph import GraphIndex
from vicinal.indexes.ivf import IvfIndex
from vicinal.indexes.kernels import NumpyKernels
from vicinal.indexes.lsh import LshIndex
from vicinal.indexes.reference import ReferenceIndex
from vicinal.indexes.threads import thread_count
from vicinal.indexes.vector_index import index_names, make_vector_index

KERNELS: list[Kernels] = [NumpyKernels(), *([module._native] if module._native else [])]
DIM = 9
BUILDS_MAX = 1000


class HalvesIndex:
    """A toy: it scans every second candidate unless it is asked for exact results."""

    name = "halves"

    def __init__(self, kernels: Kernels, metric: Metric, step: int = 2) -> None:
        if step < 1:
            raise ValueError(f"step must be at least 1, not {step}")
        self._plain = ReferenceIndex(kernels, metric)
        self._step = step
        self.covered = 0
        self.asked: list[Accuracy] = []

    @property
    def change(self) -> int:
        return self._plain.change

    def apply(self, delta: Delta) -> None:
        self._plain.apply(delta)

    def searcher(self, vectors: FloatMatrix) -> VectorSearcher:
        return _HalvesSearcher(self._plain.searcher(vectors), self._step, self.asked)

    def build(self, vectors: FloatMatrix, candidates: Bitmap) -> bool:
        self.covered = min(len(vectors), self.covered + 100)
        return self.covered < len(vectors)

    def refine(self, vectors: FloatMatrix, candidates: Bitmap, *, awaited: bool = False) -> bool:
        return False

    @property
    def tail_max(self) -> float:
        return float("inf")

    @property
    def unsaved(self) -> int:
        return 0

    def save(self) -> SavedIndex:
        return SavedIndex(self.change, self.covered, {"step": np.array([self._step])})

    def load(self, saved: SavedIndex, dim: int) -> None:
        if saved.arrays["step"].tolist() != [self._step]:
            raise ValueError("another step")
        self._plain.load(saved, dim)
        self.covered = saved.slot_count

    def differing(self, slots: Slots, vectors: FloatMatrix) -> Slots:
        return self._plain.differing(slots, vectors)


class _HalvesSearcher:
    def __init__(self, plain: VectorSearcher, step: int, asked: list[Accuracy]) -> None:
        self._plain = plain
        self._step = step
        self._asked = asked

    def search(
        self, queries: FloatMatrix, k: int, candidates: Bitmap, accuracy: Accuracy = AS_USUAL, threads: int = 1
    ) -> list[tuple[Slots, FloatVector]]:
        self._asked.append(accuracy)
        if self.approach(k, candidates, accuracy).exact:
            return self._plain.search(queries, k, candidates)
        return self._plain.search(queries, k, self._halved(candidates))

    def approach(self, k: int, candidates: Bitmap, accuracy: Accuracy = AS_USUAL) -> Approach:
        asked = accuracy.exact or (accuracy.recall or 0) > 1 / self._step
        if asked or k > int(np.bitwise_count(self._halved(candidates)).sum()):
            return Approach(True, "the half that it knows is not enough")
        return Approach(False, "it knows only a half")

    def _halved(self, candidates: Bitmap) -> Bitmap:
        flags = unpack(candidates, 64 * len(candidates)).copy()
        flags[np.flatnonzero(flags)[1 :: self._step]] = False
        return pack(flags)


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_index, "_KINDS", dict(vector_index._KINDS))
    vector_index.register("halves", HalvesIndex)
    for name, maker in SMALL.items():
        vector_index.register(name, maker)


# Approximate kinds that need thousands of rows, configured to work with the few of these tests.
SMALL: dict[str, vector_index.Maker] = {
    "small-ivf": partial(IvfIndex, lists=7, nprobe=2, train_from=40, exact_below=0),
    "small-auto": partial(AutoIndex, built_from=50, clock=count().__next__),
    "small-graph": partial(GraphIndex, m=3, ef_construction=12, built_from=40),
    "small-lsh": partial(LshIndex, tables=3, bits=4, train_from=40, exact_below=0),
}
KINDS = (*index_names(), "halves", *SMALL)
CASES = [(kind, kernels) for kind in KINDS for kernels in KERNELS]


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{case[1].name}")
def case(request: pytest.FixtureRequest) -> Any:
    return request.param


def rows(count: int, seed: int = 0) -> Any:
    """Few different rows, so that ties are frequent."""
    return np.random.default_rng(seed).integers(-2, 3, (count, DIM)).astype(np.float32)


def delta(change: int, before: int, slot_count: int, dead: Any = ()) -> Delta:
    added = np.arange(before, slot_count, dtype=np.uint32)
    none = np.empty(0, np.int64)
    return Delta(
        change=change,
        slot_count=slot_count,
        dead=np.array(dead, np.uint32),
        added=added,
        expires=np.full(len(added), -1, np.int64),
        has_vector=np.ones(len(added), np.bool_),
        touched=none.astype(np.uint32),
        touched_expires=none,
        metadata=[None] * len(added),
        touched_metadata=[],
    )


def build(index: VectorIndex, vectors: Any, candidates: Bitmap) -> None:
    builds = 0
    while index.build(vectors, candidates) or index.refine(vectors, candidates):
        builds += 1
        assert builds < BUILDS_MAX, "it must come to an end"


def assert_best(searcher: VectorSearcher, metric: Metric, vectors: Any, chosen: Any, k: int) -> None:
    """Checks for exact hits if claimed or requested; otherwise for as many real candidates with exact scores."""
    queries, candidates = rows(3, seed=len(vectors)), pack(chosen)
    for accuracy in (AS_USUAL, Accuracy(exact=True), Accuracy(recall=0.3)):
        found = searcher.search(queries, k, candidates, accuracy, threads=2)
        is_exact = searcher.approach(k, candidates, accuracy).exact
        assert is_exact or not accuracy.exact
        for query, (slots, scores) in zip(queries, found, strict=True):
            allowed = np.flatnonzero(chosen[: len(vectors)]).astype(np.uint32)
            true = NumpyKernels().score(metric, vectors, allowed, query)
            order = np.lexsort((allowed, -true))[:k]
            if is_exact:
                assert slots.tolist() == allowed[order].tolist()
                assert scores.tobytes() == true[order].tobytes()
            assert len(slots) == len(set(slots.tolist())) == min(k, len(allowed))
            assert np.isin(slots, allowed).all()
            assert scores.tobytes() == NumpyKernels().score(metric, vectors, slots, query).tobytes()
            assert np.lexsort((slots, -scores)).tolist() == list(range(len(slots)))


def read_only(saved: SavedIndex) -> SavedIndex:
    arrays = {name: array.copy() for name, array in saved.arrays.items()}
    for array in arrays.values():
        assert array.ndim == 1
        array.flags.writeable = False
    return SavedIndex(saved.change, saved.slot_count, arrays)


@settings(max_examples=120, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    metric=st.sampled_from(METRICS),
    sizes=st.lists(st.integers(0, 200), min_size=1, max_size=6),
    built_after=st.sets(st.integers(0, 6)),
    saved_after=st.integers(0, 6),
    writers=st.lists(st.integers(0, len(KERNELS) - 1), min_size=2, max_size=2),
    share=st.sampled_from([0.0, 0.05, 0.6, 1.0]),
    k=st.sampled_from([1, 7, 64, 2000]),
)
def test_rows_come_and_the_index_is_built_and_saved_between(
    kind: str,
    metric: Metric,
    sizes: list[int],
    built_after: set[int],
    saved_after: int,
    writers: list[int],
    share: float,
    k: int,
) -> None:
    """Whoever saved it, and however much of it is built, the results fulfil the contract."""
    index = make_vector_index(kind, KERNELS[writers[0]], metric)
    vectors = rows(sum(sizes))
    chosen = np.random.default_rng(1).random(len(vectors)) < share
    count = 0
    for step, size in enumerate(sizes):
        if step == saved_after:
            saved = read_only(index.save())
            assert (saved.change, saved.slot_count <= count) == (index.change, True)
            index = make_vector_index(kind, KERNELS[writers[1]], metric)
            index.load(saved, DIM)
            assert index.change == saved.change
        index.apply(delta(step + 1, count, count + size))
        count += size
        if step in built_after:
            build(index, vectors[:count], pack(chosen[:count]))
        assert_best(index.searcher(vectors[:count]), metric, vectors[:count], chosen[:count], k)


def test_an_old_searcher_answers_as_it_did(case: tuple[str, Kernels]) -> None:
    index, vectors = make_vector_index(case[0], case[1], "l2"), rows(500)
    everything = np.ones(500, np.bool_)
    index.apply(delta(1, 0, 70))
    old = index.searcher(vectors[:70])
    index.apply(delta(2, 70, 500))
    build(index, vectors, pack(everything))
    assert_best(index.searcher(vectors), "l2", vectors, everything, 5)
    assert_best(old, "l2", vectors[:70], everything[:70], 5)


def test_saved_twice_is_the_same(case: tuple[str, Kernels]) -> None:
    index, vectors = make_vector_index(case[0], case[1], "cosine"), rows(300)
    index.apply(delta(1, 0, 130))
    build(index, vectors[:130], pack(np.ones(130, np.bool_)))
    loaded = make_vector_index(case[0], case[1], "cosine")
    loaded.load(read_only(index.save()), DIM)
    for one in (index, loaded):
        one.apply(delta(2, 130, 300))
        build(one, vectors, pack(np.ones(300, np.bool_)))
    first, second = index.save(), loaded.save()
    assert (first.change, first.slot_count) == (second.change, second.slot_count) == (2, index.covered)
    assert {name: array.tobytes() for name, array in first.arrays.items()} == {
        name: array.tobytes() for name, array in second.arrays.items()
    }


@pytest.mark.parametrize("metric", METRICS)
def test_what_is_saved_goes_with_its_vectors_until_it_is_damaged(case: tuple[str, Kernels], metric: Metric) -> None:
    index, vectors = make_vector_index(case[0], case[1], metric), rows(300) + np.float32(0.5)
    index.apply(delta(1, 0, 300))
    build(index, vectors[:250], pack(np.ones(250, np.bool_)))
    slots = np.sort(np.random.default_rng(2).choice(300, 150, replace=False)).astype(np.uint32)
    saved = read_only(index.save())
    for one in (index, loaded(case, metric, saved)):
        assert one.differing(slots, vectors[slots]).tolist() == []
        assert one.differing(slots[:0], vectors[:0]).tolist() == []
    for name, array in saved.arrays.items():
        if name.endswith(BY_SLOT) and array.size:
            arrays = {**saved.arrays, name: np.zeros_like(array)}
            found = loaded(case, metric, SavedIndex(saved.change, saved.slot_count, arrays)).differing(
                slots, vectors[slots]
            )
            assert len(found) > 50, name
            assert (found < 250).all()
            assert np.isin(found, slots).all()


# The arrays that an index keeps by slot, in any kind.
BY_SLOT = ("codes", "statistics", "coarse", "norms", "keys")


def loaded(case: tuple[str, Kernels], metric: Metric, saved: SavedIndex) -> VectorIndex:
    index = make_vector_index(case[0], case[1], metric)
    index.load(saved, DIM)
    return index


def test_many_threads_search_while_rows_come(case: tuple[str, Kernels]) -> None:
    index, vectors = make_vector_index(case[0], case[1], "cosine"), rows(4000) + 1
    index.apply(delta(1, 0, len(vectors)))
    errors: list[BaseException] = []

    def look(seed: int) -> None:
        try:
            for count in np.random.default_rng(seed).integers(1, 4000, 10).tolist():
                assert_best(index.searcher(vectors[:count]), "cosine", vectors[:count], np.ones(count, np.bool_), 4)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=look, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    build(index, vectors, pack(np.ones(len(vectors), np.bool_)))
    for thread in threads:
        thread.join()
    assert not errors


@pytest.mark.parametrize("k", [0, 1])
def test_no_vectors_and_no_candidates(case: tuple[str, Kernels], k: int) -> None:
    index = make_vector_index(case[0], case[1], "ip")
    assert_best(index.searcher(rows(0)), "ip", rows(0), np.zeros(0, np.bool_), k)
    assert_best(index.searcher(rows(70)), "ip", rows(70), np.zeros(70, np.bool_), k)


def test_codes_of_another_shape_are_of_no_harm() -> None:
    for kernels in KERNELS:
        index = make_vector_index("flat", kernels, "ip")
        arrays: dict[str, Any] = {"codes": np.zeros(128 * 4, np.uint8), "statistics": np.zeros(16, np.float32)}
        with contextlib.suppress(ValueError):
            index.load(SavedIndex(1, 4, arrays), DIM)
        assert_best(index.searcher(rows(200)), "ip", rows(200), np.ones(200, np.bool_), 9)


# -- chosen by users


def test_an_index_of_ones_own_is_chosen_saved_and_told_what_is_wanted(tmp_path: Path) -> None:
    block = rows(400) + 1
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs", index={"name": "halves", "step": 2})
        docs.add(list(range(400)), vectors=block)
        plain = db.collection("plain", index="plain")
        plain.add(list(range(400)), vectors=block)
        truth = plain.search(block[1], k=20)
        assert docs.search(block[1], k=20, exact=True) == truth
        assert docs.search(block[1], k=20, recall=0.9) == truth
        assert docs.search(block[1], k=20) != truth
        asked = asked_of(docs)
        assert asked == [Accuracy(exact=True), Accuracy(recall=0.9), AS_USUAL]
        docs._context.store.upkeep.build(always=True)
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs")
        assert docs.search(block[1], k=20, exact=True) == truth
        with pytest.raises(SettingsMismatch, match="index"):
            db.collection("docs", index="flat")
        docs.alter(index="flat")
        assert docs.search(block[1], k=20) == truth
        docs.alter(metric="l2", index={"name": "halves", "step": 3})
        assert docs.search(block[1], k=5, exact=True)[0].score == 0.0
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs", index={"step": 3, "name": "halves"})
        assert docs.stats().metric == "l2"


def asked_of(docs: vicinal.Collection) -> list[Accuracy]:
    with docs._context.store.snapshot(lambda index, _: index.vectors) as (index, _):
        assert isinstance(index, HalvesIndex)
        return index.asked


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("falt", "no index 'falt'.*Did you mean 'flat'"),
        ("hnsw9", "no index 'hnsw9'"),
        ({"name": "halves", "stepp": 2}, "no option 'stepp'.*step"),
        ({"name": "halves", "step": 0}, "step must be at least 1, not 0"),
        ({"name": "flat", "step": 2}, "no option 'step'.*none"),
        ({"name": "ivf", "more": 5}, "no option 'more'.*It has lists, nprobe"),
        ({"name": "lsh", "more": 5}, "no option 'more'.*It has tables, bits, probes, seed"),
        ({"name": "ivf", "train_from": 0}, "train_from must be a whole number from 1"),
        ({"name": "lsh", "train_from": True}, "train_from must be a whole number from 1"),
        ({"name": "ivf", "exact_below": 5}, "no option 'exact_below'"),
        ({"step": 2}, "a name, or a dict"),
        (7, "a name, or a dict"),
    ],
)
def test_what_is_no_index_is_refused(tmp_path: Path, given: Any, message: str) -> None:
    with vicinal.connect(tmp_path) as db:
        with pytest.raises(InvalidArgument, match=message):
            db.collection("docs", index=given)
        assert db.collections() == []
        docs = db.collection("docs")
        with pytest.raises(InvalidArgument, match=message):
            docs.alter(index=given)
        db.collection("docs", index="auto")  # what it has without being told


@pytest.mark.parametrize("given", [{"exact": "yes"}, {"exact": None}, {"recall": 0}, {"recall": 1.5}])
def test_an_accuracy_that_cannot_be_is_refused(given: Any) -> None:
    with vicinal.connect(":memory:") as db, pytest.raises(InvalidArgument, match=next(iter(given))):
        db.collection("docs").search([1.0], **given)


def test_threads_are_the_users_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VICINAL_THREADS", "3")
    assert thread_count() == 3
    for nonsense in ("", "0", "-1", "many"):
        monkeypatch.setenv("VICINAL_THREADS", nonsense)
        assert thread_count() >= 1


@pytest.mark.parametrize("kind", ["ivf", "lsh"])
def test_one_row_is_enough_to_train_on_where_one_asks_for_it(tmp_path: Path, kind: str) -> None:
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs", index={"name": kind, "train_from": 1}, zero_vectors="allow")
        docs.add([0], vectors=[[0.0, 0.0]])
        assert docs.wait_indexed()
        assert docs.search([1.0, 0.0], k=3).ids == [0]
        docs.add([1, 2], vectors=[[1.0, 0.0], [1.0, 0.0]])
        assert docs.wait_indexed()
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs")
        assert docs.search([1.0, 0.0], k=3).ids == [1, 2, 0]
        assert docs.verify().ok
