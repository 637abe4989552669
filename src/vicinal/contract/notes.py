"""What a program keeps beside the rows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, MutableMapping

__all__ = ["Notes"]


class Notes(MutableMapping[str, bytes]):
    """A mapping of str to bytes, which other processes change too."""

    @abstractmethod
    def replace(self, key: str, before: bytes | None, value: bytes) -> bool:
        """Writes a note if it still is what it was when it was read; False where it is not, and nothing is written.

        Args:
            before: None where there was none.
        """

    def change(self, key: str, changed: Callable[[bytes | None], bytes]) -> bytes:
        """Writes what `changed` makes of a note, and gives it. No change that another process makes meanwhile is lost.

        Args:
            changed: is given the note, None where there is none; once more for each time that another was first.
        """
        while True:
            before = self.get(key)
            value = changed(before)
            if value == before or self.replace(key, before, value):
                return value
