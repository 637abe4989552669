"""Search: exactly min(k, matches) hits, best first, ties by insertion order, scores as documented."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import vicinal
from support.referee import METRICS, ranking
from support.worlds import World
from vicinal import Collection
from vicinal.contract import Mode
from vicinal.errors import IdNotFound, InvalidArgument, InvalidInput, InvalidVector, NoEncoder, Unsupported, ZeroVector


def bits(values: list[float]) -> list[bytes]:
    return [np.float64(value).tobytes() for value in values]


# -- P8: one score direction

GOLDEN = [
    # metric, query, [(vector, score, distance)] best first
    ("cosine", [1, 0], [([2, 0], 1.0, 0.0), ([3, 4], 0.6, 0.4), ([0, 5], 0.0, 1.0), ([-1, 0], -1.0, 2.0)]),
    ("ip", [1, 2], [([3, 4], 11.0, -11.0), ([1, 0], 1.0, -1.0), ([0, 0], 0.0, 0.0), ([-1, -1], -3.0, 3.0)]),
    ("l2", [1, 1], [([1, 1], 0.0, 0.0), ([4, 5], -5.0, 5.0), ([1, -9], -10.0, 10.0)]),
    ("l1", [1, 1], [([1, 1], 0.0, 0.0), ([1, -5], -6.0, 6.0), ([4, 5], -7.0, 7.0)]),
]


@pytest.mark.parametrize(("metric", "query", "expected"), GOLDEN, ids=METRICS)
def test_p8_score_and_distance_of_every_metric(
    world: World, metric: Any, query: list[float], expected: list[tuple[list[float], float, float]]
) -> None:
    docs = world.collection(metric=metric)
    docs.add(list(range(len(expected)))[::-1], vectors=[vector for vector, _, _ in expected][::-1])
    hits = docs.search(query)
    assert hits.metric == metric
    assert hits.ids == list(range(len(expected)))
    assert hits.scores == [np.float32(score) for _, score, _ in expected]
    assert [hit.distance for hit in hits] == pytest.approx([distance for _, _, distance in expected], abs=1e-7)
    assert all(math.copysign(1, value) == 1 for hit in hits for value in (hit.score, hit.distance) if value == 0)


def test_cosine_is_the_default(docs: Collection) -> None:
    docs.add(["a"], vectors=[[3.0, 4.0]])
    assert docs.search([1.0, 0.0]).metric == "cosine"
    assert docs.stats().metric == "cosine"


# -- P3: how many


@pytest.mark.parametrize("k", [1, 2, 5, 6, 10**6, 2**70, np.int64(3)])
def test_exactly_min_k_matches(world: World, docs: Collection, k: Any) -> None:
    if world.server is not None and k > 10**6:
        pytest.skip("a server has limits of its own")
    docs.add(list(range(5)), vectors=np.eye(5))
    assert len(docs.search(np.ones(5), k=k)) == min(k, 5)
    assert docs.search(np.ones(5), k=k).ids == list(range(min(int(k), 5)))


@pytest.mark.parametrize("k", [0, -1, 1.0, "3", None, True, float("inf")])
def test_what_is_no_k_is_refused(docs: Collection, k: Any) -> None:
    docs.add(["a"], vectors=[[1.0]])
    for call in (lambda: docs.search([1.0], k=k), lambda: docs.search_many([[1.0]], k=k)):
        with pytest.raises(InvalidArgument, match="k must be a whole number of at least 1"):
            call()


def test_an_empty_collection_has_no_hits(docs: Collection) -> None:
    assert list(docs.search([1.0, 2.0])) == []
    assert [list(hits) for hits in docs.search_many([[1.0], [1.0, 2.0]])] == [[], []]
    docs.add(["a"], vectors=[[1.0, 2.0]])
    docs.delete(["a"])
    assert list(docs.search([1.0, 2.0])) == []


# -- what is asked


def test_by_id_finds_the_neighbours_and_not_the_row_itself(docs: Collection) -> None:
    docs.add(["a", 1, "1"], vectors=[[1.0, 0.0], [1.0, 0.1], [1.0, 0.2]])
    docs.add(["twin"], vectors=[[1.0, 0.0]])
    assert docs.search(id="a", k=1).ids == ["twin"]
    assert docs.search(id="a", k=99).ids == ["twin", 1, "1"]
    assert docs.search(id=1, k=99).ids == ["1", "a", "twin"] or docs.search(id=1, k=99).ids == ["a", "twin", "1"]
    assert 1 not in docs.search(id=1).ids
    assert "1" in docs.search(id=1).ids


def test_by_id_equals_by_its_vector_without_itself(docs: Collection) -> None:
    rng = np.random.default_rng(7)
    vectors = rng.standard_normal((40, 6)).astype(np.float32)
    docs.add(list(range(40)), vectors=vectors)
    for i in range(40):
        whole = [(hit.id, hit.score) for hit in docs.search(vectors[i], k=40) if hit.id != i]
        assert [(hit.id, hit.score) for hit in docs.search(id=i, k=10)] == whole[:10]


def test_by_id_of_what_has_no_vector_or_is_not_there(docs: Collection) -> None:
    docs.add(["text"], texts=["x"])
    with pytest.raises(Unsupported, match="has no vector"):
        docs.search(id="text")
    with pytest.raises(IdNotFound):
        docs.search(id="nowhere")


def test_query_and_id_exclude_each_other(docs: Collection) -> None:
    docs.add(["a"], vectors=[[1.0]])
    with pytest.raises(InvalidArgument, match="query and id= exclude each other"):
        docs.search([1.0], id="a")
    with pytest.raises(InvalidArgument, match="search needs something to search for"):
        docs.search()


@pytest.mark.parametrize(
    "query",
    [[1, 0], (1.0, 0.0), np.array([1, 0], dtype=np.int8), np.array([[1.0, 0.0]])[0], np.array([1.0, 9.0, 0.0])[::2]],
)
def test_a_query_may_be_any_vector(docs: Collection, query: Any) -> None:
    docs.add(["a", "b"], vectors=[[0.0, 1.0], [1.0, 0.0]])
    assert docs.search(query).ids == ["b", "a"]
    assert docs.search_many([query, query])[1].ids == ["b", "a"]


@pytest.mark.parametrize(
    "query",
    [
        5,
        5.0,
        b"ab",
        {"a": 1},
        pytest.param(object(), id="object"),
        [[1.0, 0.0]],
        np.eye(2),
        ["a", "b"],
        [1.0, None],
        [1.0, "x"],
        [[1.0], [1.0, 2.0]],
        [1j, 0],
        [True, False],
        [],
    ],
    ids=repr,
)
def test_what_is_no_query_is_refused(docs: Collection, query: Any) -> None:
    docs.add(["a"], vectors=[[1.0, 0.0]])
    with pytest.raises(InvalidVector) as caught:
        docs.search(query)
    assert caught.value.remedy
    with pytest.raises(InvalidVector) as caught:
        docs.search_many([[1.0, 0.0], query])
    assert caught.value.place == "query 1"


def test_several_queries_given_to_search_name_search_many(docs: Collection) -> None:
    for several in (np.eye(2), [[1.0, 0.0]], ["a", "b"]):
        with pytest.raises(InvalidVector, match="Use search_many"):
            docs.search(several)


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ([1.0, 2.0, 3.0], "DimensionMismatch"),
        ([float("nan"), 1.0], "InvalidVector"),
        ([float("inf"), 1.0], "InvalidVector"),
        ([1e39, 1.0], "InvalidVector"),
        ([0.0, 0.0], "ZeroVector"),
        ([1e-60, 0.0], "ZeroVector"),
        ("a text", "NoEncoder"),
    ],
)
def test_a_query_that_cannot_be_answered(docs: Collection, query: Any, error: str) -> None:
    docs.add(["a"], vectors=[[1.0, 0.0]])
    for call in (lambda: docs.search(query), lambda: docs.search_many([query])):
        with pytest.raises((InvalidInput, NoEncoder)) as caught:
            call()
        assert type(caught.value).__name__ == error
        assert caught.value.remedy


def test_search_many_equals_search_one_by_one(docs: Collection) -> None:
    rng = np.random.default_rng(3)
    docs.add(list(range(60)), vectors=rng.standard_normal((60, 5)))
    queries = rng.standard_normal((9, 5))
    together = docs.search_many(queries, k=7)
    alone = [docs.search(query, k=7) for query in queries]
    assert together == alone
    assert [bits(hits.scores) for hits in together] == [bits(hits.scores) for hits in alone]
    assert docs.search_many([]) == []


@pytest.mark.parametrize("queries", ["text", b"x", 5, None, {"a": 1}])
def test_search_many_wants_a_list(docs: Collection, queries: Any) -> None:
    with pytest.raises(InvalidArgument, match="queries must be a list"):
        docs.search_many(queries)


@pytest.mark.parametrize(
    ("arguments", "right"),
    [
        ({"limit": 3}, "k"),
        ({"top_k": 3}, "k"),
        ({"n_results": 3}, "k"),
        ({"filter": {}}, "where"),
        ({"query_texts": []}, "query"),
        ({"moed": "dense"}, "mode"),
    ],
    ids=str,
)
def test_names_of_other_stores_are_refused_with_ours(docs: Collection, arguments: dict[str, Any], right: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        docs.search([1.0], **arguments)
    assert isinstance(caught.value, TypeError)
    assert caught.value.name == next(iter(arguments))
    assert right in caught.value.remedy


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"mode": "keyword"}, InvalidArgument),
        ({"fusion": "rank"}, InvalidArgument),
        ({"alpha": -0.1}, InvalidArgument),
        ({"vector": [1.0, 2.0]}, InvalidArgument),
        ({"weights": {}}, InvalidArgument),
        ({"scorer": "bm25"}, InvalidArgument),
        ({"mode": "dens"}, InvalidArgument),
        ({"recall": 0}, InvalidArgument),
        ({"recall": 1.5}, InvalidArgument),
        ({"recall": True}, InvalidArgument),
        ({"recall": "high"}, InvalidArgument),
        ({"recall": float("nan")}, InvalidArgument),
        ({"effort": 0}, InvalidArgument),
        ({"effort": 2.5}, InvalidArgument),
        ({"effort": True}, InvalidArgument),
        ({"effort": 5, "recall": 0.9}, InvalidArgument),
        ({"effort": 5, "exact": True}, InvalidArgument),
        ({"effort": 5, "mode": "keyword"}, InvalidArgument),
    ],
    ids=str,
)
def test_options_that_do_not_exist_are_refused(docs: Collection, arguments: dict[str, Any], error: type) -> None:
    docs.add(["a"], vectors=[[1.0]])
    with pytest.raises(error):
        docs.search([1.0], **arguments)
    assert docs.search([1.0], recall=1.0, exact=True).ids == ["a"]


def test_many_queries_may_ask_for_a_share_of_the_answer(docs: Collection) -> None:
    docs.add(["a", "b", "c"], vectors=[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    queries = [[1.0, 0.1], [0.1, 1.0]]
    for options in ({"recall": 0.5}, {"recall": 1.0, "exact": True}, {"exact": True}, {"recall": 1}, {"effort": 3}):
        assert [hits.ids for hits in docs.search_many(queries, 2, **options)] == [["a", "c"], ["b", "c"]]
    for wrong in ({"recall": 0}, {"recall": "high"}, {"exact": 1}, {"recall": 0.5, "exact": True}, {"effort": 0}):
        with pytest.raises(InvalidArgument) as caught:
            docs.search_many(queries, **wrong)
        with pytest.raises(InvalidArgument) as alone:
            docs.search(queries[0], **wrong)
        assert str(caught.value) == str(alone.value)
    with pytest.raises(InvalidArgument, match="changes nothing"):
        docs.search_many(["words"], mode="keyword", recall=0.5)


def test_effort_is_how_far_one_search_looks(world: World) -> None:
    random = np.random.default_rng(11)
    vectors = random.standard_normal((2_500, 8)).astype(np.float32)
    docs = world.collection(index={"name": "ivf", "lists": 50, "train_from": 1})
    docs.add(list(range(len(vectors))), vectors=vectors)
    docs.wait_indexed()

    def share(effort: int) -> float:
        found = [
            {*docs.search(query, effort=effort, select=()).ids} & {*docs.search(query, exact=True, select=()).ids}
            for query in vectors[:30]
        ]
        return sum(map(len, found)) / 300

    before = docs.stats()
    assert share(1) < 0.8 < share(50) == share(10**30) == 1.0
    assert docs.stats() == before  # nothing was made again
    [hit] = docs.recommend([5], k=1, effort=50)
    assert hit.id == docs.recommend([5], k=1, exact=True).ids[0]


# -- zero vectors


def test_zero_vectors_where_they_are_allowed(world: World) -> None:
    docs = world.collection(zero_vectors="allow")
    docs.add(["zero", "same", "opposite"], vectors=[[0, 0], [1, 0], [-1, 0]])
    assert [(hit.id, hit.score, hit.distance) for hit in docs.search([1.0, 0.0])] == [
        ("same", 1.0, 0.0),
        ("zero", 0.0, 1.0),
        ("opposite", -1.0, 2.0),
    ]
    assert [(hit.id, hit.score) for hit in docs.search([0.0, 0.0])] == [("zero", 0.0), ("same", 0.0), ("opposite", 0.0)]
    assert docs.search([0.0, 0.0], k=2).ids == ["zero", "same"]


@pytest.mark.parametrize("metric", ["ip", "l2", "l1"])
def test_zero_vectors_are_vectors_for_the_other_metrics(world: World, metric: Any) -> None:
    docs = world.collection(metric=metric)
    docs.add(["zero"], vectors=[[0.0, 0.0]])
    assert docs.search([0.0, 0.0]).scores == [0.0]


def test_minus_zero_is_zero(docs: Collection) -> None:
    with pytest.raises(ZeroVector):
        docs.add(["a"], vectors=[[-0.0, 0.0]])


# -- P6: order, ties, prefixes

SCALES = [1e-45, 1e-38, 1e-20, 1e-3, 1.0, 1e3, 1e18, 1e37]


@pytest.mark.parametrize("metric", METRICS)
@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 24),
    dim=st.integers(1, 19),
    scales=st.lists(st.sampled_from(SCALES), min_size=1, max_size=3),
    whole=st.booleans(),
)
@example(seed=0, rows=3, dim=5, scales=[1e37, 1e-45], whole=True)  # one score is infinite, two are nearly 0
def test_p6_ranking_is_the_referees(
    metric: Any, seed: int, rows: int, dim: int, scales: list[float], whole: bool
) -> None:
    """Compared with sums without rounding error: scores within one float, in the order of the scores."""
    rng = np.random.default_rng(seed)
    numbers = rng.integers(-3, 4, (rows + 1, dim)) if whole else rng.standard_normal((rows + 1, dim))
    *vectors, query = (numbers * rng.choice(scales, (rows + 1, 1))).astype(np.float32)
    docs = vicinal.connect(":memory:").collection("docs", metric=metric, zero_vectors="allow")
    docs.add(list(range(rows)), vectors=vectors)
    hits = docs.search(query, k=99)
    expected = dict(ranking(metric, dict(enumerate(vectors)), query, 99))
    assert set(hits.ids) == set(expected)
    for hit in hits:
        assert is_within_a_bit(hit.score, expected[hit.id])
    assert [(-hit.score, hit.id) for hit in hits] == sorted((-hit.score, hit.id) for hit in hits)
    for k in range(1, len(hits)):
        assert docs.search(query, k=k) == hits[:k]


def is_within_a_bit(score: float, expected: float) -> bool:
    if abs(expected) > float(np.finfo(np.float32).max) and np.isfinite(expected):  # an inner product beyond float32
        return score == pytest.approx(expected, rel=2**-23)
    neighbours = np.nextafter(np.float32(expected), np.float32([-np.inf, np.inf]))
    return score == expected or score in neighbours.tolist()


def adversarial(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns rows that float32 can hardly distinguish, and a query: (vectors, query)."""
    rng = np.random.default_rng(11)
    dim = 37  # no multiple of any SIMD width
    query = rng.standard_normal(dim).astype(np.float32)
    near = np.repeat(query[None], 120, axis=0)
    if name == "duplicates":
        return rng.standard_normal((3, dim)).astype(np.float32)[rng.integers(0, 3, 120)], query
    if name == "last bits":  # each differs from the query in the last bit of one or two components
        for row in near:
            for at in rng.integers(0, dim, 2):
                row[at] = np.nextafter(row[at], np.float32(rng.choice([-np.inf, np.inf])))
        return near, query
    if name == "same direction":
        return (near * rng.uniform(0.5, 2, (120, 1))).astype(np.float32), query
    if name == "cancelling":  # large terms that cancel
        near[:, ::2] *= 1e6
        near[:, 1::2] = -near[:, :-1:2] * (1 + 1e-7 * rng.integers(-3, 4, (120, 1)))
        return near, np.ones(dim, dtype=np.float32)
    if name == "subnormal":
        return (rng.integers(-9, 10, (120, dim)) * np.float32(1e-45)).astype(np.float32), query
    if name == "huge":
        return (rng.integers(-3, 4, (120, dim)) * np.float32(1e37)).astype(np.float32), (query * 1e30).astype(
            np.float32
        )
    if name == "mixed":
        return (rng.standard_normal((120, dim)) * 10.0 ** rng.integers(-30, 30, (120, 1))).astype(np.float32), query
    if name == "tiny":
        return (rng.standard_normal((120, dim)) * 1e-25).astype(np.float32), (query * 1e-25).astype(np.float32)
    raise ValueError(name)


