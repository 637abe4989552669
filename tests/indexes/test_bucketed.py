"""Indexes that scan a few buckets: their recall, that they scan less than all rows, and which files they accept."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal.contract import AS_USUAL, METRICS, Accuracy, Metric, SavedIndex
from vicinal.filters.bitmap import pack, popcount, unpack
from vicinal.indexes import vector_index
from vicinal.indexes.bucketed import BucketedIndex
from vicinal.indexes.buckets import NO_BUCKET, Buckets
from vicinal.indexes.ivf import IvfIndex
from vicinal.indexes.kernels import kernels
from vicinal.indexes.lsh import LshIndex
from vicinal.store import indexing

DIM = 24
ROWS = 6_000
KINDS = [IvfIndex, LshIndex]


def clustered(count: int, seed: int = 0) -> Any:
    """Vectors around two hundred centers, of different lengths."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((200, DIM))
    return (centres[random.integers(0, 200, count)] + 0.5 * random.standard_normal((count, DIM))).astype(np.float32)


VECTORS = clustered(ROWS)
QUERIES = clustered(200, seed=1)
ALL = pack(np.ones(ROWS, np.bool_))


def built(kind: Any, metric: Metric = "cosine", vectors: Any = VECTORS, candidates: Any = None, **options: Any) -> Any:
    index = kind(kernels(), metric, **options)
    candidates = pack(np.ones(len(vectors), np.bool_)) if candidates is None else candidates
    while index.build(vectors, candidates):
        pass
    return index


def recall(searcher: Any, candidates: Any = ALL, accuracy: Accuracy = AS_USUAL, queries: Any = QUERIES) -> float:
    found = searcher.search(queries, 10, candidates, accuracy)
    true = searcher.search(queries, 10, candidates, Accuracy(exact=True))
    return float(np.mean([len(np.intersect1d(a, b)) / len(b) for (a, _), (b, _) in zip(found, true)]))


class Counting:
    """A searcher that records the number of candidates that it gets."""

    def __init__(self, flat: Any) -> None:
        self.flat, self.seen = flat, []

    def search(self, queries: Any, k: int, candidates: Any, **more: Any) -> Any:
        self.seen.append(popcount(candidates))
        return self.flat.search(queries, k, candidates, **more)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", KINDS)
def test_it_finds_what_it_promises_and_looks_at_less_than_all(kind: Any, metric: Metric) -> None:
    index = built(kind, metric)
    searcher = index.searcher(VECTORS)
    assert not searcher.approach(10, ALL).exact
    assert recall(searcher) >= 0.9
    assert recall(searcher, accuracy=Accuracy(recall=0.99)) >= 0.96
    assert searcher.approach(10, ALL, Accuracy(recall=1.0)).exact
    searcher._listed = lambda state, vectors: None  # else `ivf` does not ask the flat index
    searcher._flat = counting = Counting(searcher._flat)
    searcher.search(QUERIES, 10, ALL, Accuracy(recall=0.7))
    low = np.mean(counting.seen)
    counting.seen.clear()
    searcher.search(QUERIES, 10, ALL, Accuracy(effort=1))
    least = np.mean(counting.seen)
    counting.seen.clear()
    searcher.search(QUERIES, 10, ALL, Accuracy(effort=8))
    assert least < np.mean(counting.seen)
    assert least <= low
    assert "the 1 most" in searcher.approach(10, ALL, Accuracy(effort=1)).why
    counting.seen.clear()
    searcher.search(QUERIES, 10, ALL)
    assert low <= np.mean(counting.seen) < 0.7 * ROWS


@pytest.mark.skipif(kernels().name != "native", reason="lists of codes are native")
@pytest.mark.parametrize("metric", ["cosine", "ip", "l2"])
@pytest.mark.parametrize("share", [1.0, 0.7, 0.4])
def test_lists_of_codes_give_what_buckets_of_slots_give(metric: Metric, share: float) -> None:
    index = built(IvfIndex, metric, nprobe=6)
    candidates = pack(np.random.default_rng(5).random(ROWS) < share)
    for end in (ROWS, ROWS + 70):  # and with rows that are in no list yet
        vectors = np.vstack([VECTORS, clustered(70, seed=6)])[:end]
        wide = pack(unpack(candidates, end) | (np.arange(end) >= ROWS))
        searcher = index.searcher(vectors)
        found = searcher.search(QUERIES, 10, wide)
        searcher._listed = lambda state, vectors: None
        same = [a.tolist() == b.tolist() for (a, _), (b, _) in zip(found, searcher.search(QUERIES, 10, wide))]
        # With a filter, the number of additional lists differs between the two.
        assert np.mean(same) > (0.99 if share > 0.5 else 0.6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.9, 0.6, 0.4])
