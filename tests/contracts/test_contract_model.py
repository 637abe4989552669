"""Random histories compared with a plain dict: after every step, all ways to read agree with it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from support.referee import METRICS, ranking
from support.worlds import KINDS, World, make_world
from vicinal import Collection
from vicinal.errors import DuplicateId, IdNotFound

DIM = 3
ids = st.sampled_from([0, 1, 2, "0", "1", "a", "b\x00", 2**63 - 1])
# Small whole numbers: all sums are exact, so scores must be equal, and ties are frequent.
vectors = st.lists(st.integers(-2, 2), min_size=DIM, max_size=DIM).map(lambda v: np.array(v, dtype=np.float32))
texts = st.none() | st.sampled_from(["", "text", "🦜\x00"])
metadata = st.none() | st.dictionaries(st.sampled_from("xyz"), st.integers(0, 3), max_size=2)
rows = st.lists(st.tuples(ids, st.none() | vectors, texts, metadata), min_size=1, max_size=5)


def columns(batch: list[Any]) -> dict[str, Any]:
    names = ("ids", "vectors", "texts", "metadata")
    return dict(zip(names, map(list, zip(*batch))))


class Model(RuleBasedStateMachine):
    """`self.rows` is the expected state: id -> (vector, text, metadata), in insertion order."""

    kind: str
    handles = Bundle("handles")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="vicinal-model-"))
        self.world: World = make_world(self.kind, self.folder)
        self.rows: dict[Any, tuple[Any, str | None, dict[str, Any]]] = {}
        self.changes = 0

    @initialize(metric=st.sampled_from(METRICS), durability=st.sampled_from(["full", "process"]))
    def open(self, metric: str, durability: str) -> None:
        self.metric, self.durability = metric, durability
        self.docs = self.collection(self.world)
        self.second: Collection | None = None

    def collection(self, world: World) -> Collection:
        return world.collection(
            metric=self.metric, durability=self.durability, dimension=DIM, zero_vectors="allow", timeout=10
        )

    def put(self, batch: list[Any]) -> None:
        for id_, *_ in batch:
            self.rows.pop(id_, None)
        # For equal ids the last one wins, with its position
        for i, (id_, vector, text, data) in enumerate(batch):
            if id_ not in [later[0] for later in batch[i + 1 :]]:
                self.rows[id_] = (vector, text, data or {})
        self.changes += 1

    @rule(batch=rows)
    def upsert(self, batch: list[Any]) -> None:
        assert self.docs.upsert(**columns(batch)) == [row[0] for row in batch]
        self.put(batch)

    @rule(batch=rows)
    def add(self, batch: list[Any]) -> None:
        given = [row[0] for row in batch]
        if len(set(given)) < len(given) or set(given) & set(self.rows):
            with pytest.raises(DuplicateId):
                self.docs.add(**columns(batch))
            return
        assert self.docs.add(**columns(batch)) == given
        self.put(batch)

    @rule(batch=rows)
    def update(self, batch: list[Any]) -> None:
        given = [row[0] for row in batch]
        if len(set(given)) < len(given):
            with pytest.raises(DuplicateId):
                self.docs.update(**columns(batch))
            return
        if not set(given) <= set(self.rows):
            with pytest.raises(IdNotFound):
                self.docs.update(**columns(batch))
            return
        assert self.docs.update(**columns(batch)) == len(batch)
        self.changes += 1
        for id_, vector, text, data in batch:
            old_vector, old_text, old_data = self.rows[id_]
            new = (
                old_vector if vector is None else vector,
                old_text if text is None else text,
                {**old_data, **(data or {})},
            )
            if vector is not None or text is not None:
                del self.rows[id_]  # it moves to the end
            self.rows[id_] = new

    @rule(gone=st.lists(ids, max_size=4))
    def delete(self, gone: list[Any]) -> None:
        there = set(gone) & set(self.rows)
        assert self.docs.delete(gone) == len(there)
        for id_ in there:
            del self.rows[id_]
        self.changes += bool(there)

    @rule()
    def sync(self) -> None:
        self.docs.sync()
        stats = self.docs.stats()
        assert stats.synced == stats.change

    @precondition(lambda self: self.world.on_disk)
    @rule()
    def reopen(self) -> None:
        self.world.close()
        self.docs, self.second = self.collection(self.world), None

    @rule()
    def open_another_handle(self) -> None:
        self.second = self.collection(self.world)

    @precondition(lambda self: self.second is not None)
    @rule()
    def change_places(self) -> None:
        assert self.second is not None
        self.docs, self.second = self.second, self.docs

    @rule(query=vectors, k=st.integers(1, 9))
    def search(self, query: np.ndarray, k: int) -> None:
        with_vector = {id_: row[0] for id_, row in self.rows.items() if row[0] is not None}
        expected = ranking(self.metric, with_vector, query, 99)
        for docs in filter(None, (self.docs, self.second)):
            assert [(hit.id, hit.score) for hit in docs.search(query, k=k)] == expected[:k]

    @rule(id_=ids, k=st.integers(1, 4))
    def search_by_id(self, id_: Any, k: int) -> None:
        if self.rows.get(id_, (None,))[0] is None:
            return
        others = {other: row[0] for other, row in self.rows.items() if row[0] is not None and other != id_}
        expected = ranking(self.metric, others, self.rows[id_][0], k)
        assert [(hit.id, hit.score) for hit in self.docs.search(id=id_, k=k)] == expected

    @invariant()
    def every_look_agrees(self) -> None:
        if not hasattr(self, "docs"):
            return
        for docs in filter(None, (self.docs, self.second)):
            found = docs.get(vectors=True)
            assert [row.id for row in found] == list(self.rows)
            for row, (vector, text, data) in zip(found, self.rows.values()):
                assert (row.text, row.metadata) == (text, data)
                assert (row.vector is None) == (vector is None)
                assert vector is None or np.array_equal(row.vector, vector)
            searchable = [id_ for id_, row in self.rows.items() if row[0] is not None]
            assert set(docs.search(np.ones(DIM), k=10**6).ids) == set(searchable)
            assert docs.count() == len(docs) == len(self.rows)
            stats = docs.stats()
            assert (stats.rows, stats.change) == (len(self.rows), self.changes)
            assert stats.indexed + stats.pending == len(searchable)

    def teardown(self) -> None:
        self.world.close()
        shutil.rmtree(self.folder)


def machine(kind: str) -> Any:
    made = type(f"Model_{kind}", (Model,), {"kind": kind})
    case = made.TestCase
    case.settings = settings(deadline=None, max_examples=25, stateful_step_count=25)
    return case


TestMemory = machine(KINDS[0])
TestPath = machine(KINDS[1])
TestServer = pytest.mark.slow(machine("http"))
