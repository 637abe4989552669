"""A folder of collections, or a private one in memory."""

from __future__ import annotations

import atexit
import functools
import json
import os
import re
import secrets
import uuid
import weakref
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self, TypeVar, cast, get_args

from . import ending, notebook
from .analyzers import analyzer_of, setting_of
from .arguments import AutoIds, CacheKind, EncoderLike, ZeroVectors
from .collection import Collection
from .contract import IN_MEMORY, ON_DISK, Capabilities, Durability, EmbeddingStore, Encoder, Metric
from .encoders.cache import MemoryStore
from .encoders.identity import identity_of
from .encoders.registry import as_encoder
from .errors import Closed, CollectionDropped, CollectionNotFound, InvalidArgument, SettingsMismatch, Unsupported
from .indexes.derived import DerivedIndex
from .indexes.kernels import kernels
from .indexes.vector_index import DEFAULT_INDEX, index_setting
from .inputs.calls import for_users, no_attribute, user_call
from .inputs.names import nearest
from .inputs.paths import check_database_path
from .inputs.unicode import check_unicode
from .inputs.vectors import DIMENSION_MAX, check_encoder_dimension
from .locks import new_lock
from .records.context import Context, remembered
from .store.creation import create_collection, is_made
from .store.drop import create_after_drop, finish_drop, is_dropped, mend_marker, remove_if_dropped
from .store.encoder_cache import FILE_NAME, DiskStore
from .store.files import DiskFiles, Files
from .store.media import is_read_only, refuse_linked, refuse_shared
from .store.names import collection_names, has_collection, mend_name, nameless_folders
from .store.naming import folder_name
from .store.registry import Lease, close_all, close_unused
from .store.repair import repair_collection
from .store.state import FORMAT, State
from .store.store import Store
from .store.verify import verify_collection
from .store.writing import Transaction
from .types import RepairReport, VerifyReport
from .version import __version__
from .visible import shown

_NAME_CHARS_MAX = 255
_TRIES = 2


class _Default(str):
    """A default that can be told from the same value given on purpose: only the latter must fit on reopening."""


_T = TypeVar("_T", bound=str)


def _default(value: _T) -> _T:
    return cast(_T, _Default(value))


COSINE: Final[Metric] = _default("cosine")
ENGLISH: Final = _default("en")
ANALYZER: Final = _default("default")
UUIDS: Final[AutoIds] = _default("uuid")
REFUSE: Final[ZeroVectors] = _default("refuse")

# What other programs call methods of a database.
CALLS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("list_collections", "list", "tables", "table_names"), "db.collections()"),
    **dict.fromkeys(
        ("create_collection", "get_collection", "get_or_create_collection", "create_table", "open_table"),
        'db.collection("name")',
    ),
    **dict.fromkeys(("delete_collection", "drop_collection", "drop_table", "delete", "remove"), 'db.drop("name")'),
}

_CHOICES = {
    "metric": get_args(Metric),
    "durability": get_args(Durability),
    "auto_ids": get_args(AutoIds),
    "zero_vectors": get_args(ZeroVectors),
    "encoder_cache": get_args(CacheKind),
}


# What other programs call our metrics.
_OTHER_VALUES: Final = {
    **dict.fromkeys(("euclidean", "euclid", "l2sq", "squared_l2", "l2_distance"), "l2"),
    **dict.fromkeys(("dot", "dotproduct", "dot_product", "inner_product", "innerproduct", "inner", "mips"), "ip"),
    **dict.fromkeys(("manhattan", "cityblock", "taxicab"), "l1"),
    **dict.fromkeys(("cos", "angular", "cosine_similarity"), "cosine"),
}


