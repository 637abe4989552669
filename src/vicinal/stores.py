"""The stores of a database's collections: one per collection, in its own folder or in memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Final

from .errors import CollectionDropped
from .indexes.derived import DerivedIndex
from .indexes.kernels import kernels
from .locks import new_lock
from .store.creation import create_collection, is_made
from .store.drop import create_after_drop, finish_drop, is_dropped, remove_if_dropped, repair_marker
from .store.files import DiskFiles, Files
from .store.filesystems import is_read_only, refuse_linked
from .store.folder_names import folder_name
from .store.names import collection_names, has_collection, nameless_folders, repair_name
from .store.registry import Lease, close_unused
from .store.state import State
from .store.store import Store

_TRIES: Final = 2


class Stores:
    """All stores of a database. Thread-safe.

    Args:
        path: the folder of the database, or None for one in memory.
        files: the file system to use.
    """

    def __init__(self, path: str | None, files: Files) -> None:
        self._path = path
        self._files = files
        self._lock = new_lock()
        self._in_memory: dict[str, Store[DerivedIndex]] = {}

    def names(self) -> list[str]:
        """The names of the collections, sorted."""
        if self._path is None:
            return sorted(self._in_memory)
        if not self._files.exists(self._path):
            return []
        files = self.files_for(self._path)
        for entry in files.list_folder(self._path):
            folder = os.path.join(self._path, entry)
            if is_dropped(files, folder):
                repair_marker(files, folder)
        return collection_names(files, self._path)

    def __contains__(self, name: object) -> bool:
        if self._path is None or not isinstance(name, str):
            return name in self._in_memory
        try:
            return has_collection(self.files_for(self._path), self._path, name)
        except UnicodeEncodeError:  # no name contains a lone surrogate
            return False

    def nameless(self) -> Iterator[tuple[str, str]]:
        """Name and path of each folder that was a collection and no longer says which."""
        if self._path is not None and self._files.exists(self._path):
            for entry in nameless_folders(self.files_for(self._path), self._path):
                yield entry, os.path.join(self._path, entry)

    def folder_of(self, name: str) -> str:
        """The folder that a collection of this name has, or would have; not for a database in memory."""
        assert self._path is not None
        return os.path.join(self._path, folder_name(name))

    def files_for(self, folder: str) -> Files:
        """The file system, read-only if the collection cannot be written to."""
        if self._files.exists(folder) and is_read_only(folder):
            return DiskFiles(exclusive=self._files.exclusive, read_only=True)
        return self._files

    # -- opening

    def open(self, name: str, first: Callable[[], State], timeout: float) -> tuple[Lease[Store[DerivedIndex]], State]:
        """A lease on a collection's store, and its state.

        If another process has dropped and recreated the collection, a store that is open in this process may not have
        noticed yet.

        Args:
            first: creates the state of a collection that does not exist yet.
        """
        for tries in range(_TRIES):
            lease = self._lease(name, first, timeout)
            try:
                return lease, lease.store().current()
            except CollectionDropped:
                lease.release()
                if tries == _TRIES - 1:
                    raise
            except BaseException:
                lease.release()
                raise
        raise AssertionError("the last attempt returns or raises")  # which type checkers cannot know

    def _lease(self, name: str, first: Callable[[], State], timeout: float) -> Lease[Store[DerivedIndex]]:
        """A lease on the collection's store, which is created if it does not exist."""
        if self._path is None:
            with self._lock:
                store = self._in_memory.get(name)
                if store is None:
                    store = self._in_memory[name] = Store(self._files, None, make_index, first())
            found = store
            return Lease(None, lambda: found)
        folder = self.folder_of(name)
        files = self.files_for(folder)
        try:
            lease = _open_or_create(files, folder, first, timeout)
        except CollectionDropped:
            finish_drop(files, folder)  # the process that dropped it died before the last step, or is doing it now
            lease = _open_or_create(files, folder, first, timeout)
        repair_name(files, folder, name)  # the records have just confirmed that they belong to this collection
        return lease

    # -- ending

    def drop(self, name: str, timeout: float) -> None:
        """Closes an existing collection and removes its files."""
        if self._path is None:
            self._in_memory.pop(name).drop_in_memory()
            return
        folder = self.folder_of(name)
        refuse_linked(folder)
        files = self.files_for(folder)
        for _ in range(_TRIES):
            try:
                lease = _open(files, folder)
            except CollectionDropped:
                finish_drop(files, folder)
                break
            try:
                lease.store().upkeep.drop(timeout)
                break
            except CollectionDropped:
                continue  # see `open`
            finally:
                lease.release()
        remove_if_dropped(files, folder)

    def close(self) -> None:
        """Closes the stores that no handle uses any more."""
        for store in self._in_memory.values():
            store.close()
        if self._path is not None:
            close_unused(os.path.realpath(self._path))


def make_index(state: State) -> DerivedIndex:
    """An empty index of everything that is derived from a collection's records."""
    return DerivedIndex(kernels(), state)


def _open_or_create(
    files: Files, folder: str, first: Callable[[], State], timeout: float
) -> Lease[Store[DerivedIndex]]:
    if not is_made(files, folder) or remove_if_dropped(files, folder):
        create_collection(files, os.path.dirname(folder), first())
    elif is_dropped(files, folder):
        create_after_drop(files, folder, first(), timeout)
    return _open(files, folder)


def _open(files: Files, folder: str) -> Lease[Store[DerivedIndex]]:
    return Lease(_key(folder, files), lambda: Store(files, folder, make_index))


def _key(folder: str, files: Files) -> str:
    """Handles share a store per path and access mode: a request for exclusive access must not get a shared store."""
    path = os.path.realpath(folder)
    return f"{path} (exclusive)" if files.exclusive else path
