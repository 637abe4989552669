"""Templates: one pass, only names between single braces, and values inserted unchanged."""

from __future__ import annotations

import pytest

from vicinal.errors import InvalidArgument
from vicinal.rag import PromptTemplate


@pytest.mark.parametrize(
    ("template", "values", "text"),
    [
        ("Hello {name}", {"name": "Ada"}, "Hello Ada"),
        ("{a}{b}{a}", {"a": 1, "b": None}, "1None1"),
        ("{missing} {a}", {"a": "x", "more": "y"}, "{missing} x"),
        ("{{a}}", {"a": "x"}, "{x}"),
        ("{ a } {a:>5} {} {a.b} {0} {a!r}", {"a": "x", "0": "y"}, "{ a } {a:>5} {} {a.b} {0} {a!r}"),
        ('{"json": {größe}}', {"größe": 3}, '{"json": 3}'),
        ("{a} {b}", {"a": "{b}", "b": "{a}"}, "{b} {a}"),
        ("", {"a": "x"}, ""),
        (r"{a}", {"a": r"\1 \g<0>"}, r"\1 \g<0>"),
    ],
)
def test_names_are_replaced(template: str, values: dict[str, object], text: str) -> None:
    prompt = PromptTemplate(template)
    assert prompt.format(values) == text
    assert prompt.template == template


def test_names_and_keywords() -> None:
    prompt = PromptTemplate("{b} {a} {b}")
    assert prompt.variables == ["b", "a"]
    assert prompt.format(a=1, b=2) == "2 1 2"
    assert "variables=['b', 'a']" in repr(prompt)


def test_only_a_text_is_a_template() -> None:
    with pytest.raises(InvalidArgument, match="is a str"):
        PromptTemplate(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("variables", [["name"], "name", 5])
def test_values_have_names(variables: object) -> None:
    with pytest.raises(InvalidArgument, match="variables must be a dict of values by name, not"):
        PromptTemplate("{name}").format(variables)  # type: ignore[arg-type]