@for_users
class Database:
    """A database; `connect` makes one. Thread-safe.

    Args:
        path: its folder, or None for one in memory.
        files: the file system to use.
        cache_on_disk: whether vectors of texts are kept in a file of the folder, not in 64 MiB of memory.
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
        self._lock = new_lock()
        self._in_memory: dict[str, Store[DerivedIndex]] = {}
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
                A collection remembers its encoder: left out, it is found again by its name.
            dimension: of its vectors; left out, the encoder or the first vector decides.
            metric: "cosine", "ip", "l2" or "l1".
            durability: "full": a write that returned survives power loss. "process": it survives the death
                of the process; power loss may cost the last second.
            language: code of the language of the texts, such as "de", for keyword search.
            analyzer: how keyword search takes texts apart: a name, or a dict with a name and options;
                docs/analyzers.md has them.
            auto_ids: "uuid" or "integer" (from 1) for rows that come without an id.
            zero_vectors: "refuse" or "allow" a vector of length zero under cosine.
            index: how the nearest vectors are found: "auto", which is exact while that is quick on this machine and has
                a graph above; "flat", always exact; "graph", "ivf", "lsh" or "plain"; a dict with a name and options
                where a kind has options. A collection remembers its index, `alter` changes it.
            create: False: one that does not exist is an error, and nothing is made of a misspelt name.
            timeout: seconds that a write waits for other writers.

        Raises:
            CollectionNotFound: with create=False: there is none of this name.
            SettingsMismatch, EncoderMismatch: it exists with another setting or encoder.
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
        lease, state = self._current(name, given, dimension, metric, settings, timeout)
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
        """What this kind of database can do, and others may not."""
        return IN_MEMORY if self._path is None else ON_DISK

    def collections(self) -> list[str]:
        """Names of the collections, sorted."""
        self._check_open()
        if self._path is None:
            return sorted(self._in_memory)
        if not self._files.exists(self._path):
            return []
        files = self._files_for(self._path)
        for entry in files.list_folder(self._path):
            folder = os.path.join(self._path, entry)
            if is_dropped(files, folder):
                mend_marker(files, folder)
        return collection_names(files, self._path)

    def drop(self, name: str, *, timeout: float = 30.0) -> None:
        """Deletes the collection with everything in it, snapshots included.

        A handle on it, here or in another process, raises `CollectionDropped` from then on. The files go at
        once, or as soon as no process has them open.

        Raises:
            CollectionNotFound: there is none of this name.
            Unsupported: a link leads out of its folder, to files that would stay; nothing was changed.
        """
        self._check_open()
        if name not in self:
            raise self._not_found(name)
        if self._path is None:
            self._in_memory.pop(name).drop_in_memory()
            return
        folder = os.path.join(self._path, folder_name(name))
        refuse_linked(folder)
        files = self._files_for(folder)
        for _ in range(_TRIES):
            try:
                lease = Lease(_key(folder, files), lambda: Store(files, folder, _make_index))
            except CollectionDropped:
                finish_drop(files, folder)
                break
            try:
                lease.store().upkeep.drop(timeout)
                break
            except CollectionDropped:
                continue  # see `_current`
            finally:
                lease.release()
        remove_if_dropped(files, folder)

    def verify(self, name: str) -> VerifyReport:
        """Checks every file of a collection, also of one that cannot be opened. Changes nothing.

        Raises:
            CollectionNotFound: there is no folder for this name.
        """
        folder = self._folder_of(name, "verify")
        return verify_collection(self._files_for(folder), folder, _make_index)

    def verify_all(self) -> dict[str, VerifyReport]:
        """Checks every collection. Changes nothing.

        Returns:
            Reports by collection name, sorted. A folder so damaged that nothing in it says which collection it holds
            is there too, as its own name with a slash after it.
        """
        reports = {name: self.verify(name) for name in self.collections()}
        if self._path is None or not self._files.exists(self._path):
            return reports
        for entry in nameless_folders(self._files_for(self._path), self._path):
            folder = os.path.join(self._path, entry)
            reports[f"{entry}/"] = verify_collection(self._files_for(folder), folder, _make_index)
        return reports

    def repair(self, name: str, *, timeout: float = 30.0) -> RepairReport:
        """Rebuilds the collection from what is readable, and keeps the damaged files beside it.

        A sound collection is rebuilt too; nothing is lost by that. Handles in other programs go on with the
        repaired collection where the damaged one can still tell them; it is safer to close them first.

        Raises:
            CollectionNotFound: there is no folder for this name.
            Damaged: not enough is readable; the remedy says what is missing. Nothing was changed.
            WriterBusy, DiskFull: nothing was changed.
        """
        folder = self._folder_of(name, "repair")
        return repair_collection(self._files_for(folder), folder, timeout)

    def __contains__(self, name: object) -> bool:
        self._check_open()
        if self._path is None or not isinstance(name, str):
            return name in self._in_memory
        try:
            return has_collection(self._files_for(self._path), self._path, name)
        except UnicodeEncodeError:  # a lone surrogate is in no name
            return False

    def __getitem__(self, name: object) -> NoReturn:
        """There is none: a hint at the call that is meant."""
        raise InvalidArgument(
            f"a database is not asked with [{shown(name)}]",
            name="name",
            value=name,
            remedy=f"Write db.collection({shown(name)}).",
        )

    __iter__ = None  # what has [] would be iterated by it

    if not TYPE_CHECKING:  # a type checker shall know that there are no other attributes

        def __getattr__(self, name: str) -> NoReturn:
            """Names with an underscore are those of protocols, such as pickle's and notebooks', and get no hint."""
            there = not name.startswith("_") and name not in CALLS and not self._closed and name in self
            raise no_attribute(self, name, CALLS, f"Write db.collection({name!r})." if there else "")

    def close(self) -> None:
        """Closes every collection that was opened through this database."""
        with self._lock:
            self._closed = True
            handles = list(self._handles)
        for handle in handles:
            handle.close()
        for store in self._in_memory.values():
            store.close()
        if self._path is not None:
            close_unused(os.path.realpath(self._path))
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
        return f"Database({where!r})"  # without a look at the disk: a debugger may ask at any moment

    def _current(
        self,
        name: str,
        given: Encoder | None,
        dimension: int | None,
        metric: Metric,
        settings: dict[str, str],
        timeout: float,
    ) -> tuple[Lease[Store[DerivedIndex]], State]:
        """A share in the collection's store, and its state.

        A store that this process holds open may be the last to hear that another process has dropped the collection and
        made it anew.
        """
        for tries in range(_TRIES):
            lease = self._lease(name, given, dimension, metric, settings, timeout)
            try:
                return lease, lease.store().current()
            except CollectionDropped:
                lease.release()
                if tries == _TRIES - 1:
                    raise
            except BaseException:
                lease.release()
                raise
        raise AssertionError("the last try returns or raises")  # which its type does not say

    def _lease(
        self,
        name: str,
        given: Encoder | None,
        dimension: int | None,
        metric: Metric,
        settings: dict[str, str],
        timeout: float,
    ) -> Lease[Store[DerivedIndex]]:
        """A share in the collection's store, which is created where it does not exist."""
        if self._path is None:
            with self._lock:
                store = self._in_memory.get(name)
                if store is None:
                    state = first_state(name, given, dimension, metric, settings)
                    store = Store(self._files, None, _make_index, state)
                    self._in_memory[name] = store
            found = store
            return Lease(None, lambda: found)
        folder = os.path.join(self._path, folder_name(name))
        files = self._files_for(folder)
        first = functools.partial(first_state, name, given, dimension, metric, settings)
        try:
            lease = _open_or_create(files, folder, first, timeout)
        except CollectionDropped:
            finish_drop(files, folder)  # whoever dropped it died before the last step, or does it just now
            lease = _open_or_create(files, folder, first, timeout)
        mend_name(files, folder, name)  # the records have just said that they are this collection's
        return lease

    def _files_for(self, folder: str) -> Files:
        """The file system, for reading only where the collection cannot be written."""
        if self._files.exists(folder) and is_read_only(folder):
            return DiskFiles(exclusive=self._files.exclusive, read_only=True)
        return self._files

    def _folder_of(self, name: str, verb: str) -> str:
        """The folder of a collection that may be too damaged to be listed."""
        self._check_open()
        if self._path is None:
            raise Unsupported(
                f"{verb} needs a collection on disk, this one is in memory", name=verb, remedy="Use connect(path)."
            )
        check_name(name)
        folder = os.path.join(self._path, folder_name(name))
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
    """A database at a path (created when first written to), or ":memory:".

    A collection that lies where nothing can be written is opened for reading; writes to it raise `Unsupported`.

    Args:
        encoder_cache: where vectors of texts are kept so that no text is encoded twice: "memory" (64 MiB of it),
            or "disk", a file beside the collections that other processes and later runs use too.
        exclusive: this process is the only one that opens it. That allows file systems which other machines
            share, and a second process gets `WriterBusy`.

    Raises:
        Unsupported: a URL, as this version has no remote backends; or a path on a network file system without
            `exclusive`.
    """
    path = check_database_path(
        target,
        "target",
        "connect takes a path or ':memory:'",
        remedy="Write connect('./data').",
        otherwise=" or ':memory:'",
    )
    _check_choices(encoder_cache=encoder_cache)
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


