"""The graph: its recall under each metric however it was built, that it is used, and which files it accepts."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal.contract import AS_USUAL, METRICS, Accuracy, Metric, SavedIndex
from vicinal.filters.bitmap import pack, unpack
from vicinal.indexes import graph, vector_index
from vicinal.indexes.auto import AutoIndex
from vicinal.indexes.graph import RECALL, GraphIndex, GraphSearcher
from vicinal.indexes.kernels import NativeKernels, kernels
from vicinal.store import indexing

pytestmark = pytest.mark.skipif(kernels().name != "native", reason="the graph is native")

DIM = 24
ROWS = 6_000


def clustered(count: int, seed: int = 0, dim: int = DIM) -> Any:
    """Vectors around two hundred centers, of different lengths."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((200, dim))
    return (centres[random.integers(0, 200, count)] + 0.5 * random.standard_normal((count, dim))).astype(np.float32)


VECTORS = clustered(ROWS)
QUERIES = clustered(200, seed=1)
ALL = pack(np.ones(ROWS, np.bool_))


def grown(index: Any, vectors: Any, candidates: Any = None) -> Any:
    candidates = pack(np.ones(len(vectors), np.bool_)) if candidates is None else candidates
    while index.build(vectors, candidates) or index.refine(vectors, candidates, awaited=True):
        pass
    return index


def built(metric: Metric = "cosine", vectors: Any = VECTORS, candidates: Any = None, **options: Any) -> Any:
    return grown(GraphIndex(kernels(), metric, **options), vectors, candidates)


@cache
def bulk(metric: Metric) -> Any:
    """Returns an index of all vectors; only for searching."""
    return built(metric)


def recall(searcher: Any, candidates: Any = ALL, accuracy: Accuracy = AS_USUAL, k: int = 10) -> float:
    """Computed from scores, since ties are equally good."""
    assert isinstance(searcher, GraphSearcher)
    assert not searcher.approach(k, candidates, accuracy).exact
    found = searcher.search(QUERIES, k, candidates, accuracy)
    true = searcher.search(QUERIES, k, candidates, Accuracy(exact=True))
    return float(np.mean([np.mean(a >= b[-1]) for (_, a), (_, b) in zip(found, true)]))


@pytest.mark.parametrize("metric", METRICS)
def test_recall_built_in_bulk(metric: Metric) -> None:
    searcher = bulk(metric).searcher(VECTORS)
    assert recall(searcher) >= 0.95
    assert recall(searcher, accuracy=Accuracy(recall=0.995)) >= 0.98
    assert recall(searcher, k=100) >= 0.95


@pytest.mark.parametrize("count", [1, 3, 4, 5, 8, 9, 33])
def test_many_queries_in_threads_are_answered_as_one_by_one(count: int) -> None:
    searcher = bulk("cosine").searcher(VECTORS)
    together = searcher.walk(QUERIES[:count], 10, ALL, 20, 3)
    assert len(together) == count
    for i, (slots, scores) in enumerate(together):
        alone = searcher.walk(QUERIES[i : i + 1], 10, ALL, 20, 1)[0]
        assert slots.tolist() == alone[0].tolist()
        assert scores.tolist() == alone[1].tolist()


@pytest.mark.parametrize("metric", METRICS)
def test_recall_built_row_by_row(metric: Metric) -> None:
    """And rows that are not in the graph yet are never missed."""
    index = built(metric, VECTORS[:4_500])
    for end in range(4_501, 4_560):
        grown(index, VECTORS[:end])
    assert index.covered == 4_559
    for end in range(4_560, ROWS, 50):
        grown(index, VECTORS[:end])
    assert recall(index.searcher(VECTORS)) >= 0.95
    last = index.searcher(VECTORS).search(VECTORS[-3:], 1, ALL, AS_USUAL)
    if metric != "ip":
        assert [slots.tolist() for slots, _ in last] == [[ROWS - 3], [ROWS - 2], [ROWS - 1]]


