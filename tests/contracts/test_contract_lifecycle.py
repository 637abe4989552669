"""Handles: opened twice, closed, reopened with other settings; stats, sync, repr."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vicinal
from support.worlds import World
from vicinal import Collection, contract
from vicinal.errors import Closed, CollectionDropped, DimensionMismatch, InvalidArgument, SettingsMismatch


def test_it_is_the_contract(docs: Collection) -> None:
    """Names and defaults of every call are binding."""
    import inspect

    def shape(call: Callable[..., Any]) -> list[tuple[str, Any, Any]]:
        return [(p.name, p.kind, p.default) for p in inspect.signature(call).parameters.values() if p.name != "unknown"]

    promised = [name for name in vars(contract.Collection) if not name.startswith("_") and name not in ("name", "uuid")]
    assert {"add", "upsert", "update", "delete", "get", "search", "search_many", "count", "peek", "stats"} <= set(
        promised
    )
    for name in promised:
        assert shape(getattr(Collection, name)) == shape(getattr(contract.Collection, name)), name
    assert docs.name == "docs"


def test_two_handles_see_each_other(world: World) -> None:
    one, two = world.collection(), world.collection()
    one.add(["a"], vectors=[[1.0]])
    assert two.search([1.0]).ids == ["a"]
    two.upsert(["a"], vectors=[[-1.0]])
    assert one.search([1.0]).scores == [-1.0]
    two.delete(["a"])
    assert one.count() == 0


def test_closing_one_handle_leaves_the_other(world: World) -> None:
    one, two = world.collection(), world.collection()
    one.add(["a"], vectors=[[1.0]])
    one.close()
    assert two.count() == 1
    two.add(["b"], vectors=[[1.0]])
    two.close()
    assert world.collection().count() == 2


CALLS: dict[str, Callable[[Collection], object]] = {
    "add": lambda c: c.add(["x"], vectors=[[1.0]]),
    "upsert": lambda c: c.upsert(["x"], vectors=[[1.0]]),
    "update": lambda c: c.update(["a"], metadata={"n": 1}),
    "delete": lambda c: c.delete(["a"]),
    "get": lambda c: c.get(),
    "peek": lambda c: c.peek(),
    "count": lambda c: c.count(),
    "len": len,
    "in": lambda c: "a" in c,
    "search": lambda c: c.search([1.0]),
    "search_many": lambda c: c.search_many([[1.0]]),
    "stats": lambda c: c.stats(),
    "sync": lambda c: c.sync(),
}


@pytest.mark.parametrize("name", CALLS)
def test_after_close_every_call_is_refused(world: World, name: str) -> None:
    docs = world.collection()
    docs.add(["a"], vectors=[[1.0]])
    docs.close()
    docs.close()
    with pytest.raises(Closed) as caught:
        CALLS[name](docs)
    assert caught.value.remedy
    assert repr(docs) == "Collection('docs', closed)"
    assert world.collection().get()[0].metadata == {}


def test_closing_the_database_closes_its_handles(world: World) -> None:
    db = world.db
    docs = db.collection("docs")
    db.close()
    db.close()
    for call in (docs.count, db.collections, lambda: db.collection("docs"), lambda: "docs" in db):
        with pytest.raises(Closed):
            call()
    assert "closed" in repr(db)


def test_context_managers(world: World) -> None:
    with world.db as db:
        with db.collection("docs") as docs:
            docs.add(["a"], vectors=[[1.0]])
        with pytest.raises(Closed):
            docs.count()
        assert db.collection("docs").count() == 1
    with pytest.raises(Closed):
        db.collection("docs")


def test_a_forgotten_handle_closes_itself(world: World) -> None:
    docs = world.collection()
    docs.add(["a"], vectors=[[1.0]])
    del docs
    gc.collect()
    assert world.collection().count() == 1


def test_names(world: World) -> None:
    names = [
        "docs",
        "Docs",
        "DOCS",
        "a/b",
        "../up",
        "ünïcode 🦜",
        "x" * 255,
        ".",
        "..",
        "con",
        "a b",
        "\x00",
        "new-1",
        "g1",
    ]
    for i, name in enumerate(names):
        world.collection(name).add([i], texts=[name])
    assert world.db.collections() == sorted(names)
    for i, name in enumerate(names):
        assert name in world.db
        assert world.again(name).get()[0].id == i
    assert "other" not in world.db
    if world.on_disk:
        assert sorted(path.name for path in Path(world.target).parent.iterdir()) == ["data"]


@pytest.mark.parametrize("name", ["", "x" * 256, None, 5, b"docs", "\ud800"])
def test_what_is_no_name_is_refused(world: World, name: Any) -> None:
    with pytest.raises(InvalidArgument):
        world.collection(name)
    assert world.db.collections() == []


@pytest.mark.parametrize(
    "setting",
    [
        {"metric": "cosinus"},
        {"metric": None},
        {"metric": ["cosine"]},
        {"durability": "none"},
        {"auto_ids": "int"},
        {"zero_vectors": True},
        {"dimension": 0},
        {"dimension": -3},
        {"dimension": True},
        {"dimension": 3.0},
        {"dimension": 65_537},
        {"timeout": -1},
        {"timeout": "long"},
        {"timeout": float("nan")},
        {"timeout": None},
    ],
    ids=str,
)
def test_what_is_no_setting_is_refused(world: World, setting: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument) as caught:
        world.collection(**setting)
    assert caught.value.name == next(iter(setting))
    assert caught.value.remedy
    assert world.db.collections() == []


@pytest.mark.parametrize(
    ("made", "given"),
    [
        ({"metric": "l2"}, {"metric": "ip"}),
        ({"metric": "cosine"}, {"metric": "l2"}),
        ({"dimension": 3}, {"dimension": 4}),
        ({"auto_ids": "integer"}, {"auto_ids": "uuid"}),
        ({"zero_vectors": "allow"}, {"zero_vectors": "refuse"}),
        ({"language": "de"}, {"language": "en"}),
        ({}, {"metric": "l2"}),
    ],
    ids=str,
)
def test_reopened_with_another_setting_names_both(world: World, made: dict[str, Any], given: dict[str, Any]) -> None:
    world.collection(**made)
    with pytest.raises(SettingsMismatch) as caught:
        world.again(**given)
    [(name, value)] = given.items()
    old = made.get(name, "cosine")
    assert caught.value.name == name
    assert f"has {name} {old!r}, but was opened with {value!r}" in str(caught.value)
    world.again(**made)


def test_reopened_without_settings_keeps_them(world: World) -> None:
    world.collection(metric="l2", dimension=2, auto_ids="integer", zero_vectors="allow")
    docs = world.again()
    assert docs.add(vectors=[[0.0, 0.0]]) == [1]
    assert docs.search([3.0, 4.0]).scores == [-5.0]
    assert docs.search([3.0, 4.0]).metric == "l2"
    with pytest.raises(DimensionMismatch):
        docs.add(vectors=[[1.0]])


def test_the_first_vector_fixes_the_dimension_for_good(world: World) -> None:
    docs = world.collection()
    other = world.collection()
    docs.add(["text"], texts=["no vector yet"])
    assert docs.stats().dimension is None
    docs.add(["a"], vectors=[[1.0, 2.0]])
    docs.delete(["a"])
    for handle in (lambda: other, world.again):
        assert handle().stats().dimension == 2
        with pytest.raises(DimensionMismatch):
            handle().add(["b"], vectors=[[1.0]])


@pytest.mark.needs("commit numbers")
def test_stats(world: World) -> None:
    docs = world.collection(metric="ip")
    empty = docs.stats()
    assert (empty.rows, empty.dead_slots, empty.indexed, empty.pending, empty.change, empty.synced) == (
        0,
        0,
        0,
        0,
        0,
        0,
    )
    docs.add(list(range(10)), vectors=np.eye(10))
    docs.add(["text"], texts=["x"])
    docs.upsert([0], vectors=np.eye(10)[:1])
    docs.delete([1, 2])
    stats = docs.stats()
    assert (stats.name, stats.metric, stats.dimension, stats.encoder) == ("docs", "ip", 10, None)
    assert (stats.rows, stats.dead_slots, stats.expired) == (9, 3, 0)
    assert stats.indexed + stats.pending == 8
    assert (stats.change, stats.synced) == (4, 4)
    assert (stats.bytes_on_disk > 12 * 40) == (world.kind != "memory")
    assert (stats.path == ":memory:") == (world.kind == "memory")
    docs = docs if world.server is None else world.collection()  # which shows what it was told when it was opened
    assert repr(docs) == "Collection('docs', dimension=10, metric=ip, encoder=none)"


def test_repr_looks_at_nothing(world: World) -> None:
    """A debugger calls it at any time, also inside a call and after closing."""
    docs, db = world.collection(dimension=3), world.db
    if world.kind not in ("memory", "path"):
        pytest.skip("who looks at a lock looks at the engine's own")
    store: Any = docs._context.store
    with store.open_files.lock:
        shown: list[str] = []
        thread = threading.Thread(target=lambda: shown.extend(map(repr, (docs, db))))
        thread.start()
        thread.join(5)
    assert len(shown) == 2
    other = db.collection("docs")
    db.drop("docs")
    for handle in (docs, other):
        assert repr(handle) == "Collection('docs', dropped)"
        with pytest.raises(CollectionDropped):
            handle.count()
    assert repr(db).startswith("Database(")


@pytest.mark.parametrize("k", [2**31, 2**32, 2**63, 2**64, 10**30, np.int64(2**62)])
def test_no_k_is_too_large(world: World, docs: Collection, k: Any) -> None:
    if world.server is not None:
        pytest.skip("a server has limits of its own")
    docs.add(["a", "b"], vectors=np.eye(2), texts=["gold", "silver"], sparse=[{1: 1.0}, {2: 1.0}])
    for hits in (
        docs.search([1.0, 0.0], k=k),
        docs.search(id="b", k=k),
        docs.search("gold", k=k, mode="keyword"),
        docs.search("gold", vector=[1.0, 0.0], sparse={1: 1.0}, k=k, mode="hybrid"),
        docs.search_many([[1.0, 0.0]], k=k)[0],
    ):
        assert 1 <= len(hits) <= 2


@pytest.mark.needs("commit numbers")
def test_a_call_with_nothing_to_do_is_no_commit(docs: Collection) -> None:
    docs.add(["a"], vectors=[[1.0]])
    docs.add([])
    docs.update([], metadata=[])
    docs.sync()
    assert docs.stats().change == 1


@pytest.mark.needs("commit numbers")
def test_hits_say_which_commit_they_stand_on(docs: Collection) -> None:
    for i in range(3):
        docs.add([i], vectors=[[1.0]])
        assert docs.search([1.0]).change == i + 1


def test_threads_on_one_handle(world: World) -> None:
    """Concurrent writers, readers and deleters: every result is consistent, and nothing is lost."""
    docs = world.collection(durability="process")
    docs.add(["anchor"], vectors=[[1.0, 0.0]])
    errors: list[BaseException] = []
    threads, rounds, width = 4, 25, 8

    def write(thread: int) -> None:
        for round_ in range(rounds):
            ids = [f"{thread} {round_} {i}" for i in range(width)]
            docs.add(ids, vectors=[[1.0, thread + 1.0]] * width, texts=ids)
            if round_ % 2:
                docs.delete(ids[: width // 2])

    def look(_: int) -> None:
        while any(thread.is_alive() for thread in writers):
            hits = docs.search([1.0, 0.0], k=50)
            assert hits.ids[0] == "anchor"
            assert all(hit.text == hit.id for hit in hits[1:])
            assert hits.scores == sorted(hits.scores, reverse=True)
            whole: dict[str, int] = {}
            for record in docs.get():
                if record.id != "anchor":
                    key = str(record.id).rsplit(" ", 1)[0]
                    whole[key] = whole.get(key, 0) + 1
            assert set(whole.values()) <= {width // 2, width}  # a batch is seen whole

    def guarded(work: Callable[[int], None], number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    writers = [threading.Thread(target=guarded, args=(write, i)) for i in range(threads)]
    readers = [threading.Thread(target=guarded, args=(look, i)) for i in range(2)]
    for thread in [*writers, *readers]:
        thread.start()
    for thread in [*writers, *readers]:
        thread.join()
    assert errors == []
    left = {record.id for record in docs.get()}
    assert left == set(docs.search([1.0, 0.0], k=10_000).ids)
    assert len(left) == docs.count() == 1 + threads * (rounds * width - (rounds // 2) * (width // 2))


def test_a_database_in_memory_is_private() -> None:
    one, two = vicinal.connect(":memory:"), vicinal.connect(":memory:")
    one.collection("docs").add(["a"], texts=["x"])
    assert two.collections() == []
