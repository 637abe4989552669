"""P9 for texts: a lone surrogate is not valid text, and every argument that takes a text reports it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import vicinal
from support.worlds import World
from vicinal import Collection
from vicinal.errors import EncoderNotFound, InvalidInput, Unsupported, VicinalError

Call = Callable[[vicinal.Database, Collection, str], Any]

_VECTOR: Final = [1.0] * 64

# Each argument of a call that takes a text, by the name in the error if it is not that of the argument.
REFUSED: Final[dict[str, Call]] = {
    "add ids": lambda db, c, bad: c.add([bad], texts=["x"]),
    "add texts": lambda db, c, bad: c.add(["n"], texts=[bad]),
    "add metadata key": lambda db, c, bad: c.add(["n"], texts=["x"], metadata=[{bad: 1}]),
    "add metadata": lambda db, c, bad: c.add(["n"], texts=["x"], metadata=[{"a": {"b": [bad]}}]),
    "add rows id": lambda db, c, bad: c.add(rows=[{"id": bad, "text": "x"}]),
    "add rows text": lambda db, c, bad: c.add(rows=[{"id": "n", "text": bad}]),
    "add rows key": lambda db, c, bad: c.add(rows=[{"id": "n", "text": "x", bad: 1}]),
    "add sparse": lambda db, c, bad: c.add(["n"], texts=["x"], sparse=[{bad: 1.0}]),
    "add ttl": lambda db, c, bad: c.add(["n"], texts=["x"], ttl=bad),
    "upsert ids": lambda db, c, bad: c.upsert([bad], texts=["x"]),
    "upsert texts": lambda db, c, bad: c.upsert(["r"], texts=[bad]),
    "update ids": lambda db, c, bad: c.update([bad], texts=["x"]),
    "update texts": lambda db, c, bad: c.update(["r"], texts=[bad]),
    "update metadata": lambda db, c, bad: c.update(["r"], metadata=[{"a": bad}]),
    "update remove": lambda db, c, bad: c.update(["r"], remove=[bad]),
    "update where": lambda db, c, bad: c.update(where={"a": bad}, metadata={"a": 1}),
    "delete ids": lambda db, c, bad: c.delete([bad]),
    "delete where": lambda db, c, bad: c.delete(where={"a": bad}),
    "delete where key": lambda db, c, bad: c.delete(where={bad: 1}),
    "get ids": lambda db, c, bad: c.get([bad]),
    "get id": lambda db, c, bad: c.get(bad),
    "get where": lambda db, c, bad: c.get(where={"a": {"$in": ["x", bad]}}),
    "get where key": lambda db, c, bad: c.get(where={"$or": [{"a": 1}, {bad: 1}]}),
    "get where $text": lambda db, c, bad: c.get(where={"$text": {"$contains": bad}}),
    "get where $id": lambda db, c, bad: c.get(where={"$id": {"$regex": bad}}),
    "get where operator": lambda db, c, bad: c.get(where={"a": {"$" + bad: 1}}),
    "scroll where": lambda db, c, bad: list(c.scroll({"a": bad})),
    "scroll order_by": lambda db, c, bad: list(c.scroll(order_by=bad)),
    "count where": lambda db, c, bad: c.count({"a": bad}),
    "facets field": lambda db, c, bad: c.facets(bad),
    "distinct field": lambda db, c, bad: c.distinct(bad),
    "min_max field": lambda db, c, bad: c.min_max(bad),
    "ids where": lambda db, c, bad: c.ids({bad: 1}),
    "search query": lambda db, c, bad: c.search(bad),
    "search where": lambda db, c, bad: c.search("x", where={bad: "x"}),
    "search id": lambda db, c, bad: c.search(id=bad),
    "search keyword": lambda db, c, bad: c.search(bad, mode="keyword"),
    "search operators": lambda db, c, bad: c.search(f'+{bad} "x {bad}"', mode="keyword", syntax="operators"),
    "search hybrid": lambda db, c, bad: c.search(bad, mode="hybrid"),
    "search hybrid words": lambda db, c, bad: c.search(bad, mode="hybrid", vector=_VECTOR),
    "search vector": lambda db, c, bad: c.search("x", mode="hybrid", vector=bad),
    "search mode": lambda db, c, bad: c.search("x", mode=bad),  # type: ignore[arg-type]  # no mode
    "search weights": lambda db, c, bad: c.search("x", mode="hybrid", weights={bad: 1.0}),
    "search select": lambda db, c, bad: c.search("x", select=[bad]),  # type: ignore[list-item]  # no part
    "search group_by": lambda db, c, bad: c.search("x", group_by=bad),
    "search rerank": lambda db, c, bad: c.search(bad, rerank="lexical"),
    "search reranker": lambda db, c, bad: c.search("x", rerank=bad),
    "search_many queries": lambda db, c, bad: c.search_many(["x", bad]),
    "search_many keyword": lambda db, c, bad: c.search_many(["x", bad], mode="keyword"),
    "search_range query": lambda db, c, bad: c.search_range(bad, min_score=0.1),
    "recommend positive": lambda db, c, bad: c.recommend([bad]),
    "recommend negative": lambda db, c, bad: c.recommend(["r"], [bad]),
    "duplicates where": lambda db, c, bad: c.duplicates(where={bad: 1}),
    "explain query": lambda db, c, bad: c.explain(bad, mode="keyword"),
    "explain where": lambda db, c, bad: c.explain("x", where={bad: 1}),
    "why_not id": lambda db, c, bad: c.why_not(bad, "x"),
    "why_not query": lambda db, c, bad: c.why_not("r", bad, mode="keyword"),
    "within where": lambda db, c, bad: c.within({bad: 1}),
    "notes owner": lambda db, c, bad: c.notes(bad),
    "notes key": lambda db, c, bad: c.notes("o").__setitem__(bad, b""),
    "backup path": lambda db, c, bad: c.backup(bad),
    "snapshot name": lambda db, c, bad: c.snapshot(bad),
    "restore name": lambda db, c, bad: c.restore(bad),
    "drop_snapshot name": lambda db, c, bad: c.drop_snapshot(bad),
    "reembed encoder": lambda db, c, bad: c.reembed(bad),
    "alter metric": lambda db, c, bad: c.alter(metric=bad),  # type: ignore[arg-type]  # no metric
    "alter index": lambda db, c, bad: c.alter(index=bad),
    "alter index option": lambda db, c, bad: c.alter(index={"name": "ivf", bad: 1}),
    "collection name": lambda db, c, bad: db.collection(bad),
    "collection encoder": lambda db, c, bad: db.collection("new", encoder=bad),
    "collection analyzer": lambda db, c, bad: db.collection("new", analyzer=bad),
    "collection index": lambda db, c, bad: db.collection("new", index={"name": bad}),
    "connect": lambda db, c, bad: vicinal.connect(bad),
    "connect url": lambda db, c, bad: vicinal.connect(f"http://{bad}/"),
}
# Calls that return nothing because nothing can exist under such a name.
NOT_THERE: Final[dict[str, Call]] = {
    "in a collection": lambda db, c, bad: bad in c,
    "in a database": lambda db, c, bad: bad in db,
    "in notes": lambda db, c, bad: bad in c.notes("o"),
    "a note": lambda db, c, bad: c.notes("o").get(bad),
    "an attribute": lambda db, c, bad: hasattr(c, bad) or hasattr(db, bad),
}

BROKEN: Final = st.tuples(st.text(max_size=3), st.characters(categories=["Cs"]), st.text(max_size=3)).map("".join)


@pytest.fixture
def docs(world: World) -> Collection:
    made = world.collection(encoder="hashing")
    made.add(["r", "s"], texts=["one x", "two x"], metadata=[{"a": "x"}, {"a": "y"}])
    return made


def _refusal(name: str, world: World, docs: Collection, bad: str) -> VicinalError | None:
    """Returns None if the database lacks the call: then it need not validate the argument."""
    needs_disk = name.startswith(("backup", "snapshot", "restore", "drop_snapshot")) and world.kind == "memory"
    try:
        REFUSED[name](world.db, docs, bad)
    except Unsupported as error:
        if needs_disk or error.lacks in world.db.capabilities.lacks:
            return None
        raise
    except (InvalidInput, EncoderNotFound) as error:
        return error
    pytest.fail(f"{name} takes {bad!r}")


def _check(name: str, world: World, docs: Collection, bad: str) -> None:
    error = _refusal(name, world, docs, bad)
    if error is None:
        return
    assert error.name, f"{name} with {bad!r} names no argument"
    assert "\\ud" in ascii(error.value) or "\\ud" in str(error), f"{name} with {bad!r} does not show it: {error}"
    str(error).encode()  # it can be shown
    assert str(error)[-1] in ".?", f"{name} with {bad!r} has no remedy: {error}"


@pytest.mark.parametrize("bad", ["\ud800", "a\udfffb", "\ud83d x"])
def test_half_a_surrogate_pair_is_refused_wherever_a_text_is_taken(world: World, docs: Collection, bad: str) -> None:
    before = [(row.id, row.text, row.metadata) for row in docs.get()], world.db.collections()
    for name in REFUSED:
        _check(name, world, docs, bad)
    assert ([(row.id, row.text, row.metadata) for row in docs.get()], world.db.collections()) == before


def test_what_is_no_text_is_nowhere(world: World, docs: Collection) -> None:
    for name, call in NOT_THERE.items():
        assert not call(world.db, docs, "a\ud800"), name


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(REFUSED)), bad=BROKEN)
def test_so_is_half_a_pair_among_any_characters(world: World, docs: Collection, name: str, bad: str) -> None:
    _check(name, world, docs, bad)


def test_a_whole_pair_is_a_character(docs: Collection) -> None:
    docs.add(["\U0001f600"], texts=["\U0001f600 grin"], metadata=[{"\U0001f600": "\U0001f600"}])
    assert docs.ids({"\U0001f600": "\U0001f600"}) == ["\U0001f600"]
    assert docs.search("\U0001f600 grin", mode="keyword").ids == ["\U0001f600"]