ADVERSARIES = ["duplicates", "last bits", "same direction", "cancelling", "subnormal", "huge", "mixed", "tiny"]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("name", ADVERSARIES)
def test_p6_adversarial_rows_have_prefixes_and_the_referees_order(world: World, metric: Any, name: str) -> None:
    vectors, query = adversarial(name)
    docs = world.collection(metric=metric, zero_vectors="allow")
    docs.add(list(range(len(vectors))), vectors=vectors)
    whole = docs.search(query, k=len(vectors))
    assert [(-hit.score, hit.id) for hit in whole] == sorted((-hit.score, hit.id) for hit in whole)
    for k in [1, 2, 3, 5, 10, 50, len(vectors) - 1]:
        top = docs.search(query, k=k)
        assert top == whole[:k]
        assert bits(top.scores) == bits(whole.scores[:k])
    expected = dict(ranking(metric, dict(enumerate(vectors)), query, 999))
    for hit in whole:
        assert is_within_a_bit(hit.score, expected[hit.id])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("name", ADVERSARIES)
def test_p6_scores_are_bit_equal_after_reopening(world: World, metric: Any, name: str) -> None:
    vectors, query = adversarial(name)
    docs = world.collection(metric=metric, zero_vectors="allow")
    docs.add(list(range(len(vectors))), vectors=vectors)
    before = docs.search(query, k=20)
    after = world.again().search(query, k=20)
    assert after == before
    assert bits(after.scores) == bits(before.scores)


