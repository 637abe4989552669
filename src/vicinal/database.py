"""A folder of collections, or a private one in memory."""

from __future__ import annotations

import atexit
import functools
import os
import weakref
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

from . import notebook, shutdown
from .arguments import AutoIds, CacheKind, EncoderLike, ZeroVectors
from .collection import Collection
from .collection_settings import (
    ANALYZER,
    COSINE,
    ENGLISH,
    REFUSE,
    UUIDS,
    check_choices,
    check_name,
    check_opening,
    check_settings,
    first_state,
    settings_mismatch,
)
from .contract import IN_MEMORY, ON_DISK, Capabilities, Durability, EmbeddingStore, Metric
from .encoders.cache import MemoryStore
from .encoders.registry import as_encoder
from .errors import Closed, CollectionNotFound, InvalidArgument, Unsupported
from .indexes.derived import DerivedIndex
from .indexes.kernels import kernels
from .indexes.vector_index import index_setting
from .inputs.calls import for_users, no_attribute, user_call
from .inputs.names import nearest
from .inputs.paths import check_database_path
from .locks import new_lock
from .records.context import Context, remembered
from .store.encoder_cache import FILE_NAME, DiskStore
from .store.files import DiskFiles, Files
from .store.filesystems import refuse_shared
from .store.registry import close_all
from .store.repair import repair_collection
from .store.state import State
from .store.store import Store
from .store.verify import verify_collection
from .store.writing import Transaction
from .stores import Stores, make_index
from .types import RepairReport, VerifyReport
from .visible import shown

# What other vector databases call methods of a database.
CALLS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("list_collections", "list", "tables", "table_names"), "db.collections()"),
    **dict.fromkeys(
        ("create_collection", "get_collection", "get_or_create_collection", "create_table", "open_table"),
        'db.collection("name")',
    ),
    **dict.fromkeys(("delete_collection", "drop_collection", "drop_table", "delete", "remove"), 'db.drop("name")'),
}