def check_opening(
    name: object,
    *,
    dimension: object,
    metric: str,
    durability: str,
    language: object,
    analyzer: Any,
    auto_ids: str,
    zero_vectors: str,
    create: object,
    timeout: object,
) -> str:
    """Whether a collection may be asked for in this way; gives the analyzer as it is remembered.

    Raises:
        InvalidArgument: no collection could be.
    """
    check_name(name)
    _check_choices(metric=metric, durability=durability, auto_ids=auto_ids, zero_vectors=zero_vectors)
    analysis: str = analyzer if isinstance(analyzer, _Default) else setting_of(analyzer)
    _check_language(language)
    _check_dimension(dimension)
    _check_timeout(timeout)
    _check_flag("create", create)
    return analysis


def is_default(value: object) -> bool:
    """Whether a setting was left out, and not given with the value that is the default."""
    return isinstance(value, _Default)


def _open_or_create(
    files: Files, folder: str, first: Callable[[], State], timeout: float
) -> Lease[Store[DerivedIndex]]:
    if not is_made(files, folder) or remove_if_dropped(files, folder):
        create_collection(files, os.path.dirname(folder), first())
    elif is_dropped(files, folder):
        create_after_drop(files, folder, first(), timeout)
    return Lease(_key(folder, files), lambda: Store(files, folder, _make_index))


