"""The number of threads of a search."""

from __future__ import annotations

import pytest

from vicinal.indexes.threads import search_threads, thread_count


def test_many_queries_take_all_threads_that_a_call_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VICINAL_THREADS", "3")
    assert search_threads(2, 10) == 3


def test_one_query_leaves_the_processors_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VICINAL_THREADS", raising=False)
    assert search_threads(1, 100_000) == 1
    assert search_threads(1, 1_000_000) == thread_count()


def test_one_query_takes_as_many_threads_as_it_is_told_where_there_are_rows_to_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VICINAL_THREADS", "2")
    assert search_threads(1, 100_000) == 2
    assert search_threads(1, 100) == 1