def test_filters_do_not_cost_recall(kind: Any, share: float) -> None:
    searcher = built(kind).searcher(VECTORS)
    candidates = pack(np.random.default_rng(2).random(ROWS) < share)
    assert not searcher.approach(10, candidates).exact
    assert recall(searcher, candidates) >= 0.88
    few = pack(np.arange(ROWS) < 1_500)
    assert searcher.approach(10, few).exact


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_came_since_are_found_at_once_and_taken_in_by_building(kind: Any) -> None:
    index = built(kind, vectors=VECTORS[:4_000])
    assert index.covered == 4_000
    searcher = index.searcher(VECTORS)
    slots = [found[0] for found, _ in searcher.search(VECTORS[4_000:4_100], 1, ALL)]
    assert slots == list(range(4_000, 4_100))
    state = index._state
    while index.build(VECTORS, ALL):
        pass
    assert (index.covered, index._state.partition) == (ROWS, state.partition)
    assert recall(index.searcher(VECTORS)) >= 0.9
    assert recall(searcher) >= 0.9  # the old one still answers


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_trained_anew_when_there_are_many_more(kind: Any) -> None:
    index = built(kind, vectors=VECTORS[:2_100])
    first = index._state
    assert first.trained_from == 2_100
    many = np.vstack([VECTORS, clustered(3_000, seed=3)])
    everything = pack(np.ones(len(many), np.bool_))
    assert index.build(many, everything)
    assert index._state is first
    assert recall(index.searcher(many), everything) >= 0.9  # in between
    while index.build(many, everything):
        pass
    assert index._state.trained_from == len(many)
    assert recall(index.searcher(many), everything) >= 0.9


