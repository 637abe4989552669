"""Validation of numeric arguments: their types and ranges."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from vicinal.inputs import checks

__all__ = ["checked_integer", "checked_number", "checked_seed", "checked_size", "checked_threshold"]

_SIZE_MAX: Final = 1 << 24


def checked_integer(name: str, value: Any) -> int:
    """Returns an integer of Python or NumPy as int.

    Raises:
        TypeError: it is not an integer; True and False are not.
    """
    if not isinstance(value, (bool, np.bool_)) and hasattr(value, "__index__"):
        return checks.integer(name, value)
    raise TypeError(f"{name} must be an integer, got {str(value)[:50]!r} of type {type(value).__name__}")


def checked_size(name: str, value: Any, largest: int | None = _SIZE_MAX) -> int:
    """Returns a size or count as int.

    Raises:
        ValueError: it is not greater than zero, or too large.
        TypeError: it is not an integer.
    """
    number = checked_integer(name, value)
    if number <= 0:
        raise ValueError(f"{name} must be greater than zero, got {number}")
    if largest is not None and number > largest:
        raise ValueError(f"{name} must be at most {largest:,}, got {number:,}")
    return number


def checked_seed(value: Any) -> int:
    """Returns the seed for NumPy's generator as int.

    Raises:
        ValueError: it is negative.
        TypeError: it is not an integer.
    """
    seed = checked_integer("seed", value)
    if seed < 0:
        raise ValueError(f"seed must not be negative, got {seed}")
    return seed


def checked_number(name: str, value: Any) -> float:
    """Returns a number as float.

    Raises:
        TypeError: it is not a number; a numeric text is not.
    """
    return checks.number(name, value)


def checked_threshold(name: str, value: Any) -> float:
    """Returns a number between 0 and 1, both excluded, as float.

    Raises:
        ValueError: it is out of range.
        TypeError: it is not a number.
    """
    threshold = checked_number(name, value)
    if not 0 < threshold < 1:
        raise ValueError(f"{name} must lie between 0 and 1, got {value}")
    return threshold
