"""Databases shared by clients: one in memory, one per folder; behind a server each client has its own."""

from __future__ import annotations

import os
from typing import ClassVar

from ...database import Database
from ...locks import new_lock
from ...opening import connect
from .catalogue import Catalogue
from .config import Settings

__all__ = ["System"]

_CHROMAS_FILE = "chroma.sqlite3"


class System:
    """A database and the number of clients that hold it.

    Args:
        key: equal for the same database of this process.
    """

    _open: ClassVar[dict[str, System]] = {}
    _lock: ClassVar = new_lock()

    def __init__(self, key: str, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self.catalogue = Catalogue(database)
        self._key = key
        self._clients = 0

    @classmethod
    def in_memory(cls, settings: Settings) -> System:
        """Returns the database that all clients without a folder share."""
        return cls._shared(":memory:", settings)

    @classmethod
    def in_folder(cls, path: str | os.PathLike[str], settings: Settings) -> System:
        """Returns the database of a folder.

        Raises:
            ValueError: the folder contains files of Chroma itself.
        """
        folder = os.path.realpath(os.fspath(path))
        if os.path.exists(os.path.join(folder, _CHROMAS_FILE)):
            raise ValueError(
                f"{folder} holds a database that Chroma wrote. Import it into another folder: "
                f"vicinal import NEW --from chroma {folder}"
            )
        return cls._shared(folder, settings)

    @classmethod
    def behind(cls, url: str, settings: Settings, api_key: str | None) -> System:
        """Returns the database behind a server. It is not shared with other clients: permissions depend on the key."""
        made = System(url, settings, connect(url, api_key=api_key))
        made._clients = 1
        return made

    @classmethod
    def forget_all(cls) -> None:
        """Open databases stay open for those that hold them, but are no longer shared."""
        with cls._lock:
            cls._open.clear()

    def close(self) -> None:
        """Releases one client; the last one closes the files."""
        with self._lock:
            self._clients -= 1
            if self._clients > 0:
                return
            if self._open.get(self._key) is self:
                del self._open[self._key]
        self.database.close()

    @classmethod
    def _shared(cls, key: str, settings: Settings) -> System:
        with cls._lock:
            found = cls._open.get(key)
            if found is None:
                found = cls._open[key] = System(key, settings, connect(key))
            elif found.settings != settings:
                raise ValueError(f"there is a client of {key} with other settings: close it first, or pass the same.")
            found._clients += 1
            return found
