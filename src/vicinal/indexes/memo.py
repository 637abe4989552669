"""Cache of a pure function's recent results, bounded in bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Memo"]

T = TypeVar("T")


class Memo(Generic[T]):
    """`function`, called once per text as long as its result is cached. Thread-safe.

    Two generations: the younger contains everything requested since it began to fill; when it is full, it replaces the
    older, which is dropped. So a hit costs one lookup, and no lock.

    Args:
        function: pure.
        size_of: the approximate number of bytes of a text and its result.
        bytes_max: for both generations together.
    """

    def __init__(self, function: Callable[[str], T], size_of: Callable[[str, T], int], bytes_max: int) -> None:
        self._function = function
        self._size_of = size_of
        self._half = bytes_max // 2
        self._younger: dict[str, T] = {}
        self._older: dict[str, T] = {}
        self._bytes = 0  # of the younger generation

    def __call__(self, text: str) -> T:
        younger = self._younger
        if text in younger:
            return younger[text]
        known = self._older
        found = known[text] if text in known else self._function(text)
        size = self._size_of(text, found)
        if size <= self._half:
            if self._bytes + size > self._half:
                self._older, self._younger, self._bytes = self._younger, {}, 0
            self._younger[text] = found
            self._bytes += size
        return found