@pytest.mark.parametrize("metric", METRICS)
def test_recall_of_what_was_saved_and_goes_on(metric: Metric) -> None:
    saved = built(metric, VECTORS[:4_000]).save()
    index = GraphIndex(kernels(), metric)
    index.load(saved, DIM)
    assert index.covered == 4_000
    assert index.unsaved == 0
    grown(index, VECTORS)
    assert index.unsaved == 2_000
    assert recall(index.searcher(VECTORS)) >= 0.95


@pytest.mark.parametrize("metric", METRICS)
def test_what_was_saved_is_searched_before_anything_is_built(metric: Metric) -> None:
    index = vector_index.make_vector_index("graph", kernels(), metric)
    index.load(built(metric).save(), DIM)
    searcher = index.searcher(VECTORS)
    assert isinstance(searcher, GraphSearcher)
    assert searcher.search(VECTORS[:3], 1, ALL)[2][0].tolist() == [2]
    if metric != "ip":
        assert recall(searcher) >= 0.95


def test_where_no_walk_finds_enough_every_candidate_is_compared() -> None:
    random = np.random.default_rng(0)
    lengths = random.lognormal(0, 1.0, (4_000, 1))
    vectors = (random.standard_normal((4_000, DIM)) * lengths).astype(np.float32)
    index = built("ip", vectors, m=4, ef_construction=8)
    assert index._state is not None
    assert index._state.width(0.98) is None
    searcher = index.searcher(vectors)
    assert searcher.approach(10, ALL).exact
    slots, _ = searcher.search(vectors[:1], 10, ALL)[0]
    assert slots.tolist() == index._flat.searcher(vectors).search(vectors[:1], 10, ALL)[0][0].tolist()


def test_a_graph_that_is_not_measured_yet_is_not_saved() -> None:
    index = vector_index.make_vector_index("graph", kernels(), "cosine")
    while index.build(VECTORS, ALL):
        pass
    while index.refine(VECTORS, ALL):  # the last step, which returns False, measures
        assert "graph.edges" not in index.save().arrays
        assert index.covered == 0
    assert "graph.edges" in index.save().arrays


def test_what_was_saved_answers_the_same_for_every_k() -> None:
    index = bulk("cosine")
    again = GraphIndex(kernels(), "cosine")
    again.load(index.save(), DIM)
    for k in (1, 10, 20):
        for (a, x), (b, y) in zip(*(i.searcher(VECTORS).search(QUERIES, k, ALL) for i in (index, again))):
            assert (a.tolist(), x.tobytes()) == (b.tolist(), y.tobytes())
    searcher = index.searcher(VECTORS)
    widest = index._state.width(RECALL)
    for fewer, most in ((5, 10), (11, widest)):  # walks for up to ten end by their reach, others by their width
        for (few, _), (more, _) in zip(searcher.search(QUERIES, fewer, ALL), searcher.search(QUERIES, most, ALL)):
            assert few.tolist() == more[:fewer].tolist()


def test_walks_are_the_shorter_the_less_recall_is_asked() -> None:
    index = bulk("cosine")
    state = index._state
    widths = [state.width(share) for share in (0.8, 0.9, 0.95, 0.99)]
    assert widths == sorted(widths)
    slots, scores, counts = np.empty((1, 10), np.uint32), np.empty((1, 10), np.float32), np.empty(1, np.uint32)
    rows = index._rows(state.graph, VECTORS, ROWS)
    looked_at = [
        state.graph.search(rows, ALL, QUERIES[:1], width, np.inf, 1, None, slots, scores, counts)
        for width in (10, 40, 160)
    ]
    assert looked_at[0] < looked_at[1] < looked_at[2] < ROWS / 2
    assert state.width(1.5) is None


