"""A database on Qdrant beyond the contract, which tests/contracts test on it: places, payloads, errors."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import subprocess
import sys
import textwrap
import threading
import uuid
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import vicinal
from vicinal import aio
from vicinal.distributed.lacking import FEATURES
from vicinal.distributed.payloads import direction_of, key_of, payload_of, row_of, vector_of
from vicinal.errors import (
    Closed,
    CollectionDropped,
    CollectionNotFound,
    Damaged,
    InvalidArgument,
    KeyRefused,
    LimitExceeded,
    ServerBusy,
    ServerFailed,
    Unreachable,
    Unsupported,
)
from vicinal.store.rows import Row

qdrant_client = pytest.importorskip("qdrant_client")


@pytest.fixture
def db() -> Iterator[vicinal.Database]:
    with vicinal.connect("qdrant+memory:") as database:
        yield database


# -- places


@pytest.fixture
def collected() -> Iterator[None]:
    """When a collection is deleted, Qdrant's local mode leaves SQLite's connection to the garbage collector."""
    yield
    gc.collect()


@pytest.mark.usefixtures("collected")
@pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")
def test_a_folder_is_found_again_with_all_that_was_given(tmp_path: Path) -> None:
    target = f"qdrant+local://{tmp_path / 'points'}"
    ids: list[Any] = ["a", 2, -(2**63), uuid.UUID(int=3), "2", "ü \x00"]
    metadata = {"n": 2**80, "d": Decimal("1.10"), "day": date(2024, 5, 1), "$k": [1, {"x": None}], "f": 1.0, "t": True}
    vectors = np.random.default_rng(0).standard_normal((len(ids), 5)).astype(np.float32) * 7
    with vicinal.connect(target) as db:
        docs = db.collection("ä/b?", metric="l2", language="de", zero_vectors="allow")
        docs.add(ids, texts=["text"] * len(ids), vectors=vectors, metadata=[metadata] * len(ids), ttl=1e6)
        identity = docs.uuid
    with vicinal.connect(target) as db:
        assert db.collections() == ["ä/b?"]
        docs = db.collection("ä/b?", create=False)
        assert docs.uuid == identity
        rows = docs.get(vectors=True)
        assert [row.id for row in rows] == ids
        assert all(repr(row.metadata) == repr(metadata) for row in rows)
        assert np.stack([row.vector for row in rows if row.vector is not None]).tobytes() == vectors.tobytes()
        assert all(row.text == "text" and row.expires_at is not None for row in rows)


def test_a_folder_has_one_client_at_a_time(tmp_path: Path) -> None:
    """In separate processes: in the one that is rejected, the library leaves a file open."""
    program = f"""
        import vicinal
        with vicinal.connect({f"qdrant+local://{tmp_path / 'points'}"!r}) as db:
            try:
                vicinal.connect({f"qdrant+local://{tmp_path / 'points'}"!r})
            except vicinal.errors.StoreError as error:
                print(error.message)
    """
    ran = [sys.executable, "-c", textwrap.dedent(program)]
    assert subprocess.check_output(ran, text=True, timeout=60).strip() == "another client has the folder open"


@pytest.mark.parametrize("metric", ["cosine", "ip", "l2", "l1"])
def test_scores_and_order_are_those_of_an_embedded_collection(db: vicinal.Database, metric: Any) -> None:
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((300, 16)).astype(np.float32)
    vectors[::7] = vectors[0]  # ties
    with vicinal.connect(":memory:") as memory:
        for k in (1, 10, 299):
            answers = []
            for database in (db, memory):
                docs = database.collection(f"{metric}{k}", metric=metric)
                docs.add(list(range(300)), vectors=vectors)
                answers.append([docs.search(query, k) for query in vectors[:5]])
            assert answers[0] == answers[1]


@pytest.mark.parametrize("metric", ["cosine", "ip", "l2", "l1"])
def test_arrangements_are_those_of_an_embedded_collection(db: vicinal.Database, metric: Any) -> None:
    """Rows that differ and groups, of every kind of value, with pages and least scores; expired rows are in none."""
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((300, 8)).astype(np.float32)
    vectors[::9] = vectors[0]  # ties
    values: list[Any] = [1, 1.0, Decimal(1), True, "1", date(2024, 1, 1), [1], {"k": 1}, None, 2, "b"]
    metadata = [{"g": {"h": values[i % 11]}, "n": i % 100} if i % 13 else {} for i in range(300)]
    with vicinal.connect(":memory:") as memory:
        both = [database.collection("docs", metric=metric) for database in (db, memory)]
        for docs in both:
            docs.add(list(range(300)), vectors=vectors, metadata=metadata)
        least = both[1].search(vectors[1], 150)[-1].score
        for options in (
            {"mmr": 0.5},
            {"mmr": 0.3, "fetch_k": 20, "offset": 3, "where": {"n": {"$lt": 60}}},
            {"mmr": 0.7, "min_score": least, "fetch_k": 250},
            {"group_by": "g.h"},
            {"group_by": "g.h", "group_size": 4, "k": 3, "offset": 2, "select": ["text"]},
            {"group_by": "n", "k": 40, "group_size": 2, "where": {"n": {"$gte": 30}}},
            {"group_by": "n", "k": 200, "min_score": least},
        ):
            given = {"k": 10, "exact": True, **options}
            answers = [docs.search(vectors[1], **given) for docs in both]
            assert len(answers[0]) > 0
            assert answers[0] == answers[1], options
            assert answers[0].groups == answers[1].groups


def test_the_local_client_is_used_by_one_thread_at_a_time(
    db: vicinal.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds the points in lists and arrays, and a read beside a write found them of different lengths."""
    docs = db.collection("docs")
    docs.add(range(5), metadata=[None] * 5)
    real, meeting, inside = qdrant_client.QdrantClient.scroll, threading.Barrier(2), list[int]()
    most = 0

    def scroll(*args: Any, **given: Any) -> Any:
        nonlocal most
        inside.append(0)
        most = max(most, len(inside))
        with contextlib.suppress(threading.BrokenBarrierError):
            meeting.wait(0.2)
        try:
            return real(*args, **given)
        finally:
            inside.pop()

    monkeypatch.setattr(qdrant_client.QdrantClient, "scroll", scroll)
    threads = [threading.Thread(target=docs.ids) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_an_empty_collection_may_hold_rows_before_its_first_vector(db: vicinal.Database) -> None:
    docs, other = db.collection("docs"), db.collection("docs")
    docs.add([1], metadata=[{"n": 1}])
    assert other.count() == 1
    docs.add([2], vectors=[[1.0, 2.0]], metadata=[{"n": 2}])
    assert other.ids({"n": {"$gte": 1}}) == [1, 2]
    assert other.search([1.0, 2.0]).ids == [2]
    assert other.get([1], vectors=True)[0].vector is None


def test_a_dropped_collection_is_told_from_one_made_anew(db: vicinal.Database) -> None:
    docs = db.collection("docs", dimension=2)
    db.drop("docs")
    assert "docs" not in db
    assert db.collections() == []
    anew = db.collection("docs", dimension=2)
    anew.add([1], vectors=[[1.0, 2.0]])
    for call in (docs.count, lambda: docs.search([1.0, 2.0]), lambda: docs.add([2], vectors=[[1.0, 2.0]])):
        with pytest.raises(CollectionDropped):
            call()
    assert anew.ids() == [1]
    with pytest.raises(CollectionNotFound):
        db.drop("nope")


def test_a_closed_database_says_so(db: vicinal.Database) -> None:
    docs = db.collection("docs")
    part = docs.within({"tenant": "a"})
    docs.close()
    for call in (docs.count, part.count, docs.stats):
        with pytest.raises(Closed):
            call()
    assert repr(docs) == "Collection('docs', closed)"
    db.close()
    with pytest.raises(Closed):
        db.collections()


def test_expired_rows_are_reclaimed(db: vicinal.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    docs = db.collection("docs")
    docs.add([1, 2], vectors=[[1.0], [2.0]], ttl=[1e-6, 1e6])
    while docs.count() == 2:
        pass
    assert docs.stats().expired == 1
    docs.compact()
    assert (docs.stats().rows, docs.stats().expired) == (1, 0)


def test_awaited() -> None:
    async def use() -> list[Any]:
        async with aio.connect("qdrant+memory:") as db:
            docs = await db.collection("docs")
            await docs.add([1, 2], vectors=[[1.0, 0.0], [0.0, 1.0]])
            assert db.capabilities.kind == "qdrant"
            with pytest.raises(Unsupported):
                await docs.search("text", mode="keyword")
            return [(await docs.search([0.0, 1.0])).ids, [row.id async for row in docs.scroll()]]

    assert asyncio.run(use()) == [[2, 1], [1, 2]]


# -- payloads

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
VECTORS = arrays.arrays(np.float32, st.integers(1, 5), elements=FLOATS)


@settings(deadline=None, max_examples=300)
@given(VECTORS)
def test_a_vector_comes_back_bit_for_bit_from_its_direction(vector: Any) -> None:
    direction, beside = direction_of(vector, "cosine")
    assert vector_of(direction, beside).tobytes() == vector.tobytes()
    length = float(np.linalg.norm(direction.astype(np.float64)))
    assert length == 0.0 or abs(length - 1.0) < 1e-5


def test_a_row_comes_back_from_its_payload() -> None:
    row = Row(7, uuid.UUID(int=1).bytes, 0, 5, "given", b"\x00\xff", '{"n":99999999999999999999,"$$k":[1.0]}', "text")
    assert row_of(payload_of(row), "here") == row
    with pytest.raises(Damaged, match="none that Vicinal wrote"):
        row_of({"id": {"$uuid": "x"}, "order": 1}, "here")


def test_ids_of_different_types_have_different_keys() -> None:
    assert len({key_of(id_) for id_ in (1, "1", uuid.UUID(int=1), str(uuid.UUID(int=1)))}) == 4


# -- errors


def test_nobody_there(db: vicinal.Database) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with vicinal.connect(f"qdrant://127.0.0.1:{port}", timeout=2, retries=1, api_key=None) as far:
        assert repr(far) == f"Database('qdrant://127.0.0.1:{port}')"
        with pytest.raises(Unreachable, match="Qdrant cannot be reached") as caught:
            far.collection("docs")
        assert caught.value.committed is False
        assert caught.value.__cause__ is not None


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, KeyRefused),
        (404, ServerFailed),
        (429, ServerBusy),
        (500, ServerFailed),
        (413, LimitExceeded),
        (200, ServerFailed),
    ],
)
def test_what_a_server_answers_is_an_error_of_ours(status: int, kind: type[Exception]) -> None:
    """A server that is not Qdrant, as a stand-in for one that rejects requests."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with vicinal.connect(f"qdrant://127.0.0.1:{server.server_port}", timeout=5, retries=0) as far:
                with pytest.raises(kind) as caught:
                    far.collection("docs")
                assert type(caught.value) is kind
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    "target",
    [
        "qdrant://",
        "qdrant://host/path",
        "qdrant://user@host",
        "qdrant://host:99999",
        "qdrant://host?grcp=1",
        "qdrant://host?secure=yes",
        "qdrant+local://",
    ],
)
def test_what_is_no_place_is_refused(target: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        vicinal.connect(target)
    assert caught.value.name == "target"


def test_arguments_without_an_effect_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="exclusive"):
        vicinal.connect("qdrant+memory:", exclusive=True)
    with pytest.raises(InvalidArgument, match="encoder_cache"):
        vicinal.connect("qdrant+memory:", encoder_cache="disk")


def test_all_that_is_lacking_is_named_with_a_remedy(db: vicinal.Database) -> None:
    docs = db.collection("docs")
    assert db.capabilities.lacks <= set(FEATURES)
    for name, feature in FEATURES.items():
        for call in feature.calls:
            with pytest.raises(Unsupported, match=f"a collection on Qdrant has no {name}") as caught:
                getattr(docs, call)()
            assert caught.value.lacks == name
            assert caught.value.remedy == feature.remedy
    for setting in ({"index": "flat"}, {"auto_ids": "integer"}, {"durability": "process"}):
        with pytest.raises(Unsupported) as caught:
            db.collection("other", **setting)  # type: ignore[arg-type]  # one of them each
        assert caught.value.lacks in db.capabilities.lacks
    assert db.collections() == ["docs"]


def test_importing_vicinal_does_not_import_the_client() -> None:
    program = "import sys, vicinal; vicinal.connect(':memory:'); print('qdrant_client' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", program], text=True, timeout=60).strip() == "False"
