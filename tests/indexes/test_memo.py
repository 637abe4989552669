"""A cache of a function's results: the same results, and never more bytes than allowed."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vicinal.analyzers import analyzer_of
from vicinal.indexes.memo import Memo
from vicinal.indexes.text_compiler import QueryAnalyzer
from vicinal.indexes.text_query import Clause, TextQuery


@given(st.lists(st.text("abc", max_size=4), max_size=60), st.integers(0, 40))
def test_results_are_those_of_the_function(texts: list[str], bytes_max: int) -> None:
    remembering = Memo(lambda text: text * 2, lambda text, _: len(text) + 1, bytes_max)
    for text in texts:
        assert remembering(text) == text * 2


def test_what_was_asked_lately_is_not_asked_again() -> None:
    asked: list[str] = []
    remembering = Memo(lambda text: asked.append(text) or text, lambda *_: 1, 8)
    for text in ["a", "b", "a", "c", "a", "d", "a", "e", "a"]:
        remembering(text)
    assert asked.count("a") == 1
    for number in range(20):
        remembering(str(number))
    remembering("a")
    assert asked.count("a") == 2


def test_a_result_larger_than_all_that_may_be_kept_is_given_and_not_kept() -> None:
    remembering = Memo(lambda text: text, lambda text, _: len(text), 8)
    remembering("a")
    assert remembering("x" * 100) == "x" * 100
    assert len(remembering._younger) + len(remembering._older) == 1


@pytest.mark.slow
def test_many_different_queries_take_bounded_memory() -> None:
    queries = QueryAnalyzer(analyzer_of("default", "en"))
    tracemalloc.start()
    try:
        for number in range(12_000):
            queries.analyze(TextQuery((Clause(f"word{number}-of-{number * 7}-parts"),)))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 24 << 20
