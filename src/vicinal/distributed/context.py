"""The context of every operation of a handle on an engine."""

from __future__ import annotations

from typing import Any, cast

from ..contract import EmbeddingStore
from ..errors import Closed, Unsupported
from ..filters.tree import Node
from ..records.context import CollectionEncoder, Context, now
from ..store.state import State
from .conditions import All, Condition, condition
from .lacking import lacking
from .store import EngineStore, visible_at

__all__ = ["EngineContext"]


class _NoLease:
    """Takes the place of the lease of files; handles derived from one another share it."""

    logs_queries = False
    closed = False

    def __init__(self, store: EngineStore) -> None:
        self._store = store

    def store(self) -> EngineStore:
        if self.closed:
            raise Closed(
                "the handle is closed",
                name="collection",
                place=self._store.place,
                remedy="Open the collection again.",
            )
        return self._store


class EngineContext(Context):
    """One handle's view of its collection.

    Its `store` supports what `records` needs from a store for rows that are identified by their ids.
    """

    def __init__(
        self, store: EngineStore, state: State, encoder: CollectionEncoder | None, cache: EmbeddingStore, timeout: float
    ) -> None:
        self._held = _NoLease(store)
        super().__init__(cast(Any, self._held), state, encoder, cache=cache, durability="full", timeout=timeout)

    @property
    def far(self) -> EngineStore:
        """The same store, with its actual type."""
        return self._held.store()

    @property
    def is_closed(self) -> bool:
        return self._held.closed

    def close(self) -> None:
        self._held.closed = True

    def narrowed(self, within: Node) -> EngineContext:
        """The same for a handle that sees only these rows, out of those that this one sees."""
        return cast(EngineContext, super().narrowed(within))

    def condition(self, *trees: Node | None, expired_too: bool = False) -> Condition:
        """The condition of rows that exist for this handle and match every filter.

        Args:
            expired_too: includes expired rows.

        Raises:
            Unsupported: the engine cannot evaluate it.
        """
        given = [tree for tree in (self.within, *trees) if tree is not None]
        found = [condition(tree, self._lacks) for tree in given]
        return All(tuple(found if expired_too else [visible_at(now()), *found]))

    def _lacks(self, feature: str, leaf: object) -> Unsupported:
        return self.lacking(feature, "where", leaf)

    def lacking(self, feature: str, name: str, value: object = None) -> Unsupported:
        """Returns the error of a call that needs a feature that the engine lacks."""
        return lacking(self.far.engine.name, feature, name, value)
