"""What a pure function gave for recent arguments, bounded in bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Memo"]

T = TypeVar("T")


class Memo(Generic[T]):
    """`function`, asked once for each text as long as its result is remembered. Safe for threads.

    Two generations: what was asked for since the younger began to fill is in it, and the older is forgotten when the
    younger is full. So a hit costs one look, and no lock.

    Args:
        function: pure.
        size_of: about how many bytes a text and its result take.
        bytes_max: of both generations together.
    """

    def __init__(self, function: Callable[[str], T], size_of: Callable[[str, T], int], bytes_max: int) -> None:
        self._function = function
        self._size_of = size_of
        self._half = bytes_max // 2
        self._younger: dict[str, T] = {}
        self._older: dict[str, T] = {}
        self._bytes = 0  # of the younger

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