@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_a_reach_finds_as_much_with_fewer_comparisons(metric: Metric) -> None:
    index = bulk(metric)
    state, rows, count = index._state, index._rows(index._state.graph, VECTORS, ROWS), len(QUERIES)
    true = [set(slots.tolist()) for slots, _ in index._flat.searcher(VECTORS).search(QUERIES, 10, ALL)]

    def looked_at(width: int, reach: float) -> tuple[float, int]:
        slots, counts = np.empty((count, 10), np.uint32), np.empty(count, np.uint32)
        scores = np.empty((count, 10), np.float32)
        nodes = state.graph.search(rows, ALL, QUERIES, width, reach, 1, None, slots, scores, counts)
        return float(np.mean([len(set(a.tolist()) & b) / 10 for a, b in zip(slots, true)])), nodes

    shares, nodes = zip(*(looked_at(640, reach) for reach in (0.01, 0.05, 0.1, 0.3)))
    assert sorted(nodes) == list(nodes)
    assert shares[-1] > shares[0]
    widths = [looked_at(width, np.inf) for width in range(10, 120, 2)]
    as_much = next(looked for share, looked in widths if share >= shares[1])
    assert nodes[1] < as_much
    assert looked_at(40, 1e9) == looked_at(40, np.inf)


def test_a_walk_to_removed_rows_reaches_as_far_as_the_tenth_that_is_left() -> None:
    index = bulk("cosine")
    left = np.ones(ROWS, np.bool_)
    for slots, _ in index._flat.searcher(VECTORS).search(QUERIES[:20], 40, ALL):
        left[slots] = False
    searcher, candidates = index.searcher(VECTORS), pack(left)
    found = searcher.walk(QUERIES[:20], 10, candidates, 640, 1, reach=0.1)
    true = index._flat.searcher(VECTORS).search(QUERIES[:20], 10, candidates)
    assert np.mean([len(set(a.tolist()) & set(b.tolist())) / 10 for (a, _), (b, _) in zip(found, true)]) > 0.9


def test_a_file_without_reaches_is_searched_by_widths() -> None:
    saved = bulk("cosine").save()
    arrays = {name: array for name, array in saved.arrays.items() if name != "graph.reached"}
    index = GraphIndex(kernels(), "cosine")
    index.load(SavedIndex(saved.change, saved.slot_count, arrays), DIM)
    assert " of width " in index.searcher(VECTORS).approach(10, ALL).why
    assert " beyond the tenth nearest " in bulk("cosine").searcher(VECTORS).approach(10, ALL).why
    assert recall(index.searcher(VECTORS)) >= 0.95


def test_effort_is_the_width_of_a_walk() -> None:
    searcher = bulk("cosine").searcher(VECTORS)
    assert recall(searcher, accuracy=Accuracy(effort=1), k=1) < recall(searcher, accuracy=Accuracy(effort=80), k=1)
    assert "width 40 " in searcher.approach(10, ALL, Accuracy(effort=40)).why
    assert "width 10 " in searcher.approach(10, ALL, Accuracy(effort=1)).why  # else it could not find ten
    assert not searcher.approach(10, ALL, Accuracy(effort=1 << 80)).exact
    assert searcher.approach(10, ALL, Accuracy(effort=40, filtered=True)).exact


def test_clusters_far_apart_are_led_to() -> None:
    """If all near vectors are in one cluster, some edges must lead to other clusters."""
    random = np.random.default_rng(7)
    centres = random.standard_normal((200, 96))
    vectors = (centres[random.integers(0, 200, 8_000)] + 0.3 * random.standard_normal((8_000, 96))).astype(np.float32)
    width = built(vectors=vectors)._state.width(0.95)
    assert width is not None
    assert width <= 60


