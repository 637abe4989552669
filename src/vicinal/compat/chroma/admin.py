"""As in Chroma: tenants and databases. A folder or a server has exactly one of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NoReturn
from uuid import UUID

from ...opening import connect
from ...visible import shown, visible
from .config import DEFAULT_DATABASE, DEFAULT_TENANT, Settings
from .connecting import server_of
from .errors import InternalError, InvalidArgumentError, NotFoundError, translated
from .results import page
from .systems import System
from .types import Database, Tenant

__all__ = ["AdminClient"]

_ID: Final = UUID(int=0)  # of the default database, in Chroma too
_NAME_CHARS_MIN: Final = 3


class AdminClient:
    """Manages the default tenant and its default database, the only ones: a folder is a database, so use several
    folders.

    Args:
        settings: as of `Client`. For a server, every call sends a request, with the key of the settings.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()

    def create_tenant(self, name: str) -> NoReturn:
        """Raises an error, as there is only the default tenant.

        Raises:
            InternalError: the tenant exists.
            InvalidArgumentError: the name is invalid.
            NotImplementedError: any other name.
        """
        self._reach()
        _refuse("Tenant", _new(name), name == DEFAULT_TENANT)

    def get_tenant(self, name: str) -> Tenant:
        """Returns the tenant.

        Raises:
            NotFoundError: it does not exist.
        """
        self._reach()
        if _text(name) != DEFAULT_TENANT:
            raise NotFoundError(f"Tenant [{visible(name)}] not found")
        return Tenant(name=name)

    def create_database(self, name: str, tenant: str = DEFAULT_TENANT) -> NoReturn:
        """Raises an error, as there is only the default database.

        Raises:
            InternalError: the database exists.
            InvalidArgumentError: the name is invalid.
            NotImplementedError: any other name.
        """
        self._reach()
        _refuse("Database", _new(name), name == DEFAULT_DATABASE and _text(tenant) == DEFAULT_TENANT)

    def get_database(self, name: str, tenant: str = DEFAULT_TENANT) -> Database:
        """Returns the database.

        Raises:
            NotFoundError: the tenant has no database of this name.
        """
        self._reach()
        if (_text(name), _text(tenant)) != (DEFAULT_DATABASE, DEFAULT_TENANT):
            raise NotFoundError(f"Database [{visible(name)}] not found. Are you sure it exists?")
        return Database(id=_ID, name=name, tenant=tenant)

    def list_databases(
        self, limit: int | None = None, offset: int | None = None, tenant: str = DEFAULT_TENANT
    ) -> Sequence[Database]:
        """Returns the databases of a tenant; none if the tenant does not exist."""
        self._reach()
        there = [Database(id=_ID, name=DEFAULT_DATABASE, tenant=tenant)] if _text(tenant) == DEFAULT_TENANT else []
        return page(there, limit, offset)

    def delete_database(self, name: str, tenant: str = DEFAULT_TENANT) -> NoReturn:
        """Raises an error, as the default database cannot be deleted.

        Raises:
            NotFoundError: the tenant has no database of this name.
            NotImplementedError: the default one.
        """
        self.get_database(name, tenant)
        raise NotImplementedError("the one database of a folder cannot be deleted: delete its collections, or reset()")

    def clear_system_cache(self) -> None:
        """Makes future clients share nothing with existing ones."""
        System.forget_all()

    def _reach(self) -> None:
        """Checks that the server can be reached.

        Raises:
            AuthorizationError: the server requires another key.
            ValueError: no server responds.
        """
        server = server_of(self._settings)
        if server is not None:
            url, key = server
            with translated(), connect(url, api_key=key) as database:
                database.collections()


def _refuse(kind: str, name: str, is_there: bool) -> NoReturn:
    if is_there:
        raise InternalError(f"{kind} [{name}] already exists")
    raise NotImplementedError(
        f"{kind} [{visible(name)}] cannot be made: there are {DEFAULT_TENANT} and {DEFAULT_DATABASE} alone. "
        "A folder is a database: use another folder, or another server."
    )


def _new(name: Any) -> str:
    if len(_text(name)) < _NAME_CHARS_MIN:
        raise InvalidArgumentError(f"a name has at least {_NAME_CHARS_MIN} characters, and {shown(name)} has fewer")
    return str(name)


def _text(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"the name of a tenant or database is a str, not {shown(name)}")
    return name
