"""The collections that a worker keeps open, so that requests need not open them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, TypeVar

from ..collection import Collection
from ..database import Database
from ..errors import CollectionDropped
from ..locks import new_lock
from ..wire.arguments import Handle
from .keys import Key

__all__ = ["Handles"]

T = TypeVar("T")

_OPEN_MAX: Final = 256


class Handles:
    """Open collections by name, by how they were opened, and by the rows that a key can access. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = new_lock()
        self._open: OrderedDict[tuple[Any, ...], Collection] = OrderedDict()

    def use(self, name: str, held: Handle, key: Key | None, work: Callable[[Collection], T]) -> T:
        """Returns the result of `work` for the collection. If it was dropped and recreated meanwhile, it is reopened.

        Raises:
            CollectionNotFound: it does not exist.
            CollectionDropped: it is not the one that the request was meant for.
        """
        try:
            return work(self._get(name, held, key))
        except CollectionDropped:
            self.forget(name)
            if held.uuid is not None:
                raise
        return work(self._get(name, held, key))

    def forget(self, name: str) -> None:
        """The next request reopens it. Running calls continue."""
        with self._lock:
            for found in [found for found in self._open if found[0] == name]:
                del self._open[found]

    def _get(self, name: str, held: Handle, key: Key | None) -> Collection:
        within = None if key is None or key.where is None else key.id
        wanted = (name, held.durability, held.timeout, held.within, within)
        with self._lock:
            found = self._open.get(wanted)
            if found is not None:
                self._open.move_to_end(wanted)
        if found is None:
            found = self._database.collection(name, create=False, durability=held.durability, timeout=held.timeout)
            if key is not None and key.where is not None:
                found = found.within(key.where)
            for narrower in held.filters():
                found = found.within(narrower)
            with self._lock:
                self._open[wanted] = found
                while len(self._open) > _OPEN_MAX:  # calls that use it keep it open until they end
                    self._open.popitem(last=False)
        if held.uuid is not None and held.uuid != str(found.uuid):
            raise CollectionDropped(
                "the collection was dropped, and this is another one of its name",
                name="uuid",
                value=held.uuid,
                place=f"collection {name!r:.80}",
                remedy="Open the collection again.",
            )
        return found