def test_what_must_be_exact_is() -> None:
    searcher = bulk("cosine").searcher(VECTORS)
    for accuracy in (
        Accuracy(exact=True),
        Accuracy(recall=1.0),
        Accuracy(filtered=True),
        Accuracy(recall=0.9, filtered=True),
    ):
        assert searcher.approach(10, ALL, accuracy).exact
        exact = [slots.tolist() for slots, _ in searcher._flat.search(QUERIES, 10, ALL)]
        assert [slots.tolist() for slots, _ in searcher.search(QUERIES, 10, ALL, accuracy)] == exact
    assert searcher.approach(ROWS // 2, ALL).exact


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("share", [0.9, 0.5, 0.02, 0.003])
def test_removed_rows_are_gone_through_and_not_found(metric: Metric, share: float) -> None:
    searcher = bulk(metric).searcher(VECTORS)
    candidates = pack(np.random.default_rng(2).random(ROWS) < share)
    assert recall(searcher, candidates, k=5) >= 0.95
    for slots, _ in searcher.search(QUERIES, 5, candidates):
        assert len(slots) == 5
        assert unpack(candidates, ROWS)[slots].all()


def test_what_is_near_may_all_be_removed() -> None:
    """Then the walk is given up."""
    searcher = bulk("cosine").searcher(VECTORS)
    near = searcher.search(QUERIES[:1], 1_000, ALL, Accuracy(exact=True))[0][0]
    flags = np.ones(ROWS, np.bool_)
    flags[near] = False
    (slots, _), (true, _) = (
        searcher.search(QUERIES[:1], 10, pack(flags), accuracy)[0] for accuracy in (AS_USUAL, Accuracy(exact=True))
    )
    assert slots.tolist() == true.tolist()


def test_unequal_lengths_under_inner_product() -> None:
    """Long vectors are the nearest of most queries, and the others are found only through their edges."""
    random = np.random.default_rng(3)
    vectors = (VECTORS * np.exp(random.standard_normal((ROWS, 1)))).astype(np.float32)
    assert recall(built("ip", vectors).searcher(vectors), accuracy=Accuracy(recall=0.9)) >= 0.9


@pytest.mark.parametrize("metric", METRICS)
def test_odd_vectors_are_found_too(metric: Metric) -> None:
    for vectors in (
        np.ones((3_000, 4), np.float32),
        np.zeros((3_000, 4), np.float32),
        clustered(3_000)[:, :4] * np.float32(1e30),
        np.repeat(clustered(60)[:, :4], 50, axis=0),
    ):
        rows = np.ascontiguousarray(vectors)
        for slots, _ in built(metric, rows).searcher(rows).search(rows[:5], 20, pack(np.ones(3_000, np.bool_))):
            assert len(set(slots.tolist())) == 20


def test_slots_without_a_vector_are_no_nodes() -> None:
    holes = np.arange(ROWS) % 3 == 0
    vectors = VECTORS.copy()
    vectors[holes] = np.nan
    index = built(vectors=vectors, candidates=pack(~holes))
    assert index._state.graph.inserted == np.count_nonzero(~holes)
    assert recall(index.searcher(vectors), pack(~holes)) >= 0.95


def test_codes_in_a_file_and_behind_it() -> None:
    """The walk reads both, and finds the same as a reference implementation that reads neither."""
    index = GraphIndex(kernels(), "l2")
    saved = built("l2", VECTORS[:3_333]).save()
    for array in saved.arrays.values():
        array.flags.writeable = False  # as where a file is mapped
    index.load(saved, DIM)
    grown(index, VECTORS)
    assert len(index._flat.coded) == 2
    found = index.searcher(VECTORS).walk(QUERIES, 10, ALL, 30, 1)
    same = [slots.tolist() == walked(index, query, 30) for query, (slots, _) in zip(QUERIES, found)]
    assert np.mean(same) > 0.9  # codes round


def walked(index: GraphIndex, query: Any, width: int) -> list[int]:
    """The reference implementation: a walk by exact squared distances."""
    state: Any = index._state
    edges = index.save().arrays["graph.edges"].reshape(ROWS, -1)
    entries = np.empty(256, np.uint32)
    entries = entries[: state.graph.entries(entries)][: max(64, int(np.sqrt(state.graph.inserted) / 4))]

    def far(slots: Any) -> Any:
        return np.square(VECTORS[slots].astype(np.float64) - query).sum(axis=1)

    pool = sorted(zip(far(entries).tolist(), entries.tolist()))[:width]
    seen, left = set(entries.tolist()), set()
    while True:
        node = next((slot for _, slot in pool if slot not in left), None)
        if node is None:
            return [slot for _, slot in pool[:10]]
        left.add(node)
        new = [slot for slot in edges[node].tolist() if slot != 0xFFFFFFFF and slot not in seen]
        seen.update(new)
        pool = sorted([*pool, *zip(far(np.array(new, int)).tolist(), new)])[:width]


def test_no_damaged_array_is_trusted() -> None:
    """Each is rejected, or at worst lowers the recall: never a wrong score, a crash or too few hits."""
    saved = bulk("cosine").save()
    random = np.random.default_rng(4)
    mine = [name for name in saved.arrays if name.startswith("graph.")]
    assert len(mine) == 5
    refused = 0
    for trial in range(160):
        arrays = dict(saved.arrays)
        name = mine[trial % len(mine)]
        array = arrays[name].copy()
        octets = array.view(np.uint8)
        octets[random.integers(0, len(octets), 4)] = random.integers(0, 256, 4)
        with np.errstate(invalid="ignore"):
            arrays[name] = [array, array[:-1], array[:0], array.astype(np.float64)][trial // len(mine) % 4]
        damaged = GraphIndex(kernels(), "cosine")
        try:
            damaged.load(SavedIndex(saved.change, saved.slot_count, arrays), DIM)
        except (ValueError, KeyError):
            refused += 1
            continue
        for slots, scores in damaged.searcher(VECTORS).search(QUERIES[:3], 10, ALL):
            assert len(set(slots.tolist())) == 10
            assert (np.diff(scores) <= 0).all()
    assert refused > 60


def test_native_graphs_take_no_arrays_that_do_not_fit() -> None:
    native = kernels()
    assert isinstance(native, NativeKernels)
    core, index = native.core, built(vectors=VECTORS[:2_100])
    state, rows = index._state, index._rows(index._state.graph, VECTORS, 2_100)
    slots, scores, counts = np.empty((1, 3), np.uint32), np.empty((1, 3), np.float32), np.empty(1, np.uint32)
    good = [rows, ALL, QUERIES[:1], 20, np.inf, 1, None, slots, scores, counts]
    state.graph.search(*good)
    for place, bad in (
        (1, ALL[:3]), (2, QUERIES[:1, :5].copy()), (2, QUERIES[:2]), (3, 0), (3, 1 << 40), (4, -0.1), (4, np.nan),
        (6, slots[0]), (7, slots[:, :2]), (8, scores[:, :1].copy()), (9, slots[0]),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="must"):
            state.graph.search(*good[:place], bad, *good[place + 1 :])
    with pytest.raises(ValueError, match="end is beyond"):
        state.graph.insert(rows, ALL, 2_101, 20, 1.1, 1, False)
    with pytest.raises(ValueError, match="candidates"):
        state.graph.insert(rows, None, 2_100, 20, 1.1, 1, False)
    with pytest.raises(ValueError, match="not empty"):
        state.graph.load(np.zeros(0, np.uint32), np.zeros(0, np.uint32), 0)
    with pytest.raises(ValueError, match="degree"):
        core.Graph(0)
    with pytest.raises(ValueError, match="codes"):
        core.GraphRows("cosine", 10, VECTORS, None, None, 10, None, None)


def test_searches_go_on_while_it_grows() -> None:
    index = built(vectors=VECTORS[:2_500])
    errors: list[BaseException] = []
    ended = threading.Event()

    def look() -> None:
        try:
            while not ended.is_set():
                for slots, _ in index.searcher(VECTORS).search(VECTORS[:12], 1, ALL):
                    assert len(slots) == 1
        except BaseException as error:
            errors.append(error)

    readers = [threading.Thread(target=look) for _ in range(2)]
    for reader in readers:
        reader.start()
    for end in range(2_600, ROWS + 1, 200):
        grown(index, VECTORS[:end])
    ended.set()
    for reader in readers:
        reader.join()
    assert not errors


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ({"name": "graph", "m": 1}, "m must be a whole number from 2 to 64"),
        ({"name": "hnsw", "ef_construction": 2.5}, "ef_construction must be a whole number"),
        ({"name": "hnsw", "ef_search": True}, "ef_search must be a whole number"),
        ({"name": "graph", "efsearch": 50}, "no option 'efsearch'.*ef_search"),
    ],
)
def test_options_out_of_range(tmp_path: Path, index: Any, message: str) -> None:
    with vicinal.connect(tmp_path) as db, pytest.raises(vicinal.errors.InvalidArgument, match=message):
        db.collection("docs", index=index)


