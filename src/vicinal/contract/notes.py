"""Values that a program stores in a collection beside its rows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, MutableMapping

__all__ = ["Notes"]


class Notes(MutableMapping[str, bytes]):
    """A mapping of str to bytes that other processes may change at the same time."""

    @abstractmethod
    def replace(self, key: str, before: bytes | None, value: bytes) -> bool:
        """Writes a note if its value is still `before` (compare-and-set); returns False otherwise.

        Args:
            before: the value that was read, None for no value.
        """

    def change(self, key: str, changed: Callable[[bytes | None], bytes]) -> bytes:
        """Replaces a note by `changed(note)` and returns the new value; no concurrent change is lost.

        Args:
            changed: called with the current value, or None; called again after each concurrent change.
        """
        while True:
            before = self.get(key)
            value = changed(before)
            if value == before or self.replace(key, before, value):
                return value