@pytest.mark.parametrize("kind", ["ivf", "lsh"])
def test_rows_are_pending_until_there_are_buckets_to_look_into(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(indexing, "ask", asked.append)  # builds only when this test waits
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs", index={"name": kind, "train_from": 1_000})
        docs.add(list(range(900)), vectors=VECTORS[:900])
        assert docs.wait_indexed()
        assert (docs.stats().indexed, docs.stats().pending) == (900, 0)  # too few for buckets, now or soon
        docs.delete(list(range(200)))
        docs.add(list(range(900, 1_100)), vectors=VECTORS[900:1_100])
        assert docs.wait_indexed()
        assert (docs.stats().indexed, docs.stats().pending) == (900, 0)  # slots alone are no rows
        asked.clear()
        for i in range(1_100, 1_250):  # so few at once that searches encode them
            docs.add([i], vectors=VECTORS[i : i + 1])
            docs.search(VECTORS[0], 1)
        assert (docs.stats().indexed, docs.stats().pending) == (0, 1_050)
        assert asked
        assert docs.wait_indexed()
        assert (docs.stats().indexed, docs.stats().pending) == (1_050, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_slots_without_a_vector_are_in_no_bucket(kind: Any) -> None:
    holes = np.arange(ROWS) % 3 == 0
    vectors = VECTORS.copy()
    vectors[holes] = np.nan
    index = built(kind, vectors=vectors, candidates=pack(~holes))
    assert (index._state.buckets.keys[holes] == NO_BUCKET).all()
    assert (index._state.buckets.keys[~holes] != NO_BUCKET).all()
    assert recall(index.searcher(vectors), pack(~holes)) >= 0.88


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", KINDS)
def test_odd_vectors_are_found_too(kind: Any, metric: Metric) -> None:
    """Equal, zero and huge rows: results may be approximate, but not fewer."""
    for vectors in (
        np.ones((ROWS, 4), np.float32),
        np.zeros((ROWS, 4), np.float32),
        clustered(ROWS)[:, :4] * np.float32(1e30),
        np.repeat(clustered(60)[:, :4], ROWS // 60, axis=0),
    ):
        index = built(kind, metric, np.ascontiguousarray(vectors))
        for slots, _ in index.searcher(np.ascontiguousarray(vectors)).search(vectors[:5], 20, ALL):
            assert len(set(slots.tolist())) == 20


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_saved_answers_the_same(kind: Any) -> None:
    index = built(kind)
    saved = index.save()
    again = kind(kernels(), "cosine")
    again.load(saved, DIM)
    assert again.covered == ROWS
    for (a, x), (b, y) in zip(*(i.searcher(VECTORS).search(QUERIES[:20], 10, ALL) for i in (index, again))):
        assert (a.tolist(), x.tobytes()) == (b.tolist(), y.tobytes())


@pytest.mark.parametrize("kind", KINDS)
def test_no_damaged_array_is_trusted(kind: Any) -> None:
    """Each is rejected, or at worst lowers the recall: never a wrong score, a crash or too few hits."""
    index = built(kind)
    saved = index.save()
    random = np.random.default_rng(4)
    mine = [name for name in saved.arrays if name.startswith(f"{index.name}.")]
    assert len(mine) >= 4
    refused = 0
    for trial in range(150):
        arrays = dict(saved.arrays)
        name = mine[trial % len(mine)]
        array = arrays[name].copy()
        octets = array.view(np.uint8)
        octets[random.integers(0, len(octets), 4)] = random.integers(0, 256, 4)
        arrays[name] = [array, array[:-1], array[:0], array.astype(np.float64)][trial // len(mine) % 4]
        damaged = kind(kernels(), "cosine")
        try:
            damaged.load(SavedIndex(saved.change, saved.slot_count, arrays), DIM)
        except (ValueError, KeyError):
            refused += 1
            continue
        for slots, _ in damaged.searcher(VECTORS).search(QUERIES[:3], 10, ALL):
            assert len(set(slots.tolist())) == 10
    assert refused > 60


def test_buckets() -> None:
    buckets = Buckets(np.array([[1, 7], [2, 7], [1, NO_BUCKET], [NO_BUCKET, 0]], np.uint32))
    asked = buckets.slots(np.array([0, 1, 1, 0]), np.array([1, 7, 9, 2], np.uint32))
    assert asked.tolist() == [0, 2, 0, 1, 1]
    assert len(buckets) == 4


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ({"name": "ivf", "lists": 0}, "lists must be a whole number"),
        ({"name": "ivf", "nprobe": 1.5}, "nprobe must be a whole number"),
        ({"name": "lsh", "bits": 25}, "bits must be a whole number from 1 to 24"),
        ({"name": "lsh", "tables": True}, "tables must be a whole number"),
        ({"name": "lsh", "seed": -1}, "seed must be a whole number"),
    ],
)
def test_options_out_of_range(tmp_path: Path, index: Any, message: str) -> None:
    with vicinal.connect(tmp_path) as db, pytest.raises(vicinal.errors.InvalidArgument, match=message):
        db.collection("docs", index=index)


@pytest.mark.parametrize("kind", ["ivf", "lsh"])
def test_a_collection_searches_by_it_and_keeps_it(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first row on, through deletion, reopening, another index and back: exactly k hits, always the same."""
    small: Any = partial({"ivf": IvfIndex, "lsh": LshIndex}[kind], exact_below=100)
    monkeypatch.setattr(vector_index, "_KINDS", {**vector_index._KINDS, kind: small})
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs", index=kind)
        docs.add(list(range(ROWS)), vectors=VECTORS, metadata=[{"odd": n % 2} for n in range(ROWS)])
        docs.wait_indexed()
        assert docs.stats().pending == 0
        with docs._context.store.snapshot(lambda index, _: index.vectors) as (index, _):
            assert isinstance(index, BucketedIndex)
            assert index._state is not None
        hits = [docs.search(query, k=10).ids for query in QUERIES[:20]]
        exact = [docs.search(query, k=10, exact=True).ids for query in QUERIES[:20]]
        assert np.mean([len(set(a) & set(b)) / 10 for a, b in zip(hits, exact)]) >= 0.85
        assert hits != exact
        docs.delete(list(range(0, ROWS, 5)))
        for query in QUERIES[:10]:
            found = docs.search(query, k=10, where={"odd": 1})
            assert len(found) == 10
            assert all(hit.id % 5 and hit.metadata == {"odd": 1} for hit in found)
        assert len(docs.search(QUERIES[0], k=ROWS)) == ROWS - ROWS // 5
        docs.upsert(["new"], vectors=[QUERIES[0]])
        assert docs.search(QUERIES[0], k=1).ids == ["new"]
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs")
        assert docs.search(QUERIES[0], k=1).ids == ["new"]
        docs.alter(index="flat")
        docs.alter(index=kind)
        docs.compact()
        assert docs.search(QUERIES[0], k=1).ids == ["new"]


def test_bitmaps_of_candidates_longer_than_the_vectors_are_no_harm() -> None:
    index = built(IvfIndex)
    wide = np.concatenate([ALL, np.zeros(3, np.uint64)])
    assert recall(index.searcher(VECTORS[:5_000]), wide) >= 0.9
    assert unpack(wide, ROWS).all()
