"""Headers of one request, by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..errors import InvalidArgument

__all__ = ["Headers"]


class Headers:
    """Names are in lower case. They are indexed once, because a dozen of them are looked up per request.

    Args:
        pairs: names and values.
    """

    __slots__ = ("_first", "_pairs")

    def __init__(self, pairs: Sequence[tuple[bytes, bytes]]) -> None:
        self._pairs = pairs
        self._first = dict(reversed(pairs))

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        return iter(self._pairs)

    def __contains__(self, name: bytes) -> bool:
        return name in self._first

    def first(self, name: bytes) -> bytes:
        """The first value with this name, or b""."""
        return self._first.get(name, b"")

    def only(self, name: bytes) -> str:
        """The value of a header that may only occur once, or "".

        Raises:
            InvalidArgument: it occurs twice.
        """
        if len(self._first) < len(self._pairs) and sum(found == name for found, _ in self._pairs) > 1:
            raise InvalidArgument(f"the header {name.decode()} is given twice", name=name.decode(), place="request")
        return self.first(name).decode("latin-1")

    def every(self, name: bytes) -> list[bytes]:
        """All values with this name, in order."""
        if len(self._first) == len(self._pairs):
            return [self._first[name]] if name in self._first else []
        return [value for found, value in self._pairs if found == name]

    def any_of(self, names: frozenset[bytes]) -> bool:
        """Whether any of them is present."""
        return not names.isdisjoint(self._first)
