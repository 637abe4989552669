"""The language of keyword queries."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vicinal.indexes.text_query import Clause
from vicinal.query.keywords import parse


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("", []),
        (" \t\n", []),
        ("one two", [Clause("one"), Clause("two")]),
        ("+one -two", [Clause("one", "+"), Clause("two", "-")]),
        ('"one two" three', [Clause("one two", "", True), Clause("three")]),
        ('+"one two" -"three four"', [Clause("one two", "+", True), Clause("three four", "-", True)]),
        ("state-of-the-art c++ a+b", [Clause("state-of-the-art"), Clause("c++"), Clause("a+b")]),
        ("a + b - c", [Clause("a"), Clause("+"), Clause("b"), Clause("-"), Clause("c")]),
        ("--x", [Clause("-x", "-")]),
        ('"one two', [Clause('"one'), Clause("two")]),
        ('one" two', [Clause('one"'), Clause("two")]),
        ('5"x7"', [Clause('5"x7"')]),
        ('"a""b"c', [Clause("a", "", True), Clause("b", "", True), Clause("c")]),
        ('"" x', [Clause("x")]),
        (r"\-1 \+a \"b", [Clause("-1"), Clause("+a"), Clause('"b')]),
        (r'"a \" b" \\', [Clause('a " b', "", True), Clause("\\")]),
        (r"a\ b", [Clause("a b")]),
        ("a\\", [Clause("a\\")]),
        ("-", [Clause("-")]),
    ],
)
def test_what_a_query_means(text: str, clauses: list[Clause]) -> None:
    assert list(parse(text).clauses) == clauses


@given(st.text(alphabet='ab "+-\\\n') | st.text())
@example('-"')
def test_every_text_is_a_query(text: str) -> None:
    clauses = parse(text).clauses
    assert all(clause.text for clause in clauses)
    assert len("".join(clause.text for clause in clauses)) <= len(text)


@given(st.lists(st.text(alphabet="abc+-", min_size=1).filter(lambda word: word[0] not in "+-"), min_size=1))
def test_words_without_signs_are_taken_as_they_are(words: list[str]) -> None:
    assert [clause.text for clause in parse(" ".join(words)).clauses] == words
