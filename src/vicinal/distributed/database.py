"""A database on an engine, with the calls of `vicinal.Database`."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

from .. import notebook
from ..arguments import AutoIds, EncoderLike, ZeroVectors
from ..collection import Collection
from ..collection_settings import (
    ANALYZER,
    COSINE,
    ENGLISH,
    REFUSE,
    UUIDS,
    check_name,
    check_opening,
    check_settings,
    first_state,
)
from ..contract import Capabilities, Durability, Encoder, Metric
from ..database import Database
from ..encoders.cache import MemoryStore
from ..encoders.registry import as_encoder
from ..errors import StoreError
from ..inputs.calls import for_users
from ..locks import new_lock
from ..records.context import remembered
from ..types import RepairReport, VerifyReport
from .collection import EngineCollection
from .context import EngineContext
from .engine import Engine
from .lacking import lacking
from .store import EngineStore, first_place_of, state_of, written

__all__ = ["EngineDatabase"]


@for_users
class EngineDatabase(Database):
    """A database on an engine, returned by `connect("qdrant://...")`. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._cache = MemoryStore()
        self._handles = weakref.WeakSet()
        self._lock = new_lock()
        self._closed = False

    @property
    def capabilities(self) -> Capabilities:
        """The differences from a database in a folder."""
        return self._engine.capabilities

    def collection(
        self,
        name: str,
        *,
        encoder: EncoderLike | None = None,
        dimension: int | None = None,
        metric: Metric = COSINE,
        durability: Durability = "full",
        language: str = ENGLISH,
        analyzer: str | Mapping[str, Any] = ANALYZER,
        auto_ids: AutoIds = UUIDS,
        zero_vectors: ZeroVectors = REFUSE,
        index: str | Mapping[str, Any] | None = None,
        create: bool = True,
        timeout: float = 30.0,
    ) -> Collection:
        """See `Database.collection`. Its settings are stored beside the rows, in a collection of Vicinal."""
        self._check_open()
        analysis = check_opening(
            name,
            dimension=dimension,
            metric=metric,
            durability=durability,
            language=language,
            analyzer=analyzer,
            auto_ids=auto_ids,
            zero_vectors=zero_vectors,
            create=create,
            timeout=timeout,
        )
        self._refuse_what_is_lacking(metric, durability, auto_ids, index)
        settings = {"auto_ids": auto_ids, "zero_vectors": zero_vectors, "language": language, "analyzer": analysis}
        given = None if encoder is None else as_encoder(encoder)
        what = self._engine.remembered(name)
        if what is None:
            if not create:
                raise self._not_found(name)
            what = self._made(name, given, dimension, metric, settings)
        state = state_of(what)
        check_settings(state, dimension=dimension, metric=metric, **settings)
        store = EngineStore(self._engine, state, what["points"])
        kept = remembered(state, given, self._cache)
        if dimension is not None and state.dimension is None:
            store.write(lambda transaction: transaction.fix_dimension(dimension))
        handle = EngineCollection(EngineContext(store, store.known(), kept, self._cache, timeout))
        with self._lock:
            self._handles.add(handle)
        return handle

    def _refuse_what_is_lacking(self, metric: str, durability: str, auto_ids: str, index: Any) -> None:
        engine = self._engine.name
        if metric == "l1" and "Manhattan distance" in self.capabilities.lacks:
            raise lacking(engine, "Manhattan distance", "metric", metric)
        if durability != "full":
            raise lacking(engine, "durability", "durability", durability)
        if auto_ids != "uuid":
            raise lacking(engine, "automatic integers", "auto_ids", auto_ids)
        if index is not None:
            raise lacking(engine, "index", "index", index)

    def _made(
        self, name: str, given: Encoder | None, dimension: int | None, metric: Metric, settings: Mapping[str, str]
    ) -> Mapping[str, Any]:
        """Creates a collection: its points first, so that registered points always exist."""
        state = first_state(name, given, dimension, metric, settings)
        points = first_place_of(state)
        self._engine.make(points, state.dimension, state.metric)
        self._engine.remember(name, written(state, points))
        known = self._engine.remembered(name) or {}
        if known.get("points") != points:  # another program created it at the same moment, and was last
            self._engine.drop(points)
        return known

    def collections(self) -> list[str]:
        """Returns the names of the collections, sorted."""
        self._check_open()
        return sorted(what["name"] for what in self._engine.all_remembered())

    def drop(self, name: str, *, timeout: float = 30.0) -> None:
        """Deletes the collection with everything in it. Its handles raise `CollectionDropped` from then on."""
        self._check_open()
        check_name(name)
        what = self._engine.remembered(name)
        if what is None:
            raise self._not_found(name)
        self._engine.forget(name)
        self._engine.drop(what["points"])

    def verify(self, name: str) -> VerifyReport:
        """Raises Unsupported: the engine checks its own files."""
        raise lacking(self._engine.name, "verify", "verify", name)

    def verify_all(self) -> dict[str, VerifyReport]:
        """Raises Unsupported: the engine checks its own files."""
        raise lacking(self._engine.name, "verify", "verify_all")

    def repair(self, name: str, *, timeout: float = 30.0) -> RepairReport:
        """Raises Unsupported: the engine repairs its own files."""
        raise lacking(self._engine.name, "verify", "repair", name)

    def __contains__(self, name: object) -> bool:
        self._check_open()
        return isinstance(name, str) and self._is_text(name) and self._engine.remembered(name) is not None

    @staticmethod
    def _is_text(name: str) -> bool:
        try:
            name.encode()
        except UnicodeEncodeError:  # no name contains a lone surrogate
            return False
        return True

    def close(self) -> None:
        """Closes the connections and every collection opened through this database."""
        with self._lock:
            self._closed = True
            handles = list(self._handles)
        for handle in handles:
            handle.close()
        self._engine.close()

    def _repr_html_(self) -> str:
        """A description for notebooks."""
        title = notebook.joined("Database ", notebook.code(self._engine.place))
        try:
            names = self.collections()
        except StoreError as error:  # closed or unreachable: displaying it must not fail
            return notebook.card(title, {"state": error.message})
        return notebook.card(title, {"collections": f"{len(names):,}"}, {"": [notebook.code(name) for name in names]})

    def __repr__(self) -> str:
        return f"Database({self._engine.place!r}{', closed' if self._closed else ''})"
