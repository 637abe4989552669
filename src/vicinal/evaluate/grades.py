"""Validation of grades, whether they come from a file or from the caller."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

from ..errors import InvalidInput

__all__ = ["check_grade", "check_grades"]


def check_grade(grade: Any, place: str, *, name: str = "judgements", remedy: str = "Above 0 is relevant.") -> float:
    """Returns the grade as a float.

    Raises:
        InvalidInput: it is not a finite number that a float can hold.
    """
    try:
        if not isinstance(grade, bool) and isinstance(grade, Real) and math.isfinite(grade):
            return grade  # type: ignore[return-value]  # an int stays one
    except OverflowError:
        pass
    raise InvalidInput(
        f"grade must be a finite number, not {grade!r:.80}", name=name, value=grade, place=place, remedy=remedy
    )


def check_grades(grades: Any, query: Any = None) -> None:
    """Rejects grades that are not a dict from row ids to numbers; `query` is the query that they belong to.

    Raises:
        InvalidInput: a grade is invalid; the error names query and row.
    """
    place = "" if query is None else f"query {query!r:.80}, "
    if not isinstance(grades, Mapping):
        raise InvalidInput(
            f"judgements must be a dict from row id to grade, not {type(grades).__name__}",
            name="judgements",
            value=grades,
            place=place.rstrip(", "),
            remedy='Write {"row": 1}.',
        )
    for row, grade in grades.items():
        check_grade(grade, f"{place}row {row!r:.80}")