@pytest.mark.parametrize("metric", METRICS)
def test_p6_the_same_rows_in_other_commits_answer_the_same(world: World, metric: Any) -> None:
    rng = np.random.default_rng(5)
    vectors = rng.integers(-3, 4, (64, 8)).astype(np.float32)
    query = rng.standard_normal(8).astype(np.float32)
    at_once = world.collection("one commit", metric=metric, zero_vectors="allow")
    at_once.add(list(range(64)), vectors=vectors)
    one_by_one = world.collection("with detours", metric=metric, zero_vectors="allow")
    for i, vector in enumerate(vectors):
        one_by_one.add([f"away {i}"], vectors=[-vector])
        one_by_one.add([i], vectors=[vector])
    one_by_one.delete([f"away {i}" for i in range(64)])
    assert list(one_by_one.search(query, k=20)) == list(at_once.search(query, k=20))


def test_a_large_collection_against_the_referee(world: World) -> None:
    """Sizes at which blocks, growth of arrays and partial selection matter."""
    rng = np.random.default_rng(1)
    vectors = rng.integers(-50, 51, (5000, 16)).astype(np.float32)
    docs = world.collection(metric="ip")
    docs.add(list(range(5000)), vectors=vectors)
    gone = rng.choice(5000, 1500, replace=False)
    docs.delete(gone)
    left = {i: vectors[i] for i in range(5000) if i not in set(gone.tolist())}
    for _ in range(3):
        query = rng.integers(-50, 51, 16).astype(np.float32)
        assert [(hit.id, hit.score) for hit in docs.search(query, k=300)] == ranking("ip", left, query, 300)


