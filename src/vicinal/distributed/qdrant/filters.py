"""Translates conditions on terms and parts to Qdrant filters."""

from __future__ import annotations

from typing import Any, Final

from qdrant_client import models

from ..conditions import All, Any_, Condition, HasId, HasTerm, No, NumberIs
from ..payloads import key_of

__all__ = ["filter_of"]

_NOTHING: Final[list[Any]] = []


def filter_of(condition: Condition) -> models.Filter:
    """Returns the filter that matches the same points."""
    if isinstance(condition, All) and len(condition.children) == 1:
        return filter_of(condition.children[0])
    if isinstance(condition, All):
        return models.Filter(must=list(map(_condition, condition.children)) or None)
    if isinstance(condition, Any_) and condition.children:
        return models.Filter(should=list(map(_condition, condition.children)))
    if isinstance(condition, No):
        return models.Filter(must_not=[_condition(condition.child)])
    return models.Filter(must=[_condition(condition)])


def _condition(condition: Condition) -> Any:
    """Returns the condition as part of a filter, itself wrapped in a filter only if necessary."""
    match condition:
        case Any_(children=()) | HasTerm(terms=()):
            return models.HasIdCondition(has_id=_NOTHING)
        case HasId():
            return models.HasIdCondition(has_id=sorted(map(key_of, condition.ids)))
        case HasTerm():
            return models.FieldCondition(key="terms", match=models.MatchAny(any=list(condition.terms)))
        case NumberIs():
            return models.FieldCondition(key=_key(condition), range=_range(condition))
        case _:
            return filter_of(condition)


def _key(condition: NumberIs) -> str:
    above, key = condition.field
    return f"parts.{above}.{key}" if above else key


def _range(condition: NumberIs) -> models.Range:
    if condition.sign == "eq":
        return models.Range(gte=condition.value, lte=condition.value)
    return models.Range(**{condition.sign: condition.value})
