"""The document and the original package spell some arguments differently; both spellings are accepted."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

__all__ = ["also_spelt"]

P = ParamSpec("P")
R = TypeVar("R")


def also_spelt(**names: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """With `other=name`, a function accepts the keyword `other` for its parameter `name`. Both at once: TypeError."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def renamed(*args: P.args, **kwargs: P.kwargs) -> R:
            for other in names.keys() & kwargs.keys():
                name = names[other]
                if name in kwargs:
                    raise TypeError(f"{function.__name__}() was given {name} and {other}, which mean the same")
                kwargs[name] = kwargs.pop(other)
            return function(*args, **kwargs)

        return renamed

    return decorate
