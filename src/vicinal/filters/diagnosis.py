"""Why a filter that matches no row may be a mistake: it compares with a type that its field does not have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, Final

from .tree import And, Compare, Contains, In, Node, Or, Path, Regex, StartsWith, path_text
from .values import Class, class_of, shown

__all__ = ["doubts"]

_NAMES: Final[dict[Class, str]] = {
    "null": "null",
    "bool": "true and false",
    "number": "numbers",
    "text": "texts",
    "instant": "dates",
    "uuid": "UUIDs",
    "list": "lists",
    "dict": "dicts",
}


def doubts(tree: Node, classes_at: Callable[[Path], set[Class]]) -> Iterator[str]:
    """A sentence for each condition that no value of its field can meet.

    Args:
        classes_at: returns the classes of the values at a path, including those of elements of lists.
    """
    if isinstance(tree, (And, Or)):
        for child in tree.children:
            yield from doubts(child, classes_at)
    elif isinstance(tree, (Compare, In, Contains, StartsWith, Regex)):
        wanted, there = _wanted(tree), classes_at(tree.path) - {"null"}
        if wanted and there and not wanted & there:
            yield (
                f"where: no row matches {shown(tree)}, as {path_text(tree.path)!r} holds {_names(there)} and this asks "
                f"for {_names(wanted)}.{_remedy(tree, there)}"
            )


def _wanted(leaf: Compare | In | Contains | StartsWith | Regex) -> set[Class]:
    """Classes of values that can meet the condition; empty if the class does not determine that."""
    if isinstance(leaf, Compare):
        found: set[Class] = set() if leaf.coerce else {class_of(leaf.value)}
    elif isinstance(leaf, In):
        found = {class_of(value) for value in leaf.values}
    elif isinstance(leaf, Contains):
        found = {class_of(leaf.value)}
    else:
        found = {"text"}
    return set() if "null" in found else found


def _names(classes: set[Class]) -> str:
    return " and ".join(_NAMES[one] for one in sorted(classes))


def _remedy(leaf: Any, there: set[Class]) -> str:
    value = getattr(leaf, "value", None)
    if isinstance(value, list):
        return f" A list equals only a list; for one of several values write {{'$in': {shown(value)}}}."
    if isinstance(value, date) and "text" in there:
        return f" Write the operand as such a text, like {value.isoformat()!r}, or store dates."
    if isinstance(value, str) and "number" in there:
        return " Write the operand without quotation marks."
    if "text" in there and value is not None:
        return f" Write the operand as a text, like {str(value)!r:.60}."
    return ""
