"""Sixty mistakes of new users, most of them habits from other programs: each error names the remedy."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vicinal
import vicinal.rag
from vicinal.errors import VicinalError
from vicinal.visible import LINE_CHARS_MAX

MINILM = "sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture(scope="module")
def d(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A database with a collection "docs" of two texts."""
    database: Any = vicinal.connect(tmp_path_factory.mktemp("first-day") / "data")
    docs = database.collection("docs", encoder="hashing:64")
    docs.add(
        ["a", "b"],
        texts=["plants make sugar", "knives are sharpened"],
        metadata=[{"price": 10, "tag": "x", "day": "2024-05-01"}, {"price": 20, "tag": "y", "day": "2024-06-01"}],
    )
    return database


def docs(d: Any) -> Any:
    return d.collection("docs")


def frame(**columns: list[Any]) -> Any:
    return pytest.importorskip("pandas").DataFrame(columns)


MISTAKES: dict[str, tuple[Callable[[Any], Any], str]] = {
    # -- names of other programs
    "add documents": (lambda d: docs(d).add(documents=["x"]), "Use texts= instead"),
    "add metadatas": (lambda d: docs(d).add(texts=["x"], metadatas=[{}]), "Use metadata= instead"),
    "add embeddings": (lambda d: docs(d).add(embeddings=[[1.0] * 64]), "Use vectors= instead"),
    "add text": (lambda d: docs(d).add(text="x"), "Use texts= instead"),
    "add embedding": (lambda d: docs(d).add(embedding=[1.0]), "Use vectors= instead"),
    "add id": (lambda d: docs(d).add(id="x", texts=["x"]), "Use ids= instead"),
    "add payload": (lambda d: docs(d).add(texts=["x"], payload=[{}]), "Use metadata= instead"),
    "add a data frame by its name": (lambda d: docs(d).add(df=[]), "Use rows= instead"),
    "upsert documents": (lambda d: docs(d).upsert(documents=["x"]), "Use texts= instead"),
    "upsert points": (lambda d: docs(d).upsert(points=[]), "Use rows= instead"),
    "update metadatas": (lambda d: docs(d).update(["a"], metadatas=[{}]), "Use metadata= instead"),
    "update documents": (lambda d: docs(d).update(["a"], documents=["x"]), "Use texts= instead"),
    "delete filter": (lambda d: docs(d).delete(filter={}), "Use where= instead"),
    "delete id": (lambda d: docs(d).delete(id="a"), "Use ids= instead"),
    "get include": (lambda d: docs(d).get(include=["embeddings"]), "Use vectors= instead"),
    "get id": (lambda d: docs(d).get(id="a"), "Use ids= instead"),
    "get n_results": (lambda d: docs(d).get(n_results=3), "Use limit= instead"),
    "scroll sort_by": (lambda d: docs(d).scroll(sort_by="price"), "Use order_by= instead"),
    "scroll reverse": (lambda d: docs(d).scroll(order_by="price", reverse=True), "Use descending= instead"),
    "peek limit": (lambda d: docs(d).peek(limit=3), "Use n= instead"),
    "count filter": (lambda d: docs(d).count(filter={}), "Use where= instead"),
    "search query_texts": (lambda d: docs(d).search(query_texts=["x"]), "Use query= instead"),
    "search n_results": (lambda d: docs(d).search("x", n_results=3), "Use k= instead"),
    "search top_k": (lambda d: docs(d).search("x", top_k=3), "Use k= instead"),
    "search limit": (lambda d: docs(d).search("x", limit=3), "Use k= instead"),
    "search filter": (lambda d: docs(d).search("x", filter={}), "Use where= instead"),
    "search score_threshold": (lambda d: docs(d).search("x", score_threshold=0.5), "Use min_score= instead"),
    "search include": (lambda d: docs(d).search("x", include=["documents"]), "Leave it out"),
    "search query_embeddings": (lambda d: docs(d).search(query_embeddings=[[1.0]]), "Use query= instead"),
    "search_many query_texts": (lambda d: docs(d).search_many(query_texts=["x"]), "Use queries= instead"),
    "collection embedding_function": (
        lambda d: d.collection("new", embedding_function="minilm"),
        "Use encoder= instead",
    ),
    "collection model": (lambda d: d.collection("new", model="minilm"), "Use encoder= instead"),
    "collection dim": (lambda d: d.collection("new", dim=3), "Use dimension= instead"),
    "collection distance": (lambda d: d.collection("new", distance="cosine"), "Use metric= instead"),
    "connect path": (lambda d: vicinal.connect(path="./data"), "Use target= instead"),  # type: ignore[call-arg]
    "connect persist_directory": (
        lambda d: vicinal.connect(persist_directory="./data"),  # type: ignore[call-arg]
        "Use target= instead",
    ),
    "connect without anything": (lambda d: vicinal.connect(), "Write connect(target=...)"),  # type: ignore[call-arg]
    # -- values of other programs
    "metric euclidean": (lambda d: d.collection("new", metric="euclidean"), "Use 'l2'"),
    "metric dot": (lambda d: d.collection("new", metric="dot"), "Use 'ip'"),
    "encoder by its name elsewhere": (lambda d: d.collection("new", encoder=MINILM), "Use 'minilm'"),
    "encoder that does not exist": (lambda d: d.collection("new", encoder="minlm"), "Did you mean 'minilm'"),
    "mode vector": (lambda d: docs(d).search("x", mode="vector"), "Modes are dense, keyword, hybrid"),
    "fusion rff": (lambda d: docs(d).search("x", mode="hybrid", fusion="rff"), "Did you mean 'rrf'"),
    "$between": (lambda d: docs(d).count({"price": {"$between": [1, 2]}}), "Write {'$gte': low, '$lte': high}"),
    "$regex": (lambda d: docs(d).count({"tag": {"$regex": "x.*"}}), "Operators are $eq"),
    "$gtee": (lambda d: docs(d).count({"price": {"$gtee": 1}}), "Did you mean '$gte'"),
    "an operator without $": (lambda d: docs(d).count({"price": {"gt": 10}}), "Write {'$gt': 10}"),
    # -- what is passed at the wrong place, or is of the wrong type
    "texts first": (lambda d: docs(d).add(["a text", "another"]), "Write texts=[...]"),
    "one text first": (lambda d: docs(d).add("a text"), "Write texts=[...]"),
    "vectors first": (lambda d: docs(d).add([[1.0, 2.0]]), "Write vectors=[...]"),
    "an array first": (lambda d: docs(d).add(np.ones((2, 64))), "Write vectors=[...]"),
    "dicts first": (lambda d: docs(d).add([{"id": "a"}]), "Write rows=[...]"),
    "a data frame first": (lambda d: docs(d).add(frame(text=["x"])), "Write rows=df"),
    "texts second": (lambda d: docs(d).add(["x"], ["a text"]), "Write add(ids, texts=..., vectors=...)"),
    "the mode by position": (lambda d: docs(d).search("x", 5, None, "hybrid"), "Write search(query, k, where, id="),
    "a frame without text": (lambda d: docs(d).add(rows=frame(body=["x"], n=[1])), "{'body': 'text'}"),
    "rows with other keys": (lambda d: docs(d).add(rows=[{"id": "x", "txt": "y"}]), "Did you mean 'text'"),
    "NaN in metadata": (lambda d: docs(d).add(texts=["x"], metadata=[{"p": float("nan")}]), "Use None where"),
    "alpha in a dense search": (lambda d: docs(d).search("x", alpha=0.5), "add mode='hybrid'"),
    "k of zero": (lambda d: docs(d).search("x", k=0), "Leave it out for 10"),
    "a vector of another length": (lambda d: docs(d).search([1.0, 2.0]), "dimension 64"),
    "an id twice": (lambda d: docs(d).add(["c", "c"], texts=["x", "y"]), "Use upsert"),
    "an id that exists": (lambda d: docs(d).add(["a"], texts=["x"]), "Use upsert"),
    "lists of different lengths": (lambda d: docs(d).add(["c"], texts=["x", "y"]), "one entry per row"),
    "delete everything by accident": (lambda d: docs(d).delete(), "Pass ids=[...] or where={...}"),
    "update of an unknown id": (lambda d: docs(d).update(["zz"], texts=["x"]), "upsert"),
    "a collection that is misspelt": (lambda d: d.collection("dosc", create=False), "Did you mean 'docs'"),
    "another metric when reopening": (lambda d: d.collection("docs", metric="l2"), "Leave metric= out"),
    "a field that is misspelt": (lambda d: docs(d).search("x", where={"prize": 1}), "Did you mean 'price'"),
    # -- what used to be empty, without a word
    "a number as text": (lambda d: docs(d).count({"price": {"$gt": "3"}}), "without quotation marks"),
    "a list where a value belongs": (lambda d: docs(d).count({"tag": ["x", "y"]}), "write {'$in': ['x', 'y']}"),
    "a date among text dates": (lambda d: docs(d).count({"day": {"$gt": date(2024, 1, 1)}}), "like '2024-01-01'"),
    "a field that no row has": (lambda d: docs(d).count({"zzz": 1}), "no row has a field 'zzz'"),
}


