"""A database: named collections in a folder."""

from __future__ import annotations

from vicinal.errors import CollectionNotFound
from vicinal.inputs import checks
from vicinal.inputs.calls import for_users
from vicinal.locks import new_lock

from . import records
from .collection import Collection
from .errors import doing, written
from .names import checked_name
from .opening import Opened, Path, connect


@for_users
class VecDatabase(Opened):
    """Independent collections in a folder, which is created if it does not exist. Thread-safe.

    Args:
        path: the folder; or the URL of a Vicinal server.

    Raises:
        ValueError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        with doing("Failed to open database"):
            self._db = connect(path)
            self._db.collections()
        self._lock = new_lock()

    @staticmethod
    def open(path: Path) -> VecDatabase:
        """The same as `VecDatabase(path)`."""
        return VecDatabase(path)

    def create_collection(self, name: str) -> Collection:
        """Creates a collection.

        Args:
            name: 1 to 128 letters, digits, '_', '-' and '.', not starting with '.'.

        Raises:
            ValueError: a collection with this name exists, or the name is invalid.
        """
        failed = "Failed to create collection: Error"
        try:
            checked_name(name)
        except ValueError as error:
            raise ValueError(f"{failed}: {error}") from None
        with doing(failed), self._lock:
            if name in self._db:
                raise ValueError(f"{failed}: Namespace already exists: {name}")
            return self._opened(name)

    def get_collection(self, name: str) -> Collection | None:
        """Returns the collection with this name, or None."""
        checks.text("name", name)
        with doing("Failed to get collection: Error"), self._lock:
            return self._opened(name) if name in self._db else None

    def list_collections(self) -> list[str]:
        """Returns the names, sorted."""
        with doing("Failed to list collections: Error"):
            return self._db.collections()

    def delete_collection(self, name: str) -> bool:
        """Deletes a collection with its content; its handles raise ValueError from then on.

        Returns:
            True.

        Raises:
            ValueError: no collection has this name.
        """
        checks.text("name", name)
        failed = "Failed to delete collection: Error"
        with doing(failed), self._lock:
            try:
                self._db.drop(name)
            except CollectionNotFound as error:
                raise ValueError(f"{failed}: Namespace not found: {written(name)}") from error
        return True

    def __repr__(self) -> str:
        try:
            return f"VecDatabase(collections={len(self.list_collections())})"
        except ValueError:
            return "VecDatabase(closed)"

    def _opened(self, name: str) -> Collection:
        return Collection(name, self._db.collection(name, **records.SETTINGS))