@for_users
class Database:
    """A database, as returned by `connect`. Thread-safe.

    Args:
        path: its folder, or None for one in memory.
        files: the file system to use.
        cache_on_disk: whether vectors of texts are cached in a file of the folder instead of 64 MiB of memory.
    """

    def __init__(
        self,
        path: str | None,
        *,
        files: Files | None = None,
        cache_on_disk: bool = False,
        exclusive: bool = False,
    ) -> None:
        self._path = path
        self._files = DiskFiles(exclusive=exclusive) if files is None else files
        self._cache: EmbeddingStore = MemoryStore()
        if path is not None and cache_on_disk:
            self._files.make_folder(path)
            self._cache = DiskStore(os.path.join(path, FILE_NAME), self._files)
        self._stores = Stores(path, self._files)
        self._lock = new_lock()
        self._handles: weakref.WeakSet[Collection] = weakref.WeakSet()
        self._closed = False

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
        """Opens the collection, or creates it.

        Args:
            name: any text of 1 to 255 characters.
            encoder: a registered name ("minilm", "hashing", "hashing:256"), or an object with encode(texts).
                A collection remembers its encoder: if omitted, it is loaded by its name.
            dimension: of its vectors; if omitted, the encoder or the first vector determines it.
            metric: "cosine", "ip", "l2" or "l1".
            durability: "full": a write that has returned survives power loss. "process": it survives the death
                of the process; power loss may cost the last second.
            language: the code of the language of the texts, such as "de", for keyword search.
            analyzer: how keyword search splits texts into terms: a name, or a dict with a name and options;
                docs/analyzers.md has the list.
            auto_ids: "uuid" or "integer" (from 1), for rows without an id.
            zero_vectors: "refuse" or "allow" vectors of length zero under cosine.
            index: how the nearest vectors are found: "auto", which is exact as long as that is fast on this machine,
                and a graph beyond that; "flat", always exact; "graph", "ivf", "lsh" or "plain"; or a dict with a name
                and options, for kinds that have options. A collection remembers its index; `alter` changes it.
            create: if False, a collection that does not exist is an error, so a misspelt name creates nothing.
            timeout: the number of seconds that a write waits for other writers.

        Raises:
            CollectionNotFound: no collection has this name, and `create` is False.
            SettingsMismatch, EncoderMismatch: the collection exists with another setting or encoder.
        """
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
        settings = {"auto_ids": auto_ids, "zero_vectors": zero_vectors, "language": language, "analyzer": analysis}
        if index is not None:
            settings["index"] = index_setting(index, kernels(), metric)
        given = None if encoder is None else as_encoder(encoder)
        if not create and name not in self:
            raise self._not_found(name)
        first = functools.partial(first_state, name, given, dimension, metric, settings)
        lease, state = self._stores.open(name, first, timeout)
        try:
            check_settings(state, dimension=dimension, metric=metric, **settings)
            if dimension is not None and state.dimension is None:
                state = _fix_dimension(lease.store(), dimension, timeout, durability)
            encoder_kept = remembered(state, given, self._cache)
        except BaseException:
            lease.release()
            raise
        handle = Collection(
            Context(lease, state, encoder_kept, cache=self._cache, durability=durability, timeout=timeout)
        )
        with self._lock:
            self._handles.add(handle)
        return handle

    @property
    def capabilities(self) -> Capabilities:
        """The features that this kind of database has and others may lack."""
        return IN_MEMORY if self._path is None else ON_DISK

    def collections(self) -> list[str]:
        """The names of the collections, sorted."""
        self._check_open()
        return self._stores.names()

    def drop(self, name: str, *, timeout: float = 30.0) -> None:
        """Deletes the collection with everything in it, including snapshots.

        A handle on it, here or in another process, raises `CollectionDropped` from then on. The files are deleted
        at once, or as soon as no process has them open.

        Raises:
            CollectionNotFound: no collection has this name.
            Unsupported: a link leads out of its folder, to files that would remain; nothing was changed.
        """
        self._check_open()
        if name not in self:
            raise self._not_found(name)
        self._stores.drop(name, timeout)

    def verify(self, name: str) -> VerifyReport:
        """Checks every file of a collection, even of one that cannot be opened. Changes nothing.

        Raises:
            CollectionNotFound: no folder exists for this name.
        """
        folder = self._folder_of(name, "verify")
        return verify_collection(self._stores.files_for(folder), folder, make_index)

    def verify_all(self) -> dict[str, VerifyReport]:
        """Checks every collection. Changes nothing.

        Returns:
            Reports by collection name, sorted. A folder so damaged that nothing in it names its collection is listed
            under its own name followed by a slash.
        """
        reports = {name: self.verify(name) for name in self.collections()}
        for entry, folder in self._stores.nameless():
            reports[f"{entry}/"] = verify_collection(self._stores.files_for(folder), folder, make_index)
        return reports

    def repair(self, name: str, *, timeout: float = 30.0) -> RepairReport:
        """Rebuilds the collection from what is readable, and keeps the damaged files beside it.

        An intact collection is rebuilt too, without loss. Handles in other programs switch to the repaired collection
        if the damaged one can still tell them; it is safer to close them first.

        Raises:
            CollectionNotFound: no folder exists for this name.
            Damaged: not enough is readable; the remedy says what is missing. Nothing was changed.
            WriterBusy, DiskFull: nothing was changed.
        """
        folder = self._folder_of(name, "repair")
        return repair_collection(self._stores.files_for(folder), folder, timeout)

    def __contains__(self, name: object) -> bool:
        self._check_open()
        return name in self._stores

    def __getitem__(self, name: object) -> NoReturn:
        """Not supported: raises an error that names the method to use."""
        raise InvalidArgument(
            f"a database cannot be indexed with [{shown(name)}]",
            name="name",
            value=name,
            remedy=f"Write db.collection({shown(name)}).",
        )

    __iter__ = None  # otherwise Python would iterate through __getitem__

    if not TYPE_CHECKING:  # type checkers must see that there are no other attributes

        def __getattr__(self, name: str) -> NoReturn:
            """Names with an underscore belong to protocols, such as those of pickle and notebooks, and get no hint."""
            there = not name.startswith("_") and name not in CALLS and not self._closed and name in self
            raise no_attribute(self, name, CALLS, f"Write db.collection({name!r})." if there else "")

    def close(self) -> None:
        """Closes every collection opened through this database."""
        with self._lock:
            self._closed = True
            handles = list(self._handles)
        for handle in handles:
            handle.close()
        self._stores.close()
        if isinstance(self._cache, DiskStore):
            self._cache.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _repr_html_(self) -> str:
        """For notebooks."""
        title = notebook.joined("Database ", notebook.code(":memory:" if self._path is None else self._path))
        if self._closed:
            return notebook.card(title, {"state": "closed"})
        names = self.collections()
        return notebook.card(title, {"collections": f"{len(names):,}"}, {"": [notebook.code(name) for name in names]})

    def __repr__(self) -> str:
        where = ":memory:" if self._path is None else self._path
        if self._closed:
            return f"Database({where!r}, closed)"
        return f"Database({where!r})"  # no I/O: a debugger may call this at any moment

    def _folder_of(self, name: str, verb: str) -> str:
        """The folder of a collection that may be too damaged to appear in the list of collections."""
        self._check_open()
        if self._path is None:
            raise Unsupported(
                f"{verb} needs a collection on disk, this one is in memory", name=verb, remedy="Use connect(path)."
            )
        check_name(name)
        folder = self._stores.folder_of(name)
        if not self._files.exists(folder):
            raise CollectionNotFound(
                f"there is no collection {name!r}",
                name="name",
                value=name,
                place=folder,
                remedy="db.collections() lists them.",
            )
        return folder

    def _not_found(self, name: object) -> CollectionNotFound:
        return CollectionNotFound(
            f"there is no collection {name!r}",
            name="name",
            value=name,
            remedy=f"{nearest(str(name), self.collections())}db.collections() lists them.",
        )

    def _check_open(self) -> None:
        if self._closed:
            raise Closed("the database is closed", name="database", remedy="Call connect() again.")


