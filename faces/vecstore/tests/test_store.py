"""VecStore: what it accepts, returns and rejects."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vecstore
from vecstore import HybridQuery, Query, SearchResult, VecStore

X, Y, Z = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]


def ids(results: list[SearchResult]) -> list[str]:
    return [result.id for result in results]


@pytest.fixture
def three(store: VecStore) -> VecStore:
    store.upsert("x", X, {"n": 1, "lang": "en"})
    store.upsert("y", Y, {"n": 2, "lang": "de"})
    store.upsert("z", Z, {"n": 3})
    return store


def test_upsert_then_len(store: VecStore) -> None:
    assert store.is_empty()
    assert not store
    store.upsert("doc1", [0.1, 0.2, 0.3], {"text": "hello"})
    assert store.len() == len(store) == 1
    assert not store.is_empty()


def test_the_nearest_come_first_with_their_cosine(three: VecStore) -> None:
    first, second, third = three.query([0.8, 0.6, 0.0], k=3)
    assert (first.id, second.id, third.id) == ("x", "y", "z")
    assert [first.score, second.score, third.score] == pytest.approx([0.8, 0.6, 0.0])
    assert first.metadata == {"n": 1, "lang": "en"}
    assert first.metadata is first.metadata


def test_fewer_than_k_only_where_there_are_fewer(three: VecStore) -> None:
    assert ids(three.query(X, 1000)) == ["x", "y", "z"]
    assert three.query(X, 10**30)[0].id == "x"
    assert three.query(X, 0) == []
    three.remove("y")
    three.upsert("z", X, {})
    assert ids(three.query(X, 2)) == ["x", "z"]


def test_equal_scores_come_in_the_order_of_insertion(store: VecStore) -> None:
    for i in range(20):
        store.upsert(f"d{i}", X, {})
    store.upsert("d3", X, {})
    expected = [f"d{i}" for i in range(20) if i != 3] + ["d3"]
    assert ids(store.query(X, 100)) == expected


@pytest.mark.parametrize("vector", [[9, 8], (4,), [1.5, 2.5, 3.5]])
def test_a_store_that_never_had_a_vector_finds_nothing(store: VecStore, vector: Any) -> None:
    assert store.query(vector, 5) == store.hybrid_query(vector, "word", 5, 0.5) == []
    with pytest.raises(ValueError, match="Filter parse error"):
        store.query(vector, 5, "n >")


def test_upsert_of_a_known_id_replaces_vector_and_metadata_and_keeps_its_text(three: VecStore) -> None:
    three.index_text("x", "brown fox")
    three.upsert("x", Z, {"new": True})
    assert len(three) == 3
    found = three.query(Z, 2)
    assert (found[1].id, found[1].score, found[1].metadata) == ("x", 1.0, {"new": True})
    assert three.hybrid_query(Y, "fox", 1, alpha=0.0)[0].id == "x"
    three.upsert("x", Z, {})
    assert three.query(Z, 2)[1].metadata == {}


def test_remove_takes_the_text_too_and_an_unknown_id_is_told(three: VecStore) -> None:
    three.index_text("x", "brown fox")
    three.remove("x")
    for _ in range(2):
        with pytest.raises(ValueError, match="Remove failed: ID not found: x"):
            three.remove("x")
    assert len(three) == 2
    three.upsert("x", X, {})
    assert three.hybrid_query(X, "fox", 3, alpha=0.0)[0].score == 0.0


@pytest.mark.parametrize(
    "id_", ["a-b_c.d@e", "Ünïcode 😀", "../../etc/passwd", "'; DROP TABLE rows; --", "x" * 1000, "\n"]
)
def test_any_text_is_an_id(store: VecStore, id_: str) -> None:
    store.upsert(id_, X, {})
    assert ids(store.query(X, 5)) == [id_]
    store.remove(id_)
    assert store.is_empty()


VALUES: dict[str, Any] = {
    "text": "héllo 😀",
    "int": 7,
    "beyond": 2**80,
    "float": 3.0,
    "yes": True,
    "no": False,
    "none": None,
    "list": ["a", 1, None, [True]],
    "dict": {"deep": {"er": [1.5]}},
    "": "the empty key",
    "$and": "not an operator",
    "a.b": 1,
}


def test_metadata_comes_back_with_its_types(store: VecStore) -> None:
    store.upsert("a", X, VALUES)
    store.upsert("b", Y, {"int": np.int64(3), "float": np.float32(0.5), "tuple": (1, 2)})
    store.upsert("c", Z, {f"key{i}": i for i in range(100)})
    found = {result.id: result.metadata for result in store.query(X, 3)}
    assert found["a"] == VALUES
    assert [type(value) for value in found["a"].values()] == [type(value) for value in VALUES.values()]
    assert found["b"] == {"int": 3, "float": 0.5, "tuple": [1, 2]}
    assert len(found["c"]) == 100


@pytest.mark.parametrize(
    "vector",
    [(1, 0, 0), [True, False, False], np.array([1, 0, 0]), np.array([1.0, 0, 0], np.float64), [np.float32(1), 0, 0]],
)
def test_any_sequence_of_numbers_is_a_vector(store: VecStore, vector: Any) -> None:
    store.upsert("a", vector, {})
    assert store.query(vector, 1)[0].score == 1.0


NAN, INF = float("nan"), float("inf")
REFUSALS: dict[str, tuple[Callable[[VecStore], object], type[Exception], str]] = {
    "another dimension": (lambda s: s.upsert("a", [1.0], {}), ValueError, "Upsert failed: .*1 component.*3"),
    "an empty vector": (lambda s: s.upsert("a", [], {}), ValueError, "Upsert failed: .*vector is empty"),
    "NaN": (lambda s: s.upsert("a", [1, 2, NAN], {}), ValueError, "Upsert failed: .*nan"),
    "too large": (lambda s: s.upsert("a", [1, 2, 1e300], {}), ValueError, "Upsert failed: .*inf"),
    "a text in a vector": (lambda s: s.upsert("a", [1, 2, "3"], {}), TypeError, "vector must be a sequence of numbers"),
    "a text as vector": (lambda s: s.upsert("a", "123", {}), TypeError, "vector must be a sequence of numbers"),
    "two dimensions": (lambda s: s.upsert("a", [[1, 2, 3]], {}), TypeError, "vector must be a sequence of numbers"),
    "ragged": (lambda s: s.upsert("a", [[1, 2], 3], {}), TypeError, "vector must be a sequence of numbers"),
    "None in a vector": (lambda s: s.upsert("a", [1, 2, None], {}), TypeError, r"vector\[2\] must be a number"),
    "no vector": (lambda s: s.upsert("a", None, {}), TypeError, "vector must be a sequence of numbers"),
    "no metadata": (lambda s: s.upsert("a", X, None), TypeError, "metadata must be a dict, not NoneType"),
    "metadata of another type": (lambda s: s.upsert("a", X, [1]), TypeError, "metadata must be a dict, not list"),
    "a key that is no text": (lambda s: s.upsert("a", X, {1: 2}), TypeError, "a key of metadata must be a str"),
    "NaN in metadata": (lambda s: s.upsert("a", X, {"n": NAN}), ValueError, "Upsert failed: .*metadata.n"),
    "an object in metadata": (lambda s: s.upsert("a", X, {"o": object()}), ValueError, "metadata.o is of type object"),
    "an id that is no text": (lambda s: s.upsert(1, X, {}), TypeError, "id must be a str"),
    "an empty id": (lambda s: s.upsert("", X, {}), ValueError, "Upsert failed: .*not be empty. Give it at least one"),
    "a negative k": (lambda s: s.query(X, -1), ValueError, "k must be at least 0"),
    "a k that is no whole number": (lambda s: s.query(X, 1.0), TypeError, "k must be a whole number"),
    "no k": (lambda s: s.query(X), TypeError, "k is missing: say how many results at most, such as k=10"),
    "no alpha": (lambda s: s.hybrid_query(X, "a", 3), TypeError, "alpha is missing"),
    "a filter with a lone surrogate": (
        lambda s: s.query(X, 3, "a = '\ud800'"),
        ValueError,
        r"Filter parse error: the value holds a lone surrogate, which is not text. Decode the source with \S+\.$",
    ),
    "words with a lone surrogate": (
        lambda s: s.hybrid_query(X, "fox \ud800", 3, 0.5),
        ValueError,
        r"Hybrid query failed: .*lone surrogate.*not text. Decode the source with \S+\.$",
    ),
    "a query of another dimension": (lambda s: s.query([1, 2], 3), ValueError, "Query failed: .*2 components.*3"),
    "a query with infinity": (lambda s: s.query([1, 2, INF], 3), ValueError, "Query failed: .*inf"),
    "a filter that is no text": (lambda s: s.query(X, 3, {"n": 1}), TypeError, "filter must be a str"),
    "an empty filter": (lambda s: s.query(X, 3, "  "), ValueError, "Filter parse error: empty expression"),
    "words that are no text": (lambda s: s.hybrid_query(X, 5, 3, 0.5), TypeError, "keywords must be a str"),
    "an alpha that is none": (lambda s: s.hybrid_query(X, "a", 3, "b"), TypeError, "alpha must be a number"),
    "an alpha beyond 1": (lambda s: s.hybrid_query(X, "a", 3, 1.5), ValueError, "Hybrid query failed: alpha"),
    "an alpha that no float can hold": (
        lambda s: s.hybrid_query(X, "a", 3, 10**400),
        ValueError,
        "alpha is too large",
    ),
    "an alpha that is several numbers": (
        lambda s: s.hybrid_query(X, "a", 3, np.array([0.1, 0.2])),
        TypeError,
        "alpha must be a number",
    ),
    "a text for nothing": (lambda s: s.index_text("q", "a"), ValueError, "Text indexing failed: ID not found: q"),
    "an unknown id that a terminal would act on": (
        lambda s: s.remove("\x1b[2J\u202e" + "a" * 500),
        ValueError,
        r"^Remove failed: ID not found: \\x1b\[2J\\u202ea+\.\.\.a+$",
    ),
    "a text that is none": (lambda s: s.index_text("x", 5), TypeError, "text must be a str"),
    "a lone surrogate": (lambda s: s.index_text("x", "\ud800"), ValueError, "Text indexing failed"),
    "an unknown snapshot": (lambda s: s.restore_snapshot("no"), ValueError, "Snapshot restore failed: .*'no'"),
    "a query of the other kind": (
        lambda s: s.query(HybridQuery(X, "a", 3, 0.5)),
        TypeError,
        r"pass this HybridQuery to hybrid_query\(\)",
    ),
    "a hybrid query of the other kind": (
        lambda s: s.hybrid_query(Query(X, 3)),
        TypeError,
        r"pass this Query to query\(\)",
    ),
    "a Query and more": (lambda s: s.query(Query(X, 3), 3), TypeError, "takes a Query alone"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refused_call_says_what_is_wrong_and_changes_nothing(three: VecStore, case: str) -> None:
    call, error, message = REFUSALS[case]
    before = three.query(X, 10)
    with pytest.raises(error, match=message) as caught:
        call(three)
    assert type(caught.value) is error
    assert three.query(X, 10) == before


def test_a_zero_vector_is_like_nothing(store: VecStore) -> None:
    store.upsert("zero", [0, 0, 0], {})
    store.upsert("x", X, {})
    assert [(result.id, result.score) for result in store.query(X, 2)] == [("x", 1.0), ("zero", 0.0)]


def test_a_filter_counts_before_the_cut(store: VecStore) -> None:
    for i in range(60):
        store.upsert(f"d{i}", [1.0, i / 60, 0.0], {"n": i})
    assert ids(store.query(X, 3, filter="n >= 50")) == ["d50", "d51", "d52"]
    assert ids(store.hybrid_query(X, "", 2, 1.0, "n > 57")) == ["d58", "d59"]


def test_hybrid_search_weighs_the_vector_against_the_words(three: VecStore) -> None:
    three.index_text("y", "the quick brown fox")
    three.index_text("z", "a slow green turtle")
    assert ids(three.hybrid_query(X, "turtle", 3, alpha=1.0))[0] == "x"
    assert ids(three.hybrid_query(X, "turtle", 3, alpha=0.0))[0] == "z"
    both = three.hybrid_query(X, "turtle", 3, alpha=0.5)
    assert {result.id: result.score for result in both} == pytest.approx({"x": 0.5, "z": 0.5, "y": 0.0})
    three.index_text("z", "replaced")
    assert three.hybrid_query(X, "turtle", 3, alpha=0.0)[0].score == 0.0
    assert three.hybrid_query(HybridQuery(X, "replaced", 1, 0.0, "n = 3"))[0].id == "z"


def test_indexing_a_text_gives_no_warning(store: VecStore) -> None:
    store.upsert("a", X, {})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        store.index_text("a", "a text without an encoder")


def test_words_are_those_of_the_document(store: VecStore) -> None:
    """Lower case, split at white space and ASCII punctuation; no stems, no stop words; unknown words find nothing."""
    store.upsert("a", X, {})
    store.index_text("a", "Don't snake_case the naïve FOXES")
    for words, found in [("don", 1), ("CASE", 1), ("naïve", 1), ("foxes", 1), ("the", 1), ("fox", 0), ("naive", 0)]:
        assert store.hybrid_query(Y, words, 1, 0.0)[0].score == found, words


def test_a_query_is_a_holder_that_query_takes(three: VecStore) -> None:
    query = Query(X, 2)
    assert query.filter is None
    query.k, query.filter = 1, "n = 2"
    assert three.query(query) == three.query(X, 1, "n = 2")
    assert ids(three.query(query)) == ["y"]


def test_a_result_is_a_value_to_read() -> None:
    assert repr(SearchResult("doc1", 0.12345)) == "SearchResult(id='doc1', score=0.123)"
    assert repr(SearchResult("\x1b[2J", 1)) == r"SearchResult(id='\x1b[2J', score=1.000)"  # no terminal acts on it
    result = SearchResult("it's", 0.12345)
    assert result.metadata == {}
    assert result == SearchResult(id="it's", score=0.12345, metadata={})
    with pytest.raises(AttributeError):
        result.score = 1.0  # type: ignore[misc]
    with pytest.raises(TypeError, match="score must be a number"):
        SearchResult("a", "high")  # type: ignore[arg-type]


def test_what_was_stored_is_there_when_the_store_is_opened_again(tmp_path: Path) -> None:
    with VecStore(str(tmp_path / "deep" / "store")) as store:
        store.upsert("a", X, {"n": 1})
        store.index_text("a", "fox")
        store.save()
    with VecStore.open(tmp_path / "deep" / "store") as again:
        assert again.query(X, 1) == [SearchResult("a", 1.0, {"n": 1})]
        assert again.hybrid_query(Y, "fox", 1, 0.0)[0].score == 1.0
        assert repr(again) == "VecStore(vectors=1)"
    assert repr(again) == "VecStore(closed)"
    with pytest.raises(ValueError, match="Count failed"):
        len(again)


def test_the_dimension_outlives_the_vectors(three: VecStore) -> None:
    for id_ in "xyz":
        three.remove(id_)
    assert three.query(X, 5) == []
    with pytest.raises(ValueError, match="3"):
        three.upsert("a", [1, 2], {})


def test_optimize_counts_what_it_reclaims(three: VecStore) -> None:
    assert three.optimize() == 0
    three.upsert("x", X, {"n": 1, "lang": "en"})
    three.remove("y")
    before = three.query(X, 10)
    assert three.optimize() == 2
    assert three.optimize() == 0
    assert three.query(X, 10) == before


def test_snapshots_are_kept_listed_and_restored(three: VecStore) -> None:
    three.index_text("x", "fox")
    three.create_snapshot("v1")
    three.remove("x")
    three.upsert("new", X, {})
    three.create_snapshot("v2.0_b-1")
    (name, at, count), (older, at_first, _) = three.list_snapshots()
    assert (name, older, count) == ("v2.0_b-1", "v1", 3)
    assert at_first < at
    assert at.endswith("+00:00")
    three.restore_snapshot("v1")
    assert ids(three.query(X, 5)) == ["x", "y", "z"]
    assert three.hybrid_query(Y, "fox", 1, 0.0)[0].id == "x"
    assert len(three.list_snapshots()) == 2
    with pytest.raises(ValueError, match="Snapshot creation failed: there is a snapshot 'v1' already"):
        three.create_snapshot("v1")
    three.restore_snapshot("v2.0_b-1")
    assert sorted(ids(three.query(X, 5))) == ["new", "y", "z"]


def test_a_snapshot_of_an_empty_store_brings_its_lack_of_a_dimension_back(store: VecStore) -> None:
    store.create_snapshot("empty")
    store.upsert("a", X, {})
    store.restore_snapshot("empty")
    assert store.is_empty()
    store.upsert("a", [1.0, 2.0], {})
    assert store.query([1.0, 2.0], 1)[0].score == 1.0


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../out", "a/b", "a\\b", "/etc", ".hidden", "a b", "é", "a\0b", "x" * 129, "a\n"]
)
def test_a_snapshot_cannot_leave_the_folder_of_the_store(store: VecStore, tmp_path: Path, name: str) -> None:
    before = sorted(path.name for path in tmp_path.iterdir())
    for call in (store.create_snapshot, store.restore_snapshot):
        with pytest.raises(ValueError, match=r"^Snapshot (creation|restore) failed: .* is no name"):
            call(name)
    assert store.list_snapshots() == []
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize("path", [3, None, b"store"])
def test_what_is_no_path_is_refused(path: Any) -> None:
    with pytest.raises(TypeError, match="path must be a path"):
        VecStore(path)


def test_a_store_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^Failed to open store: the path holds a lone surrogate"):
        VecStore(f"{tmp_path}/\ud800")
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ValueError, match=r"Failed to open store: .*is a file"):
        VecStore(tmp_path / "file")
    with VecStore(tmp_path / "store") as store:
        store.upsert("a", X, {})
    (records,) = (tmp_path / "store").rglob("records.db")
    records.write_bytes(b"\0" * records.stat().st_size)
    with pytest.raises(ValueError, match="Failed to open store: "):
        VecStore(tmp_path / "store")


def test_a_folder_called_memory_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    VecStore(":memory:").upsert("a", X, {})
    assert len(VecStore(":memory:")) == 1
    assert (tmp_path / ":memory:").is_dir()


def test_threads_may_write_one_id_at_once(store: VecStore) -> None:
    def write(worker: int) -> None:
        for i in range(30):
            store.upsert("shared", [float(worker), 1.0, 0.0], {"worker": worker})
            store.upsert(f"{worker}-{i}", X, {})

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store) == 121
    (shared,) = store.query(X, 1, "worker >= 0")
    worker = shared.metadata["worker"]
    assert shared.score == pytest.approx(worker / np.hypot(worker, 1.0))


def test_the_names_of_the_document_are_there() -> None:
    members = """upsert query hybrid_query remove save create_snapshot restore_snapshot list_snapshots optimize
        index_text len is_empty open"""
    assert all(callable(getattr(VecStore, name)) for name in members.split())
    assert set(vecstore.__all__) <= set(dir(vecstore))


@pytest.mark.parametrize(
    ("call", "right"),
    [
        (lambda s: s.query(X, top_k=3), "query takes no argument 'top_k'. Use k= instead"),
        (lambda s: s.query(X, 3, where="n = 1"), "query takes no argument 'where'"),
        (lambda s: s.upsert("a", X, meta={}), "Use metadata= instead"),
    ],
)
def test_an_unknown_argument_gets_the_right_name(three: VecStore, call: Any, right: str) -> None:
    with pytest.raises(TypeError, match=right):
        call(three)
