"""Argument checks of the compatible APIs: each returns the value, or raises a TypeError that names the argument.

The engine itself raises `InvalidArgument`; these are for distributions whose documentation promises a plain TypeError.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidVector
from .containers import one_vector

T = TypeVar("T")
E = TypeVar("E", bound=Enum)
Check = Callable[[str, Any], T]


def text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(name, "a str", value)
    return value


def path(name: str, value: Any) -> str:
    """A str or an os.PathLike of text, as a str."""
    found = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(found, str):
        raise _wrong(name, "a path", value)
    return found


def unsigned(name: str, value: Any) -> int:
    number = _integer(name, value)
    if number < 0:
        raise _wrong(name, "a whole number of at least 0", value)
    return number


def integer(name: str, value: Any) -> int:
    return _integer(name, value)


def flag(name: str, value: Any) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise _wrong(name, "a bool", value)
    return bool(value)


def number(name: str, value: Any) -> float:
    """A number as a float; a number too large for a float is a ValueError."""
    if isinstance(value, (bool, str, bytes)) or not hasattr(value, "__float__"):
        raise _wrong(name, "a number", value)
    try:
        return float(value)
    except TypeError:  # an array of several numbers
        raise _wrong(name, "a number", value) from None
    except OverflowError:
        raise ValueError(f"{name} is too large: the largest number here is about 1.8e308") from None


def vector(name: str, value: Any) -> NDArray[np.float32]:
    """A sequence or array of numbers, shape (dim,), as float32; numbers too large become infinite."""
    if isinstance(value, (str, bytes, bytearray)) or not (isinstance(value, Sequence) or hasattr(value, "__array__")):
        raise _wrong(name, "a sequence of numbers", value)
    try:
        array = np.asarray(one_vector(value))
        if array.dtype == object:
            array = np.array([number(f"{name}[{i}]", item) for i, item in enumerate(value)])
    except InvalidVector as error:  # bytes, a masked component
        raise TypeError(f"{name}: {error}") from None
    except (ValueError, OverflowError):  # lists of different lengths, or an int too large for a float
        raise _wrong(name, "a sequence of numbers", value) from None
    if array.ndim != 1 or array.dtype.kind not in "fiub":
        raise _wrong(name, "a sequence of numbers", value)
    with np.errstate(over="ignore"):
        return array.astype(np.float32)


def texts(name: str, value: Any) -> list[str]:
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        raise _wrong(name, "a list of str", value)
    return [text(name, item) for item in value]


def member(kind: type[E]) -> Check[E]:
    def check(name: str, value: Any) -> E:
        if not isinstance(value, kind):
            raise _wrong(name, f"a {kind.__name__}", value)
        return value

    return check


def optional(check: Check[T]) -> Check[T | None]:
    return lambda name, value: None if value is None else check(name, value)


def _integer(name: str, value: Any) -> int:
    if isinstance(value, Enum):
        raise _wrong(name, "a whole number", value)
    try:
        return operator.index(value)
    except TypeError:
        raise _wrong(name, "a whole number", value) from None


def _wrong(name: str, wanted: str, value: Any) -> TypeError:
    return TypeError(f"{name} must be {wanted}, not {value!r:.80} of type {type(value).__name__}")
