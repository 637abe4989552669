"""Terms and sparse vectors of rows that moved to other slots: nothing is read again, and searches return the same as
with a rebuilt index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vicinal
from support.servers import wait_until
from vicinal.analyzers import analyzer_of
from vicinal.contract import Kernels, SavedIndex
from vicinal.indexes.kernels import NumpyKernels, kernels
from vicinal.indexes.lazy import LazyIndex
from vicinal.indexes.sparse import SparseIndex, SparseQuery
from vicinal.indexes.text import TextIndex
from vicinal.indexes.text_query import Clause, TextQuery
from vicinal.inputs.sparse import pack
from vicinal.store import upkeep

WORDS = ["amber", "indigo", "umber", "cobalt", "ochre"]
ANALYZER = analyzer_of("default", "english")

TEXTS = st.lists(
    st.none() | st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join) | st.just("amber " * 300), max_size=90
)
SPARSE = st.lists(st.none() | st.dictionaries(st.integers(0, 5), st.floats(0.5, 2, width=32), max_size=4), max_size=40)
ALL_KERNELS = [kernels(), NumpyKernels()]


def moved(make: Any, index: Any, new_slots: Any) -> Any:
    lagging = LazyIndex(make, lambda rows, first, end: [])
    lagging.load_moved(SavedIndex(3, index.slot_count, index.save()), new_slots, 7)
    assert lagging.slot_count == int((new_slots >= 0).sum())
    assert lagging.change != 7, "it lacks what came later"
    return lagging.index


def numbered(kept: Any) -> Any:
    return np.where(kept, np.cumsum(kept) - 1, -1)


def text_index(texts: list[str | None], core: Kernels) -> TextIndex:
    index = TextIndex(ANALYZER, core)
    index.add(np.arange(len(texts), dtype=np.uint32), texts)
    return index


def said(index: TextIndex, count: int) -> list[Any]:
    """Returns the results of everything that it can be asked."""
    queries = [TextQuery((Clause(word),)) for word in WORDS]
    queries += [TextQuery((Clause("amber indigo", "+", True),)), TextQuery((Clause("amber"), Clause("umber", "-")))]
    answers: list[Any] = []
    for query in queries:
        slots, scores = index.search(query, count + 1)
        answers += [slots.tolist(), scores.tobytes(), index.matches(query).tobytes(), index.terms(query)]
        answers += [index.explain(query, slot) for slot in slots.tolist()]
    return answers


@settings(max_examples=60, deadline=None)
@given(texts=TEXTS, data=st.data(), later=st.lists(st.sampled_from(WORDS), max_size=3))
@pytest.mark.parametrize("core", ALL_KERNELS, ids=lambda one: type(one).__name__)
def test_words_answer_as_if_built_anew(core: Kernels, texts: Any, data: st.DataObject, later: list[str]) -> None:
    kept = np.array(data.draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts))), np.bool_)
    index = text_index(texts, core)
    told = np.flatnonzero(~kept).astype(np.uint32)
    index.remove(told[: len(told) // 2])  # of the others it learns only by the new slots
    here = moved(lambda: TextIndex(ANALYZER, core), index, numbered(kept))
    anew = text_index([text for text, stays in zip(texts, kept.tolist()) if stays], core)
    assert here.slot_count == anew.slot_count or not kept.any()
    assert said(here, len(texts)) == said(anew, len(texts))
    count = int(kept.sum())
    for one in (here, anew):
        one.add(np.arange(count, count + len(later), dtype=np.uint32), later)
        one.remove(np.arange(0, count, 3, dtype=np.uint32))
    assert said(here, len(texts)) == said(anew, len(texts))


@settings(max_examples=40, deadline=None)
@given(rows=SPARSE, data=st.data())
def test_sparse_vectors_answer_as_if_built_anew(rows: Any, data: st.DataObject) -> None:
    kept = np.array(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))), np.bool_)
    packed = [
        None if row is None else pack(np.array(sorted(row), np.uint32), np.array([row[d] for d in sorted(row)], "f4"))
        for row in rows
    ]
    index, anew = SparseIndex(), SparseIndex()
    index.add(np.arange(len(rows), dtype=np.uint32), packed)
    stay = [one for one, stays in zip(packed, kept.tolist()) if stays]
    anew.add(np.arange(len(stay), dtype=np.uint32), stay)
    here = moved(SparseIndex, index, numbered(kept))
    for dimension in range(6):
        query = SparseQuery(np.array([dimension], np.uint32), np.ones(1, np.float32))
        for mine, theirs in zip(here.search(query, 50), anew.search(query, 50), strict=True):
            assert mine.tobytes() == theirs.tobytes()


class Counting:
    """Counts the texts that are analyzed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.texts = 0
        add = TextIndex._add

        def counted(index: TextIndex, slots: Any, texts: Any, slot_count: int) -> None:
            self.texts += len(texts)
            add(index, slots, texts, slot_count)

        monkeypatch.setattr(TextIndex, "_add", counted)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Counting:
    for seconds in ("_QUIET_SECONDS", "_PAUSE_SECONDS"):  # nothing in the background
        monkeypatch.setattr(upkeep, seconds, 1000.0)
    return Counting(monkeypatch)