# -- in a collection


def shares(docs: vicinal.Collection) -> float:
    found = [docs.search(query, k=10).ids for query in QUERIES]
    exact = [docs.search(query, k=10, exact=True).ids for query in QUERIES]
    return float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, exact)]))


def used(docs: vicinal.Collection) -> Any:
    """Returns the searcher that is currently used."""
    with docs._context.store.snapshot(
        lambda index, reader: index.vectors.searcher(reader.matrix(len(index.slots.view().live)))
    ) as (searcher, _):
        return searcher


def test_a_collection_searches_by_it_and_keeps_it(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs", index={"name": "hnsw", "m": 12, "ef_construction": 60, "ef_search": 40})
        docs.add(list(range(5_000)), vectors=VECTORS[:5_000], metadata=[{"odd": n % 2} for n in range(5_000)])
        assert docs.search(VECTORS[17], k=1).ids == [17]
        assert docs.wait_indexed()
        assert (docs.stats().indexed, docs.stats().pending) == (5_000, 0)
        assert isinstance(used(docs), GraphSearcher)
        assert shares(docs) >= 0.95
        docs.add(
            list(range(5_000, ROWS)), vectors=VECTORS[5_000:], metadata=[{"odd": n % 2} for n in range(5_000, ROWS)]
        )
        assert docs.search(VECTORS[5_999], k=1).ids == [5_999]
        docs.delete(list(range(0, ROWS, 5)))
        for query in QUERIES[:10]:
            found = docs.search(query, k=10, where={"odd": 1})
            assert found.ids == docs.search(query, k=10, where={"odd": 1}, exact=True).ids
            assert len(docs.search(query, k=10)) == 10
        assert docs.wait_indexed(seconds=60)
        hits = [docs.search(query, k=10).ids for query in QUERIES]
        docs._context.store.upkeep.build(always=True)
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs")
        assert isinstance(used(docs), GraphSearcher)
        assert [docs.search(query, k=10).ids for query in QUERIES] == hits
        docs.compact()
        assert isinstance(used(docs), GraphSearcher)
        assert shares(docs) >= 0.95
        docs.alter(index="flat")
        docs.alter(index="graph")
        assert docs.search(VECTORS[18], k=1).ids == [18]


def test_the_graph_is_saved_once_it_is_there(tmp_path: Path) -> None:
    """Although no row was added since the codes were saved."""
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs", index="graph")
        docs.add(list(range(ROWS)), vectors=VECTORS)
        store = docs._context.store
        store.upkeep.build(always=True)
        assert docs.wait_indexed()
        store.upkeep.build()
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs")
        assert isinstance(used(docs), GraphSearcher)
        assert docs.stats().pending == 0


def test_recall_after_a_crash(tmp_path: Path) -> None:
    """One of two processes ends in the middle of building, with a saved graph of fewer rows."""
    program = f"""
        import os, sys, numpy as np, vicinal
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_graph import VECTORS
        docs = vicinal.connect({str(tmp_path)!r}).collection("docs", index="graph")
        docs.add(list(range(3000)), vectors=VECTORS[:3000])
        docs.wait_indexed()
        docs._context.store.upkeep.build(always=True)
        docs.add(list(range(3000, 6000)), vectors=VECTORS[3000:])
        docs.search(VECTORS[0])
        os._exit(9)
    """
    assert subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=False).returncode == 9
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs")
        assert docs.search(VECTORS[5_999], k=1).ids == [5_999]
        assert docs.wait_indexed()
        assert docs.stats().pending == 0
        assert isinstance(used(docs), GraphSearcher)
        assert shares(docs) >= 0.95


