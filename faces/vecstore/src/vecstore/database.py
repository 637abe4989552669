"""A database: collections by name in a folder."""

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
    """Collections that know nothing of each other, in a folder that is made where it does not exist. Thread-safe.

    Args:
        path: the folder; or the URL of a server of Vicinal.

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
        """A new collection.

        Args:
            name: 1 to 128 letters, digits, '_', '-' and '.', with no '.' in front.

        Raises:
            ValueError: there is one of this name, or it is no name.
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
        """The collection of this name, or None."""
        checks.text("name", name)
        with doing("Failed to get collection: Error"), self._lock:
            return self._opened(name) if name in self._db else None

    def list_collections(self) -> list[str]:
        """Names, sorted."""
        with doing("Failed to list collections: Error"):
            return self._db.collections()

    def delete_collection(self, name: str) -> bool:
        """Deletes a collection with all that is in it; handles on it raise ValueError from then on.

        Returns:
            True.

        Raises:
            ValueError: there is none of this name.
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
