"""The syntax of keyword queries."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vicinal.contract import Syntax
from vicinal.indexes.text_query import Clause
from vicinal.query.keywords import parse


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("", []),
        (" \t\n", []),
        ("one two", [Clause("one"), Clause("two")]),
        ("+one -two", [Clause("one", "+"), Clause("two", "-")]),
        ('"one two" three', [Clause("one two", "+", True), Clause("three")]),
        ('+"one two" -"three four"', [Clause("one two", "+", True), Clause("three four", "-", True)]),
        ("state-of-the-art c++ a+b", [Clause("state-of-the-art"), Clause("c++"), Clause("a+b")]),
        ("a + b - c", [Clause("a"), Clause("+"), Clause("b"), Clause("-"), Clause("c")]),
        ("--x", [Clause("-x", "-")]),
        ('"one two', [Clause('"one'), Clause("two")]),
        ('one" two', [Clause('one"'), Clause("two")]),
        ('5"x7"', [Clause('5"x7"')]),
        ('"a""b"c', [Clause("a", "+", True), Clause("b", "+", True), Clause("c")]),
        ('"" x', [Clause("x")]),
        (r"\-1 \+a \"b", [Clause("-1"), Clause("+a"), Clause('"b')]),
        (r'"a \" b" \\', [Clause('a " b', "+", True), Clause("\\")]),
        (r"a\ b", [Clause("a b")]),
        ("a\\", [Clause("a\\")]),
        ("-", [Clause("-")]),
    ],
)
def test_what_a_query_with_operators_means(text: str, clauses: list[Clause]) -> None:
    assert list(parse(text, "operators").clauses) == clauses


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("", []),
        ("-5 +x C++", [Clause("-5"), Clause("+x"), Clause("C++")]),
        ('what is "dark matter"?', [Clause("what"), Clause("is"), Clause("dark matter", phrase=True), Clause("?")]),
        ("“dark matter”", [Clause("dark matter", phrase=True)]),
        ("„dunkle Materie“", [Clause("dunkle Materie", phrase=True)]),
        ("«matière noire»", [Clause("matière noire", phrase=True)]),
        ("- one\n- two", [Clause("-"), Clause("one"), Clause("-"), Clause("two")]),
        ('5"x7" or 3" b', [Clause('5"x7"'), Clause("or"), Clause('3"'), Clause("b")]),
        ('"open', [Clause('"open')]),
        ("tools, e.g. saws (i. e. sharp ones)", [Clause(w) for w in ("tools,", "saws", "(", "sharp", "ones)")]),
        ("e.g.", [Clause("e.g.")]),
        ("i.e.x a.e.g.", [Clause("i.e.x"), Clause("a.e.g.")]),
        ('"over\nlines"', [Clause('"over'), Clause('lines"')]),
        ('"' + "long " * 50 + '"', [Clause('"long'), *[Clause("long")] * 49, Clause('"')]),
        (r'f("a b", \d)', [Clause("f("), Clause("a b", phrase=True), Clause(","), Clause(r"\d)")]),
    ],
)
def test_plain_text_asks_for_words_and_raises_what_is_in_quotes(text: str, clauses: list[Clause]) -> None:
    assert list(parse(text, "plain").clauses) == clauses


def test_of_a_great_many_quotes_the_first_count() -> None:
    phrases = [clause for clause in parse('"a b" ' * 1_000, "plain").clauses if clause.phrase]
    assert len(phrases) == 32


@pytest.mark.parametrize("syntax", ["plain", "operators"])
@given(text=st.text(alphabet='ab "+-\\\n“”') | st.text())
@example(text='-"')
def test_every_text_is_a_query(syntax: Syntax, text: str) -> None:
    clauses = parse(text, syntax).clauses
    assert all(clause.text for clause in clauses)
    assert len("".join(clause.text for clause in clauses)) <= len(text)


@given(st.lists(st.text(alphabet="abc+-", min_size=1).filter(lambda word: word[0] not in "+-"), min_size=1))
def test_words_without_signs_are_taken_as_they_are(words: list[str]) -> None:
    for syntax in get_args(Syntax):
        assert [clause.text for clause in parse(" ".join(words), syntax).clauses] == words