def _key(folder: str, files: Files) -> str:
    """Handles share a store per path and way of opening it: who asks for exclusive access must not get shared."""
    path = os.path.realpath(folder)
    return f"{path} (exclusive)" if files.exclusive else path


def _make_index(state: State) -> DerivedIndex:
    return DerivedIndex(kernels(), state)


def first_state(
    name: str, given: Encoder | None, dimension: int | None, metric: Metric, settings: Mapping[str, str]
) -> State:
    """Of a collection that is made.

    Raises:
        SettingsMismatch: its encoder makes vectors of another dimension.
    """
    if given is not None and dimension is not None and given.dim != dimension:
        raise SettingsMismatch(
            f"dimension {dimension} was asked for, but encoder {given.name!r} makes {given.dim}",
            name="dimension",
            value=dimension,
            remedy="Leave dimension out.",
        )
    if given is not None:
        check_encoder_dimension(given)
    kept = {key: str(value) for key, value in settings.items()}
    analysis = analyzer_of(kept["analyzer"], kept["language"]).fingerprint
    return State(
        uuid=uuid.uuid4().bytes,
        format=FORMAT,
        writer=__version__,
        name=name,
        dimension=dimension if given is None else given.dim,
        metric=cast(Metric, str(metric)),  # a plain str: what goes to the file has exactly its type
        encoder=None if given is None else identity_of(given).to_json(),
        settings=json.dumps(kept | {"analysis": analysis}, sort_keys=True),
        next_slot=0,
        next_id=1,
        change=0,
        synced=0,
        trimmed=0,
        trimmed_nonce=secrets.token_bytes(8),
        moved_to=None,
    )


