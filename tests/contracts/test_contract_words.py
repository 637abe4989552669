"""Keyword and hybrid search, compared with a scan of every row."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vicinal
from support.ranking import Ranked, Stored, assert_ranking
from support.worlds import World
from vicinal import Collection
from vicinal.contract import Mode, Syntax
from vicinal.errors import InvalidArgument, NoEncoder
from vicinal.filters.evaluate import matches
from vicinal.filters.where import parse

DIM = 3
WORDS = ["fox", "foxes", "dog", "Dogs", "run", "running", "café", "cafe", "the", "zebra", "猫", "黒猫"]
QUERY_WORDS = [*WORDS, "absent", "+fox", "-dog", '"the fox"', '-"fox dog"', "+run", "+absent"]

texts = st.none() | st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)
numbers = st.none() | st.integers(0, 5)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("upsert"), st.integers(0, 12), texts, numbers, st.integers(0, 2)),
        st.tuples(st.just("delete"), st.integers(0, 12), st.none(), st.none(), st.just(0)),
        st.tuples(st.just("update"), st.integers(0, 12), texts, st.none(), st.integers(0, 2)),
        st.tuples(st.just("search"), st.integers(0, 12), st.none(), st.none(), st.just(0)),
    ),
    min_size=1,
    max_size=25,
)
queries = st.lists(st.sampled_from(QUERY_WORDS), min_size=1, max_size=4).map(" ".join)
filters = st.sampled_from([None, {"n": 1}, {"n": {"$gte": 1}}, {"n": {"$lt": 0}}])
POOL = np.random.default_rng(4).normal(size=(6, DIM)).astype(np.float32)


def played(docs: Collection, plan: list[Any]) -> dict[int, Stored]:
    """Returns the rows that a plan leaves; a search in between makes the index absorb some of them early."""
    rows: dict[int, Stored] = {}
    for step, id_, text, number, n in plan:
        vector = None if number is None else POOL[number]
        if step == "upsert":
            docs.upsert([id_], texts=[text], vectors=[vector], metadata=[{"n": n}])
            rows.pop(id_, None)
            rows[id_] = Stored(text, vector, {"n": n})
        elif step == "delete":
            docs.delete([id_])
            rows.pop(id_, None)
        elif step == "search":
            docs.search("fox", mode="keyword")
        elif id_ in rows:
            docs.update([id_], metadata=[{"n": n}], **({} if text is None else {"texts": [text]}))
            old = rows[id_]
            if text is not None:  # a new text takes a new place in the order
                del rows[id_]
            rows[id_] = Stored(old.text if text is None else text, old.vector, {"n": n})
    return rows


@settings(max_examples=120, deadline=None)
@given(
    plan=steps,
    query=queries,
    where=filters,
    k=st.integers(1, 15),
    alpha=st.sampled_from([0.0, 0.3, 0.5, 1.0]),
    syntax=st.sampled_from(get_args(Syntax)),
)
def test_p3_exactly_min_k_matches(
    plan: list[Any], query: str, where: Any, k: int, alpha: float, syntax: Syntax
) -> None:
    docs = vicinal.connect(":memory:").collection("docs", dimension=DIM)
    rows = played(docs, plan)
    if not any(row.metadata for row in rows.values()):
        return
    referee = Ranked(rows, lambda row: where is None or matches(parse(where), row.metadata, 0), syntax)
    order = {id_: place for place, id_ in enumerate(rows)}
    found = docs.search(query, k=k, where=where, mode="keyword", syntax=syntax)
    assert_ranking(found, referee.keyword(query), order, k)
    assert docs.search_many([query, query], k=k, where=where, mode="keyword", syntax=syntax)[1] == found
    assert docs.search(query, k=k + 7, where=where, mode="keyword", syntax=syntax).ids[:k] == found.ids
    vector = np.ones(DIM, dtype=np.float32)
    fused = docs.search(query, k=k, where=where, mode="hybrid", vector=vector, alpha=alpha, syntax=syntax)
    assert_ranking(fused, referee.hybrid(query, vector, alpha), order, k)
    assert (
        docs.search(query, k=k + 7, where=where, mode="hybrid", vector=vector, alpha=alpha, syntax=syntax)[:k] == fused
    )
    for method in ("rrf", "borda", "combsum", "combmnz"):
        other = docs.search(query, k=k, where=where, mode="hybrid", vector=vector, fusion=method, syntax=syntax)
        assert len(other) == min(k, len(referee.hybrid(query, vector, alpha)))
        assert all(0 <= hit.score <= 1 for hit in other)


def all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.fixture
def docs(world: World) -> Collection:
    docs = world.collection()
    docs.add(
        ["a", "b", "c", "d"],
        texts=["the quick brown fox jumps", "lazy dogs sleep", "the running fox", None],
        vectors=[[1.0, 0.0], [0.0, 1.0], None, [0.6, 0.8]],
        sparse=[{1: 2.0, 7: 1.0}, None, {7: 3.0}, {1: 0.5}],
        metadata=[{"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}],
    )
    return docs


def test_what_comes_back_names_its_measure(docs: Collection) -> None:
    hits = docs.search("foxes", mode="keyword")
    assert hits.metric == "bm25"
    assert hits.ids == ["c", "a"]
    assert all(hit.distance == -hit.score and not hit.legs for hit in hits)
    assert docs.search("foxes", mode="keyword", scorer=vicinal.TfIdf()).metric == "tfidf"


def test_each_hit_says_what_each_leg_said(docs: Collection) -> None:
    hits = docs.search("fox", mode="hybrid", vector=[1.0, 0.0], sparse={1: 1.0})
    legs = {hit.id: hit.legs for hit in hits}
    assert set(legs) == {"a", "b", "c", "d"}
    assert legs["a"]["dense"].rank == legs["a"]["sparse"].rank == 1
    assert legs["a"]["sparse"].score == 2.0
    assert legs["b"]["keyword"].rank is None
    assert legs["b"]["keyword"].score is None
    assert legs["c"]["dense"].score is None
    assert legs["c"]["keyword"].rank == 1
    assert legs["d"]["dense"].score == pytest.approx(0.6)
    assert [hit.distance for hit in hits] == [1 - hit.score for hit in hits]


def test_sparse_vectors_are_a_leg_of_their_own(docs: Collection) -> None:
    assert docs.search(mode="hybrid", sparse={7: 1.0}).ids == ["c", "a"]
    assert docs.search(mode="hybrid", sparse=([7, 1], [1.0, 10.0])).ids == ["a", "d", "c"]
    assert docs.search(mode="hybrid", sparse={7: 1.0}, where={"n": 1}).ids == ["a"]
    assert docs.search_many([None, None], mode="hybrid", sparse=[{7: 1.0}, {1: 1.0}])[1].ids == ["a", "d"]
    docs.update(["d"], sparse=[{7: 9.0}])
    docs.delete(["a"])
    assert docs.search(mode="hybrid", sparse={7: 1.0}).ids == ["d", "c"]
    assert docs.get(["d", "b"], vectors=True)[0].sparse == {7: 9.0}
    assert docs.get(["b"], vectors=True)[0].sparse is None


@pytest.mark.parametrize("mode", ["keyword", "hybrid"])
def test_natural_text_requires_and_excludes_nothing(world: World, mode: Mode) -> None:
    docs = world.collection(encoder="hashing")
    texts = {
        "cold": "It was -5 degrees.",
        "cpp": "A class in C++ has a destructor.",
        "art": "The state-of-the-art method.",
        "fox": "The brown fox.",
        "xof": "A fox that is brown, not quick.",
    }
    docs.add(list(texts), texts=list(texts.values()))

    def best(query: str) -> Any:
        return docs.search(query, mode=mode, k=1).ids

    assert best("-5") == ["cold"]
    assert best("+degrees -cold") == ["cold"]
    assert best("C++ destructor?") == ["cpp"]
    assert best("state-of-the-art") == best("state of the art") == ["art"]
    assert best('"brown fox') == best('the "brown fox"') == best("Which fox is “brown fox”?") == ["fox"]
    assert best("- degrees\n- cold\n") == ["cold"]
    assert best('print("no such text", -degrees)') == ["cold"]
    assert docs.search('"fox brown"', mode=mode).ids[:2] == ["fox", "xof"]  # no row has it in sequence
    assert best("a class in C++ " * 2_700) == ["cpp"]  # 40,000 characters
    assert docs.search("fox -brown", mode="keyword", syntax="operators").ids == []


def test_weights_of_legs(docs: Collection) -> None:
    by_words = docs.search("fox", mode="hybrid", vector=[0.0, 1.0], weights={"keyword": 1})
    assert by_words.ids[:2] == docs.search("fox", mode="keyword").ids
    by_vector = docs.search("fox", mode="hybrid", vector=[0.0, 1.0], weights={"dense": 3})
    assert by_vector.ids[:2] == docs.search([0.0, 1.0]).ids[:2]


def test_parameters_of_bm25_count_per_query(docs: Collection) -> None:
    plain = docs.search("fox", mode="keyword")
    flat = docs.search("fox", mode="keyword", scorer=vicinal.Bm25(k1=0.0))
    assert plain[0].score != plain[1].score
    assert flat[0].score == flat[1].score
    assert flat.ids == ["a", "c"]


def test_the_index_is_saved_and_found_again(world: World, docs: Collection) -> None:
    before = docs.search("fox", mode="hybrid", vector=[1.0, 0.0])
    docs.compact()
    again = world.again()
    assert again.search("fox", mode="hybrid", vector=[1.0, 0.0]) == before
    again.add(["e"], texts=["a fox"])
    assert "e" in again.search("fox", mode="keyword").ids
    again.delete(["c"])
    assert again.search("fox", mode="keyword").ids == ["e", "a"]


def test_deleted_text_is_not_found_and_counts_in_nothing(docs: Collection) -> None:
    docs.add(["x", "y"], texts=["fox fox", "an elephant"])
    docs.delete(["x", "y"])
    fresh = vicinal.connect(":memory:").collection("docs")
    fresh.add(["a", "b", "c"], texts=["the quick brown fox jumps", "lazy dogs sleep", "the running fox"])
    assert docs.search("elephant", mode="keyword").ids == []
    assert docs.search("fox", mode="keyword").scores == fresh.search("fox", mode="keyword").scores


def test_purged_words_are_in_no_file(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path / "data") as db:
        docs = db.collection("docs")
        docs.add(["a", "b"], texts=["quagmire of zzyzx", "plain words"])
        assert docs.search("zzyzx", mode="keyword").ids == ["a"]
        docs.compact()
        assert b"zzyzx" in all_bytes(tmp_path)
        docs.delete(["a"])
        docs.purge()
        assert docs.search("zzyzx", mode="keyword").ids == []
    assert b"zzyzx" not in all_bytes(tmp_path)
    assert b"words" in all_bytes(tmp_path)


def test_a_text_without_an_encoder_needs_its_vector(docs: Collection) -> None:
    with pytest.raises(NoEncoder):
        docs.search("fox", mode="hybrid")
    with pytest.raises(InvalidArgument, match="vector= is given too"):
        docs.search([1.0, 0.0], mode="hybrid", vector=[1.0, 0.0])


def test_an_empty_collection_has_no_words(world: World) -> None:
    docs = world.collection()
    for query in ("fox", "", "-fox", '"', "+", "\0", "🦊 " * 50):
        assert list(docs.search(query, mode="keyword")) == []
        assert list(docs.search(query, mode="keyword", syntax="operators")) == []
    docs.add(["a"], texts=[""])
    assert list(docs.search("fox", mode="keyword", k=10**9)) == []
