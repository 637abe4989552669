"""A search sees one point in time, although terms are not part of the snapshot as vectors are."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import vicinal
from vicinal.indexes.derived import RowsAt
from vicinal.query.legs import KeywordLeg

_QUERIES = ["rare", "rare common"]


def test_words_that_others_move_on_while_they_are_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """idf and average length change with every text: scores of two points in time are not comparable."""
    with vicinal.connect(":memory:") as database:
        docs = database.collection("docs")
        docs.add(range(8), texts=["rare common", *["common words"] * 7])
        before = docs.search_many(_QUERIES, mode="keyword")
        best, threads = KeywordLeg.best, list[threading.Thread]()

        def moved_on(self: KeywordLeg, m: int) -> Any:
            found = best(self, m)
            if not threads:
                threads.append(threading.Thread(target=_add_and_search, args=(docs,)))
                threads[0].start()
                threads[0].join(60)
                assert not threads[0].is_alive()
            return found

        monkeypatch.setattr(KeywordLeg, "best", moved_on)
        found = docs.search_many(_QUERIES, mode="keyword")
        assert threads
        after = docs.search_many(_QUERIES, mode="keyword")
    assert [_scores(hits) for hits in before] != [_scores(hits) for hits in after]
    assert [_scores(hits) for hits in found] == [_scores(hits) for hits in after]


def _add_and_search(docs: vicinal.Collection) -> None:
    docs.add(range(100, 140), texts=["rare and long " * 9] * 40)
    docs.search("rare", mode="keyword")


def _scores(hits: vicinal.Hits) -> list[tuple[Any, float]]:
    return [(hit.id, hit.score) for hit in hits]


def test_a_filter_that_reads_records_holds_up_no_other_search(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    reading, go_on = threading.Event(), threading.Event()
    read = RowsAt.ids_and_texts

    def slowly(rows: RowsAt, slots: Any) -> Any:
        reading.set()
        assert go_on.wait(30)
        return read(rows, slots)

    with vicinal.connect(tmp_path) as database:
        docs = database.collection("docs")
        docs.add([1, 2], texts=["a pear", "a plum"], vectors=[[1.0, 0.0], [0.0, 1.0]], metadata=[{"n": 1}, {"n": 2}])
        monkeypatch.setattr(RowsAt, "ids_and_texts", slowly)
        found: list[Any] = []
        ask = threading.Thread(
            target=lambda: found.append(docs.search([1.0, 0.0], where={"$text": {"$contains": "plum"}}))
        )
        ask.start()
        try:
            assert reading.wait(30)
            assert docs.search([1.0, 0.0]).ids == [1, 2]
            assert docs.search([1.0, 0.0], where={"n": 2}).ids == [2]
        finally:
            go_on.set()
            ask.join()
        assert found[0].ids == [2]