def filled(docs: vicinal.Collection, count: int = 6_000) -> None:
    docs.add(list(range(count)), texts=[f"{WORDS[i % 5]} n{i}" for i in range(count)])


def test_closing_reads_no_words_that_nobody_asked_for(tmp_path: Path, read: Counting) -> None:
    with vicinal.connect(tmp_path) as database:
        filled(database.collection("docs"))
    assert read.texts == 0
    with vicinal.connect(tmp_path) as database:
        docs = database.collection("docs")
        assert docs.stats().published == 1, "all else is saved"
        assert docs.search("n77", mode="keyword").ids == [77]
        assert read.texts == 6_000
    with vicinal.connect(tmp_path) as database:
        assert database.collection("docs").search("n78", mode="keyword").ids == [78]
    assert read.texts == 6_000, "closing has saved what was asked"


def test_closing_does_not_wait_for_words_that_are_being_read(tmp_path: Path, read: Counting) -> None:
    with vicinal.connect(tmp_path) as database:
        docs = database.collection("docs")
        filled(docs, 12_000)
        store = docs._context.store
        store.upkeep.end()  # as `close` does first
        store.upkeep.build()
        assert read.texts == 0
        assert docs.stats().published == 1


@pytest.mark.parametrize("on_disk", [True, False], ids=["on disk", "in memory"])
def test_compacting_reads_no_words(tmp_path: Path, read: Counting, on_disk: bool) -> None:
    with vicinal.connect(tmp_path if on_disk else ":memory:") as database:
        docs = database.collection("docs")
        filled(docs, 2_000)
        docs.compact()
        assert read.texts == 0, "nobody has asked"
        before = docs.search("amber", 2_000, mode="keyword").ids
        docs.add(["sparse"], sparse=[{1: 1.0}])
        assert docs.search(mode="hybrid", sparse={1: 1.0}).ids == ["sparse"]
        docs.delete([0, 5, 77])
        docs.add(["late"], texts=["amber late"])
        found = read.texts
        docs.compact()
        assert read.texts - found <= 2, "only what came since"
        after = docs.search("amber", 2_000, mode="keyword")
        assert set(after.ids) == {*before, "late"} - {0, 5}
        assert docs.search("n1999", mode="keyword").ids == [1999]
        assert 77 not in docs.search("n77", mode="keyword").ids
        assert docs.search(mode="hybrid", sparse={1: 1.0}).ids == ["sparse"]
        scores = dict(zip(after.ids, after.scores, strict=True))
        assert read.texts - found <= 4
        rows = docs.get()
        if on_disk:
            assert docs.verify().ok
    with vicinal.connect(":memory:") as database:
        anew = database.collection("docs")
        anew.add([row.id for row in rows], texts=[row.text for row in rows])
        true = anew.search("amber", 2_000, mode="keyword")
        assert dict(zip(true.ids, true.scores, strict=True)) == scores


def test_expired_rows_are_left_behind(tmp_path: Path, read: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    with vicinal.connect(tmp_path) as database:
        docs = database.collection("docs")
        docs.add(["soon", "stays"], texts=["amber brief", "amber long"], ttl=[0.05, None])
        assert len(docs.search("amber", mode="keyword")) in (1, 2)
        wait_until(lambda: docs.count() == 1, "the row expired")
        docs.compact()
        assert docs.search("amber", mode="keyword").ids == ["stays"]
        assert docs.search("brief", mode="keyword").ids == []


def test_a_restored_collection_has_the_words_of_the_snapshot(tmp_path: Path, read: Counting) -> None:
    with vicinal.connect(tmp_path) as database:
        docs = database.collection("docs")
        docs.add(["a"], texts=["amber"])
        docs.snapshot("s")
        docs.upsert(["a"], texts=["umber"])
        assert docs.search("umber", mode="keyword").ids == ["a"]
        docs.restore("s")
        assert docs.search("umber", mode="keyword").ids == []
        assert docs.search("amber", mode="keyword").ids == ["a"]