def test_there_are_sixty() -> None:
    assert len(MISTAKES) >= 60


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_ends_in_a_message_with_the_remedy(d: Any, name: str) -> None:
    call, remedy = MISTAKES[name]
    before = docs(d).count(), d.collections()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises((VicinalError, UserWarning)) as caught:
            call(d)
    assert remedy in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (docs(d).count(), d.collections()) == before


@pytest.mark.parametrize(
    "call",
    [
        lambda d: docs(d).add(["c", "c"], texts=["x", "y"]),
        lambda d: docs(d).add(rows=[{"id": "c", "text": "x", "metadata": {"a": {"b": [object()]}}}]),
        lambda d: docs(d).search([1.0, 2.0]),
        lambda d: docs(d).search("x", where={"$or": [{"a": {"$gtee": 1}}]}),
        lambda d: docs(d).search("x", limit=3),
        lambda d: docs(d).get(documents=3),
        lambda d: d.collection("new", metric="euclidean"),
        lambda d: vicinal.connect(path="x"),  # type: ignore[call-arg]
        lambda d: d.drop("nothing"),
    ],
)
def test_a_traceback_ends_near_the_line_of_the_user(d: Any, call: Callable[[Any], Any]) -> None:
    with pytest.raises(VicinalError) as caught:
        call(d)
    files = [frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert files[-2] == __file__
    assert caught.value.__context__ is None or caught.value.__suppress_context__ or caught.value.__cause__ is None


def test_a_warning_points_at_the_line_of_the_user(d: Any) -> None:
    for call in (
        lambda: docs(d).count({"zzz": 1}),
        lambda: docs(d).search("x", where={"price": "10"}),
        lambda: list(docs(d).scroll(order_by="zzz")),
        lambda: docs(d).delete(where={"zzz": 1}),
    ):
        with pytest.warns(UserWarning, match="where: |order_by: ") as warned:
            call()
        assert warned[0].filename == __file__


@pytest.mark.parametrize("size", [10_000, 1_000_000])
def test_a_message_has_a_line_of_a_value(d: Any, size: int) -> None:
    long = "x" * size
    for call in (
        lambda: docs(d).search("x", mode=long),
        lambda: docs(d).count({long: 1, "prize": 2}),
        lambda: docs(d).count({"price": {"$" + long: 1}}),
        lambda: docs(d).add(rows=[{long: 1}]),
        lambda: docs(d).search("x", k=[0] * size),
        lambda: docs(d).search("x", **{long: 1}),
        lambda: d.collection("new", metric=long),
        lambda: d.collection("new", encoder=long),
        lambda: d.collection("x", language=long),
        lambda: d.drop(long),
        lambda: docs(d).add([long], texts=["x"]),
    ):
        with pytest.raises((VicinalError, UserWarning)) as caught:
            call()
        assert len(str(caught.value)) < 8 * LINE_CHARS_MAX, str(caught.value)[:2000]


def test_a_misspelt_name_leaves_nothing_on_the_disk(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path / "data") as database:
        with pytest.raises(VicinalError, match="there is no collection 'dosc'"):
            database.collection("dosc", create=False)
        assert not (tmp_path / "data").exists()
        assert "dosc" not in database
        database.collection("docs")
        assert "docs" in database
        assert database.collection("docs", create=False).name == "docs"


HINTS: dict[str, tuple[Callable[[Any], Any], type[Exception], str]] = {
    "a key": (lambda d: d["docs"], TypeError, r"Write db\.collection\('docs'\)"),
    "a collection as attribute": (lambda d: d.docs, AttributeError, r"Write db\.collection\('docs'\)"),
    "the list of another program": (lambda d: d.list_collections(), AttributeError, r"Write db\.collections\(\)"),
    "a misspelt method": (lambda d: d.colection("docs"), AttributeError, "Did you mean 'collection'"),
    "a row by its id": (lambda d: docs(d)["a"], TypeError, r"Write docs\.get\('a'\)"),
    "a query": (lambda d: docs(d).query("sugar"), AttributeError, r"Write docs\.search\(query, k=10\)"),
    "iterating over rows": (lambda d: list(docs(d)), TypeError, "not iterable"),
    "iterating over collections": (list, TypeError, "not iterable"),
    "an argument of a splitter": (
        lambda d: vicinal.rag.RecursiveCharacterTextSplitter(chunksize=10),
        TypeError,
        "RecursiveCharacterTextSplitter takes no argument 'chunksize'. Did you mean 'chunk_size'",
    ),
    "a splitter without its size": (lambda d: vicinal.rag.MarkdownTextSplitter(), TypeError, "needs chunk_size="),
}


@pytest.mark.parametrize("name", HINTS)
def test_what_does_not_exist_gets_the_right_call(d: Any, name: str) -> None:
    call, error, hint = HINTS[name]
    with pytest.raises(error, match=hint):
        call(d)


def test_names_of_protocols_are_only_absent(d: Any) -> None:
    for owner in (d, docs(d)):
        for name in ("__deepcopy__", "_repr_mimebundle_", "__array__", "embed", "generate"):
            assert not hasattr(owner, name)
    for kind in (vicinal.Database, vicinal.Collection):
        assert not hasattr(kind.__new__(kind), "__setstate__")  # before there is any attribute
