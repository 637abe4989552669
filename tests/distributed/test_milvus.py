"""A database on Milvus beyond the contract, which tests/contracts test on it: places, limits, faults."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vicinal
from support.milvus_served import MilvusServer, shared_lite, shared_milvus
from support.servers import wait_until
from vicinal import aio
from vicinal.distributed.conditions import All, HasTerm, No, NumberIs
from vicinal.distributed.lacking import FEATURES
from vicinal.errors import (
    Closed,
    CollectionDropped,
    InvalidArgument,
    LimitExceeded,
    StoreError,
    Unreachable,
    Unsupported,
)
from vicinal.opening import credential

pymilvus = pytest.importorskip("pymilvus")
filters = pytest.importorskip("vicinal.distributed.milvus.filters")
places = pytest.importorskip("vicinal.distributed.milvus.places")


@pytest.fixture(params=["lite", pytest.param("server", marks=pytest.mark.slow)])
def db(request: pytest.FixtureRequest) -> Iterator[vicinal.Database]:
    with vicinal.connect(shared_lite() if request.param == "lite" else shared_milvus()) as database:
        for name in database.collections():
            database.drop(name)
        yield database


# -- places


def test_a_folder_is_found_again_with_all_that_was_given(tmp_path: Path) -> None:
    target = f"milvus+local://{tmp_path / 'points'}"
    ids: list[Any] = ["a", 2, -(2**63), uuid.UUID(int=3), "2", "ü \x00"]
    metadata = {"n": 2**80, "$k": [1, {"x": None}], "f": 1.0, "t": True, "q": "\"' \\ %"}
    vectors = np.random.default_rng(0).standard_normal((len(ids), 5)).astype(np.float32) * 7
    text = "ü" * 100_000  # longer than Milvus's longest text
    with vicinal.connect(target) as db:
        docs = db.collection("ä/b?", metric="cosine", language="de")
        docs.add(ids, texts=[text] * len(ids), vectors=vectors, metadata=[metadata] * len(ids), ttl=1e6)
        with pytest.raises(StoreError, match="another client has the folder open"):
            vicinal.connect(target)
    with vicinal.connect(target) as db:
        assert db.collections() == ["ä/b?"]
        rows = db.collection("ä/b?", create=False).get(vectors=True)
        assert [row.id for row in rows] == ids
        assert all(repr(row.metadata) == repr(metadata) and row.text == text for row in rows)
        assert np.stack([row.vector for row in rows if row.vector is not None]).tobytes() == vectors.tobytes()


def test_names_are_different_where_those_of_collections_are() -> None:
    points = ["a-b-0123456789ab", "a_2db-0123456789ab", "ä-0123456789ab", "%C3%A4-0123456789ab", "A-0123456789ab"]
    points += [f"{'x' * 160}-{i:012x}" for i in range(3)] + [f"{'%C3' * 53}-{i:012x}-7" for i in range(3)]
    names = {places.named(one) for one in points}
    assert len(names) == len(points)
    assert all(len(name) <= 255 and name.isascii() and name.replace("_", "").isalnum() for name in names)


@pytest.mark.parametrize(
    "target",
    [
        "milvus://",
        "milvus://host/a/b",
        "milvus://user@host",
        "milvus://host:99999",
        "milvus://host?secure=yes",
        "milvus://host?tls=1",
        "milvus+local://",
    ],
)
def test_what_is_no_place_is_refused(target: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        vicinal.connect(target)
    assert caught.value.name == "target"


def test_the_token_is_the_key_by_the_name_that_milvus_gives_it() -> None:
    assert credential("milvus://host", None, "user:password") == credential("milvus://host", "user:password", None)


def test_importing_vicinal_does_not_import_the_client() -> None:
    program = "import sys, vicinal; vicinal.connect(':memory:'); print('pymilvus' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", program], text=True, timeout=60).strip() == "False"


def test_awaited(db: vicinal.Database) -> None:
    target = repr(db).removeprefix("Database('").removesuffix("')")
    db.close()

    async def use() -> list[Any]:
        async with aio.connect(target) as awaited:
            docs = await awaited.collection("docs")
            await docs.add([1, 2], vectors=[[1.0, 0.0], [0.0, 1.0]])
            assert awaited.capabilities.kind == "milvus"
            return [(await docs.search([0.0, 1.0])).ids, [row.id async for row in docs.scroll()]]

    assert asyncio.run(use()) == [[2, 1], [1, 2]]


# -- filters


def test_no_text_of_a_user_becomes_syntax() -> None:
    evil = 'm-x=t"] or true or ["\\\' \x00\n\u2028ä%22'
    assert filters.plain_term(filters.stored_term(evil)) == evil
    assert not set("\"\\'\n\x00").intersection(filters.stored_term(evil))
    assert filters.stored_term(evil).isascii()
    assert filters.stored_term("%22") != filters.stored_term('"')


def test_negations_stand_at_single_comparisons() -> None:
    """For a missing number, engines disagree on the negation of its comparison."""
    tree = No(All((NumberIs(("m-x", "a"), "gt", 1.0), No(HasTerm(("m-y?",))))))
    assert filters.expression_of(tree) == (
        '((not (exists parts["m-x"]["a"]) or (parts["m-x"]["a"] <= 1.0)) or array_contains_any(terms, ["m-y?"]))'
    )


# -- searches


@pytest.mark.parametrize("metric", ["cosine", "ip", "l2"])
def test_scores_and_order_are_those_of_an_embedded_collection(db: vicinal.Database, metric: Any) -> None:
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((300, 16)).astype(np.float32)
    vectors[::7] = vectors[0]  # ties
    answers = []
    with vicinal.connect(":memory:") as memory:
        for database in (db, memory):
            docs = database.collection("docs", metric=metric, dimension=16)
            docs.add(list(range(300)), vectors=vectors, metadata=[{"n": i} for i in range(300)])
            docs.add(list(range(300, 320)), metadata=[{"n": i} for i in range(20)])  # they have no vector
            queries = vectors[:20] + 0.01
            answers.append([docs.search_many(queries, k) for k in (1, 10, 299)])
            answers[-1].append([docs.search(queries[0], 10, where={"n": {"$lt": 30}}, exact=True)])
    assert answers[0] == answers[1]


def test_more_hits_than_milvus_ranks(db: vicinal.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vicinal.distributed.milvus.nearest._RANKED_MAX", 50)
    vectors = np.random.default_rng(2).standard_normal((120, 3)).astype(np.float32)
    answers = []
    with vicinal.connect(":memory:") as memory:
        for database in (db, memory):
            docs = database.collection("docs", metric="l2", dimension=3)
            docs.add(list(range(120)), vectors=vectors)
            answers.append([docs.search(vectors[0], 80), docs.search_range(vectors[0], max_distance=1.5)])
    assert answers[0] == answers[1]


@pytest.mark.slow
def test_an_index_that_is_built_has_the_true_answer_where_it_is_asked_for() -> None:
    """In a sealed segment, where a search scans only some lists, also with a selective filter."""
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((5000, 16)).astype(np.float32)
    with vicinal.connect(shared_milvus()) as db, vicinal.connect(":memory:") as memory:
        both = [database.collection("sealed", dimension=16) for database in (db, memory)]
        for docs in both:
            docs.add(list(range(5000)), vectors=vectors, metadata=[{"n": i} for i in range(5000)])
        _seal(both[0])
        for query in rng.standard_normal((5, 16)).astype(np.float32):
            far, near = (docs.search(query, 20, exact=True) for docs in both)
            assert far == near
            far, near = (docs.search(query, 20, where={"n": {"$lt": 10}}, effort=1) for docs in both)
            assert far.ids == near.ids
            assert len(both[0].search(query, 20)) == 20
        assert both[0].ids() == list(range(5000))


def _seal(docs: vicinal.Collection) -> None:
    """Makes Milvus write the rows to a segment and index it."""
    url = docs.stats().path.replace("milvus", "http", 1)
    place, _, database = url.rpartition("/")
    client = pymilvus.MilvusClient(place, db_name=database)
    name = places.named(docs._context.far._points)  # type: ignore[attr-defined]  # it is an EngineCollection
    client.flush(name)

    def is_indexed() -> bool:
        index = client.describe_index(name, "vector")
        return bool(int(index["indexed_rows"]) == 5000 and int(index["pending_index_rows"]) == 0)

    wait_until(is_indexed, "the index")
    client.close()


# -- limits


def test_what_milvus_does_not_take_is_refused_before_anything_is_written(db: vicinal.Database) -> None:
    docs = db.collection("docs", dimension=2)
    long, wide = {"tags": list(range(5000))}, {f"field {i}": float(i) for i in range(2000)}
    for metadata in (long, wide):
        with pytest.raises(LimitExceeded, match="Milvus filters by at most") as caught:
            docs.add(["fine", "not"], vectors=[[1.0, 0.0]] * 2, metadata=[{}, metadata])
        assert "not" in str(caught.value)
    assert docs.count() == 0


def test_all_that_is_lacking_is_named_with_a_remedy(db: vicinal.Database) -> None:
    docs = db.collection("docs")
    assert db.capabilities.lacks <= set(FEATURES)
    for name, feature in FEATURES.items():
        for call in feature.calls:
            with pytest.raises(Unsupported, match=f"a collection on Milvus has no {name}") as caught:
                getattr(docs, call)()
            assert caught.value.lacks == name
    with pytest.raises(Unsupported, match="Choose another metric") as caught:
        db.collection("other", metric="l1")
    assert caught.value.lacks == "Manhattan distance"
    assert db.collections() == ["docs"]


def test_a_dropped_collection_is_told_from_one_made_anew(db: vicinal.Database) -> None:
    docs = db.collection("docs", dimension=2)
    db.drop("docs")
    assert db.collections() == []
    anew = db.collection("docs", dimension=2)
    anew.add([1], vectors=[[1.0, 2.0]])
    for call in (docs.count, lambda: docs.search([1.0, 2.0]), lambda: docs.add([2], vectors=[[1.0, 2.0]])):
        with pytest.raises(CollectionDropped):
            call()
    assert anew.ids() == [1]
    db.close()
    with pytest.raises(Closed):
        anew.count()


# -- faults


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with vicinal.connect(f"milvus://127.0.0.1:{port}/name", timeout=0.5, retries=0) as far:
        assert repr(far) == f"Database('milvus://127.0.0.1:{port}/name')"
        with pytest.raises(Unreachable, match="Milvus cannot be reached") as caught:
            far.collection("docs")
        assert caught.value.committed is False
        assert caught.value.__cause__ is not None


class Killed:
    """Kills a server on request, from another thread."""

    def __init__(self, server: MilvusServer) -> None:
        self.now = threading.Event()
        self._thread = threading.Thread(target=self._kill, args=(server,))
        self._thread.start()

    def _kill(self, server: MilvusServer) -> None:
        self.now.wait()
        server.stop()

    def join(self) -> None:
        self._thread.join()


@pytest.mark.slow
def test_a_server_that_is_killed_is_told_and_calls_can_be_made_again() -> None:
    vectors = np.random.default_rng(4).standard_normal((200, 32)).astype(np.float32)
    with MilvusServer() as server, vicinal.connect(server.url, timeout=30, retries=0) as far:
        docs = far.collection("docs", dimension=32)
        written = _upsert_until_killed(docs, vectors, Killed(server))
        with pytest.raises(Unreachable) as caught:
            docs.search(vectors[0])
        assert caught.value.committed is False
        server.start()
        with vicinal.connect(server.url, retries=8) as again:
            docs = again.collection("docs", create=False)
            assert set(written) <= set(docs.ids())  # nothing is lost that was said to be written
            docs.upsert(list(range(200)), vectors=vectors, metadata=[{"batch": -1}] * 200)
            kept = len(set(written) | set(range(200)))
            assert docs.count() == len(set(docs.ids())) >= kept
            assert docs.get([0], vectors=True)[0].vector.tobytes() == vectors[0].tobytes()  # type: ignore[union-attr]
            killed = Killed(server)
            killed.now.set()
            with pytest.raises(Unreachable) as caught:
                while True:
                    assert docs.search(vectors[0], 1).ids == [0]
            assert caught.value.committed is False
            killed.join()


def _upsert_until_killed(docs: vicinal.Collection, vectors: Any, killed: Killed) -> list[int]:
    """Returns the ids of the rows whose calls returned."""
    written: list[int] = []
    with pytest.raises(Unreachable, match="Milvus cannot be reached") as caught:
        for batch in range(10_000):
            ids = list(range(batch * 200, batch * 200 + 200))
            docs.upsert(ids, vectors=vectors, metadata=[{"batch": batch}] * 200)
            written += ids
            if batch == 2:
                killed.now.set()
    killed.join()
    assert caught.value.__cause__ is not None
    assert written
    return written