@pytest.mark.parametrize("mode", ["dense", "keyword", "hybrid"])
def test_pages_and_least_scores(world: World, mode: Mode) -> None:
    docs = world.collection(encoder="hashing:32")
    docs.add(list(range(30)), texts=[f"fox {number % 7} dog {'fox ' * (number % 4)}" for number in range(30)])
    whole = docs.search("fox 3", k=30, mode=mode)
    pages = [docs.search("fox 3", k=7, offset=offset, mode=mode) for offset in range(0, 42, 7)]
    assert [hit for page in pages for hit in page] == list(whole)
    least = whole.scores[11]
    assert list(docs.search("fox 3", k=30, min_score=least, mode=mode)) == [hit for hit in whole if hit.score >= least]
    assert list(docs.search("fox 3", k=5, offset=10, min_score=least, mode=mode)) == [
        hit for hit in whole[10:15] if hit.score >= least
    ]
    assert docs.search_many(["fox 3", "dog"], k=7, offset=7, mode=mode)[0] == pages[1]
    assert not docs.search("fox 3", min_score=float("inf"), mode=mode)
    if mode == "dense":
        near = docs.search(id=5, k=9)
        assert list(docs.search(id=5, k=4, offset=5)) == list(near[5:])


@pytest.mark.parametrize(
    "wrong",
    [
        {"offset": -1},
        {"offset": 1.5},
        {"offset": True},
        {"min_score": "a"},
        {"min_score": math.nan},
        {"min_score": 10**400},
        {"min_score": True},
    ],
    ids=repr,
)
def test_pages_and_least_scores_that_cannot_be_meant(docs: Collection, wrong: dict[str, Any]) -> None:
    docs.add(["a"], vectors=[[1.0, 2.0]])
    with pytest.raises(InvalidArgument, match=f"{next(iter(wrong))} must be a"):
        docs.search([1.0, 2.0], **wrong)