@user_call
def connect(
    target: str | os.PathLike[str], *, encoder_cache: CacheKind = "memory", exclusive: bool = False
) -> Database:
    """Opens a database at a path (created on the first write), or one in memory for ":memory:".

    A collection in a folder that cannot be written to is opened read-only; writes to it raise `Unsupported`.

    Args:
        encoder_cache: where vectors of texts are cached so that no text is encoded twice: "memory" (64 MiB),
            or "disk", a file beside the collections that other processes and later runs use too.
        exclusive: only this process may open the database. This allows file systems shared with other machines;
            a second process gets `WriterBusy`.

    Raises:
        Unsupported: a URL, since this version has no remote backends; or a path on a network file system without
            `exclusive`.
    """
    path = check_database_path(
        target,
        "target",
        "connect takes a path or ':memory:'",
        remedy="Write connect('./data').",
        otherwise=" or ':memory:'",
    )
    check_choices(encoder_cache=encoder_cache)
    if path == ":memory:":
        if encoder_cache == "disk":
            raise InvalidArgument(
                "a database in memory keeps nothing on disk", name="encoder_cache", remedy="Leave encoder_cache out."
            )
        return Database(None)
    if os.path.exists(path) and not os.path.isdir(path):
        raise InvalidArgument(
            f"{path!r} is a file; a database is a folder", name="target", value=path, remedy="Choose another path."
        )
    if not exclusive:
        refuse_shared(path)
    return Database(os.path.abspath(path), cache_on_disk=encoder_cache == "disk", exclusive=exclusive)


def _fix_dimension(store: Store[DerivedIndex], dimension: int, timeout: float, durability: Durability) -> State:
    """Sets the dimension of a collection that has no vector yet."""

    def plan(transaction: Transaction) -> None:
        if transaction.state.dimension is None:
            transaction.fix_dimension(dimension)
        elif transaction.state.dimension != dimension:  # another process was faster
            raise settings_mismatch(transaction.state, "dimension", transaction.state.dimension, dimension)

    store.write(plan, timeout=timeout, durability=durability)
    return store.current()


def _end() -> None:
    shutdown.begin()
    close_all()


atexit.register(_end)
