"""Filter expressions: their meaning, compared with a simple implementation of the language, and invalid ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vecstore import VecStore
from vecstore.filters import NESTED_MAX, parse
from vicinal.filters.evaluate import matches

RECORD = {"year": 2024, "rating": 4.5, "lang": "Rust", "ver": "10", "draft": False, "note": None, "tags": ["a", 1]}

MEANINGS = [
    ("lang = 'Rust'", True),
    ("lang = Rust", True),
    ("lang = 'rust'", False),
    ("year >= 2024 AND rating > 4.5", False),
    ("year>=2024 and rating>=4.5", True),
    ("lang = 'Go' OR year = 2024 AND rating > 4", True),
    ("(lang = 'Go' OR year = 2024) AND rating > 5", False),
    ("NOT lang = 'Go' AND year = 1", False),
    ("NOT NOT lang = Rust", True),
    ("ver > 9", True),
    ("ver = 10.0", True),
    ("ver = '1e1'", True),
    ("year = '2024.'", True),
    ("year = 5. OR year = 2024.", True),
    ("lang > 'A'", False),
    ("NOT lang > 'A'", True),
    ("missing = 1", False),
    ("missing != 1", False),
    ("missing = null", False),
    ("missing NOT IN []", False),
    ("NOT missing = 1", True),
    ("note = null", True),
    ("note = NULL", True),
    ("note != null", False),
    ("lang != null", True),
    ("note != 1", True),
    ("note = 0", False),
    ("lang IN ['Go', 'Rust']", True),
    ("lang IN ('Go', Rust,)", True),
    ("lang IN []", False),
    ("lang NOT IN []", True),
    ("lang not  in ['Go']", True),
    ("year IN ['2024', 'x']", True),
    ("lang CONTAINS 'us'", True),
    ("lang contains US", False),
    ("tags CONTAINS a", True),
    ("tags CONTAINS 1", True),
    ("tags CONTAINS '1'", False),
    ("tags = a", False),
    ("tags != a", True),
    ("tags IN [a]", False),
    ("year CONTAINS 2", False),
    ("lang STARTSWITH 'Ru'", True),
    ("ver STARTSWITH 1", False),
    ("draft = false", True),
    ("draft = FALSE", True),
    ("draft = 0", False),
    ("draft != true", True),
    ("year > -1", True),
]


@pytest.mark.parametrize(("expression", "expected"), MEANINGS)
def test_what_an_expression_means(expression: str, expected: bool) -> None:
    assert matches(parse(expression), RECORD, "id") is expected


def test_a_store_finds_what_the_expressions_say(store: VecStore) -> None:
    store.upsert("record", [1.0], RECORD)
    store.upsert("other", [1.0], {"missing_here": 1})
    for expression, expected in MEANINGS:
        found = [result.id for result in store.query([1.0], 5, expression)]
        assert ("record" in found) is expected, expression


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (r"'a\nb'", "a\nb"),
        (r"'it\'s'", "it's"),
        (r'"say \"no\""', 'say "no"'),
        (r"'back\\slash'", "back\\slash"),
        (r"'\d+'", r"\d+"),
        ("'AND'", "AND"),
        ("'äöü 😀'", "äöü 😀"),
        ("''", ""),
        ("größe", "größe"),
    ],
)
def test_strings(written: str, value: str) -> None:
    assert matches(parse(f"übung_1 = {written}"), {"übung_1": value}, "id")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "empty expression"),
        (" \t\n", "empty expression"),
        ("a = 'open", "unclosed string, which begins in column 5"),
        ("a = 'open\\'", "unclosed string"),
        ("a = -", "invalid number '-' in column 5"),
        ("a = 1.2.3", "invalid number '1.2.3'"),
        ("a = " + "9" * 5000, "invalid number in column 5: it has 5000 digits"),
        ("a = #", "unexpected token '#' in column 5"),
        ("a = .5", "unexpected token '.'"),
        ("a = +5", r"unexpected token '\+'"),
        ("a ! b", "unexpected token '!'"),
        ("a.b = 1", r"unexpected token '\.' in column 2"),
        ("a-b = 1", "invalid number '-' in column 2"),
        ("a == 1", "expected a value, got '=' in column 4"),
        ("a <> 1", "expected a value, got '>'"),
        ("a LIKE 'x'", "expected an operator, got 'LIKE'"),
        ("a IS NULL", "expected an operator, got 'IS'"),
        ("NOT draft", "expected an operator, got the end"),
        ("a = 1 b = 2", "expected AND, OR or the end, got 'b' in column 7"),
        ("a = 1 )", r"expected AND, OR or the end, got '\)'"),
        ("a = 1e5", "expected AND, OR or the end, got 'e5'"),
        ("(a = 1", r"expected AND, OR or \), got the end"),
        ("a IN", r"expected \[, got the end"),
        ("a IN [1, 2", r"expected , or \], got the end"),
        ("a IN [1 2]", r"expected , or \], got '2'"),
        ("a IN (1]", r"expected , or \), got '\]'"),
        ("a NOT CONTAINS 1", "expected IN, got 'CONTAINS'"),
        ("in = 1", "expected the name of a field, got 'in'"),
        ("a = or", "expected a value, got 'or' in column 5. It is a keyword; write it in quotes."),
        ("a = 1 AND", "expected the name of a field, got the end"),
        ("1 = a", "expected the name of a field, got '1'"),
        ("NOT " * (NESTED_MAX + 1) + "a = 1", "nested deeper than"),
        ("(" * 100_000, "nested deeper than"),
        (" OR ".join(["a = 1"] * 10_001), "more than 10,000 conditions"),
    ],
)
def test_what_is_no_expression_is_told_with_its_place(expression: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^Filter parse error: .*{message}") as caught:
        parse(expression)
    assert len(str(caught.value)) < 300


def test_nesting_up_to_the_limit() -> None:
    deep = "NOT " * (NESTED_MAX - 2) + "(a NOT IN [1, b])"
    assert matches(parse(deep), {"a": 2}, "id")
    assert matches(parse(" OR ".join(["a = 1"] * 2000)), {"a": 1}, "id")


# A simple implementation of the language: an expression as nested tuples, its text, and its value for a record.

NAMES = ["a", "b", "ÿ_1"]
WORDS = ["x", "xy", "10", "10.0", "-3", "", "1e1", "true "]
SCALARS: list[Any] = [*WORDS, 10, 10.5, -3, 0, True, False, None]
STORED = st.sampled_from(SCALARS) | st.lists(st.sampled_from(SCALARS), max_size=3) | st.just({"x": 1})
RECORDS = st.dictionaries(st.sampled_from(NAMES), STORED, max_size=3)
COMPARISONS = st.tuples(
    st.sampled_from(["=", "!=", ">", ">=", "<", "<=", "CONTAINS", "STARTSWITH"]),
    st.sampled_from(NAMES),
    st.sampled_from(SCALARS),
)
LISTS = st.tuples(
    st.sampled_from(["IN", "NOT IN"]), st.sampled_from(NAMES), st.lists(st.sampled_from(SCALARS), max_size=4)
)
EXPRESSIONS: st.SearchStrategy[Any] = st.recursive(
    COMPARISONS | LISTS,
    lambda inner: st.tuples(st.sampled_from(["AND", "OR"]), inner, inner) | st.tuples(st.just("NOT"), inner),
    max_leaves=6,
)


def written(value: Any) -> str:
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return {True: "true", False: "false", None: "null"}[value] if value is None or type(value) is bool else str(value)


def text_of(expression: Any) -> str:
    match expression:
        case ("AND" | "OR" as word, left, right):
            return f"({text_of(left)}) {word} ({text_of(right)})"
        case ("NOT", inner):
            return f"NOT ({text_of(inner)})"
        case ("IN" | "NOT IN" as word, name, values):
            return f"{name} {word} [{', '.join(map(written, values))}]"
    operator, name, value = expression
    return f"{name} {operator} {written(value)}"


def number(value: Any) -> float | None:
    if type(value) in (int, float):
        return float(value)
    try:
        return float(value) if isinstance(value, str) else None
    except ValueError:
        return None


def same(stored: Any, wanted: Any) -> bool:
    if number(stored) is not None and number(wanted) is not None:
        return number(stored) == number(wanted)
    return type(stored) is type(wanted) and stored == wanted


ORDERS: dict[str, Callable[[float, float], bool]] = {
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}


def holds(expression: Any, record: dict[str, Any]) -> bool:
    match expression:
        case ("AND", left, right):
            return holds(left, record) and holds(right, record)
        case ("OR", left, right):
            return holds(left, record) or holds(right, record)
        case ("NOT", inner):
            return not holds(inner, record)
    operator, name, wanted = expression
    if name not in record:
        return False
    stored = record[name]
    match operator:
        case "=":
            return same(stored, wanted)
        case "!=":
            return not same(stored, wanted)
        case "IN":
            return any(same(stored, value) for value in wanted)
        case "NOT IN":
            return not any(same(stored, value) for value in wanted)
        case "CONTAINS" if isinstance(stored, list):
            return any(element == wanted and (type(element) is bool) == (type(wanted) is bool) for element in stored)
        case "CONTAINS":
            return isinstance(stored, str) and isinstance(wanted, str) and wanted in stored
        case "STARTSWITH":
            return isinstance(stored, str) and isinstance(wanted, str) and stored.startswith(wanted)
    left, right = number(stored), number(wanted)
    return left is not None and right is not None and ORDERS[operator](left, right)


@settings(deadline=None, max_examples=300)
@given(EXPRESSIONS, RECORDS)
def test_the_tree_says_what_the_language_says(expression: Any, record: dict[str, Any]) -> None:
    assert matches(parse(text_of(expression)), record, "id") == holds(expression, record)


@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(st.lists(RECORDS, min_size=1, max_size=5), st.lists(EXPRESSIONS, min_size=5, max_size=5))
def test_a_store_finds_those_records_and_no_others(
    store: VecStore, found: list[dict[str, Any]], asked: list[Any]
) -> None:
    for result in store.query([1.0], 1000):
        store.remove(result.id)
    for i, record in enumerate(found):
        store.upsert(str(i), [1.0], record)
    for expression in asked:
        expected = [str(i) for i, record in enumerate(found) if holds(expression, record)]
        assert [result.id for result in store.query([1.0], 1000, text_of(expression))] == expected


def test_one_condition_too_many_is_refused_where_it_stands() -> None:
    """Raised early, not after all of them were read: what follows is not a valid expression."""
    for many in (" OR ".join(["a = 1"] * 10_001), "a IN [" + ", ".join(["1"] * 10_001)):
        with pytest.raises(ValueError, match="more than 10,000 conditions"):
            parse(many + " AND AND")