def _fix_dimension(store: Store[DerivedIndex], dimension: int, timeout: float, durability: Durability) -> State:
    """Of a collection that has no vector yet."""

    def plan(transaction: Transaction) -> None:
        if transaction.state.dimension is None:
            transaction.fix_dimension(dimension)
        elif transaction.state.dimension != dimension:  # another process was first
            raise _settings_mismatch(transaction.state, "dimension", transaction.state.dimension, dimension)

    store.write(plan, timeout=timeout, durability=durability)
    return store.current()


def check_settings(state: State, *, dimension: int | None, **given: str) -> None:
    """Whatever was given on purpose must be what the collection has."""
    if dimension is not None and state.dimension is not None and dimension != state.dimension:
        raise _settings_mismatch(state, "dimension", state.dimension, dimension)
    stored = {"metric": state.metric, "index": DEFAULT_INDEX, **state.setting}
    for name, value in given.items():
        if not isinstance(value, _Default) and stored[name] != value:
            raise _settings_mismatch(state, name, stored[name], value)


def _settings_mismatch(state: State, name: str, stored: object, given: object) -> SettingsMismatch:
    return SettingsMismatch(
        f"has {name} {stored!r}, but was opened with {given!r}",
        name=name,
        value=given,
        place=f"collection {state.name!r}",
        remedy=f"Leave {name}= out, or use another name.",
    )


def check_name(name: object) -> None:
    """Raises InvalidArgument for what cannot name a collection."""
    if not isinstance(name, str) or not 0 < len(name) <= _NAME_CHARS_MAX:
        raise InvalidArgument(
            f"a collection's name is a text of 1 to {_NAME_CHARS_MAX} characters, not {name!r:.80}",
            name="name",
            value=name,
            remedy="Write db.collection('docs').",
        )
    check_unicode(name, "the name", "name")


def _check_flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise InvalidArgument(
            f"{name} must be True or False, not {value!r}", name=name, value=value, remedy=f"Leave {name}= out."
        )


def _right_value(value: object) -> str:
    right = _OTHER_VALUES.get(value.lower()) if isinstance(value, str) else None
    return f"Use {right!r}. " if right else ""


def _check_choices(**given: str) -> None:
    for name, value in given.items():
        known = _CHOICES[name]
        if value not in known:
            raise InvalidArgument(
                f"there is no {name} {value!r}",
                name=name,
                value=value,
                remedy=f"{_right_value(value) or nearest(str(value), known)}Choose one of {', '.join(known)}.",
            )


def _check_dimension(dimension: object) -> None:
    if dimension is None:
        return
    if isinstance(dimension, bool) or not isinstance(dimension, int) or not 1 <= dimension <= DIMENSION_MAX:
        raise InvalidArgument(
            f"dimension must be a whole number from 1 to {DIMENSION_MAX:,}, not {dimension!r}",
            name="dimension",
            value=dimension,
            remedy="Leave it out and the first vector decides.",
        )


def _check_language(language: object) -> None:
    if not isinstance(language, str) or not re.fullmatch(r"[a-z]{2,3}", language):
        raise InvalidArgument(
            f"a language is a code of two or three letters, not {language!r}",
            name="language",
            value=language,
            remedy="Write 'en', 'de', 'zh' or the like.",
        )


def _check_timeout(timeout: object) -> None:
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout >= 0:
        raise InvalidArgument(
            f"timeout must be a number of seconds, not {timeout!r}",
            name="timeout",
            value=timeout,
            remedy="Leave it out for 30 seconds.",
        )


def _end() -> None:
    ending.begin()
    close_all()


atexit.register(_end)