def test_it_is_rebuilt_where_its_file_is_damaged(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs", index="graph")
        docs.add(list(range(ROWS)), vectors=VECTORS)
        docs.wait_indexed()
        docs._context.store.upkeep.build(always=True)
    (file,) = (path for path in tmp_path.rglob("vectors-*.idx"))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs")
        assert docs.search(VECTORS[5], k=1).ids == [5]
        assert docs.wait_indexed()
        assert shares(docs) >= 0.95


def test_waiting_takes_as_long_as_it_may(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs", index="graph")
        assert docs.wait_indexed()
        docs.add(list(range(ROWS)), vectors=VECTORS)
        docs.wait_indexed(seconds=0)
        assert docs.wait_indexed(seconds=60.0)
        for nonsense in (-1, "soon", True, float("nan")):
            with pytest.raises(vicinal.errors.InvalidArgument, match="seconds must be a number"):
                docs.wait_indexed(seconds=nonsense)  # type: ignore[arg-type]


def test_without_the_native_core_every_candidate_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    from vicinal.indexes.kernels import NumpyKernels

    index = grown(GraphIndex(NumpyKernels(), "cosine"), VECTORS)
    assert (index.covered, index.unsaved) == (ROWS, 0)
    assert index.searcher(VECTORS).approach(10, ALL).exact
    index.load(bulk("cosine").save(), DIM)
    assert index.searcher(VECTORS).approach(10, ALL).exact


def test_a_kind_may_begin_earlier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_index, "_KINDS", {**vector_index._KINDS, "graph": partial(GraphIndex, built_from=100)})
    with vicinal.connect(":memory:") as db:
        docs = db.collection("docs", index="graph")
        docs.add(list(range(500)), vectors=VECTORS[:500])
        docs.wait_indexed()
        assert isinstance(used(docs), GraphSearcher)
        assert shares(docs) >= 0.95


# -- auto


class Clock:
    """Each reading is later than the last one by a given amount."""

    def __init__(self, step: float) -> None:
        self.step, self.now = step, 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def test_auto_is_exact_while_that_is_quick() -> None:
    clock = Clock(0.001)
    index = AutoIndex(kernels(), "cosine", built_from=1_000, clock=clock)
    grown(index, VECTORS[:900])
    assert clock.now == 0  # too few to be checked
    grown(index, VECTORS[:2_000])
    assert index.covered == 2_000
    assert index.searcher(VECTORS[:2_000]).approach(10, ALL).exact
    assert index._built_from == 8_000  # four times as many, though five times would be quick enough
    clock.step = 0.01
    index._built_from = 3_000
    grown(index, VECTORS)
    assert recall(index.searcher(VECTORS)) >= 0.95


def test_auto_goes_on_with_what_flat_has_saved_and_keeps_its_graph() -> None:
    flat = grown(vector_index.make_vector_index("flat", kernels(), "cosine"), VECTORS)
    index = AutoIndex(kernels(), "cosine", built_from=1_000, clock=Clock(0.01))
    index.load(flat.save(), DIM)
    assert index.searcher(VECTORS).approach(10, ALL).exact
    grown(index, VECTORS)
    again = AutoIndex(kernels(), "cosine", built_from=1_000, clock=Clock(0.0))
    again.load(index.save(), DIM)
    assert recall(again.searcher(VECTORS)) >= 0.95


@pytest.mark.parametrize("seconds_a_row", [1e-6, 1e-4, 1e-3, 1.0])
def test_a_step_in_native_code_is_short_enough_to_be_interrupted(seconds_a_row: float) -> None:
    rows, steps = graph._INSERTED_MIN, []
    for _ in range(40):
        steps.append(rows * seconds_a_row)
        rows = graph._rows_at_once(rows, steps[-1])
        assert graph._INSERTED_MIN <= rows <= graph._INSERTED_AT_ONCE
    assert max(steps) <= max(2 * graph._STEP_SECONDS, graph._INSERTED_MIN * seconds_a_row)
    if seconds_a_row < graph._STEP_SECONDS / graph._INSERTED_AT_ONCE / 2:
        assert rows == graph._INSERTED_AT_ONCE, "few threads wait for one another"


# -- writers


def test_who_writes_waits_where_too_many_rows_are_in_no_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "_TAIL_MAX", 1_500)
    monkeypatch.setattr(indexing, "ask", lambda store: None)  # no other thread builds
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs", index="graph")
        docs.add(list(range(2_500)), vectors=VECTORS[:2_500])
        assert docs.stats().indexed == 0
        docs.wait_indexed()
        pending = []
        for start in range(2_500, 4_976, 1_024):
            docs.add(list(range(start, start + 1_024)), vectors=VECTORS[start : start + 1_024])
            pending.append(docs.stats().pending)
        assert pending[0] > 0
        assert max(pending) <= 1_500
        assert docs.stats().indexed > 2_500
