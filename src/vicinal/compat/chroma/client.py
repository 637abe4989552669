"""A client: the collections of one database."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from ...visible import shown, visible
from . import configuration as configurations
from .catalogue import Catalogue, Entry, checked_text
from .collection import Collection
from .config import DEFAULT_DATABASE, DEFAULT_TENANT, Settings
from .embedding import DEFAULT, DefaultEmbeddingFunction, saved_form
from .errors import AuthorizationError, InternalError, NotFoundError, translated
from .results import page
from .systems import System
from .version import CHROMA_VERSION

__all__ = ["ClientAPI"]

# The engine accepts more; programs size their batches by it.
_BATCH_ROWS_MAX: Final = 5461


class ClientAPI:
    """A client, created by `Client`, `EphemeralClient`, `PersistentClient` and `HttpClient`. Thread-safe.

    Args:
        system: the database, which other clients may share.
    """

    def __init__(self, system: System, tenant: str, database: str) -> None:
        self._system = system
        self._catalogue: Catalogue = system.catalogue
        self.tenant = DEFAULT_TENANT
        self.database = DEFAULT_DATABASE
        self.set_tenant(tenant, database)

    # -- collections

    def create_collection(
        self,
        name: str,
        schema: Any = None,
        configuration: Any = None,
        metadata: Mapping[str, Any] | None = None,
        embedding_function: Any = DEFAULT,
        data_loader: Any = None,
        get_or_create: bool = False,
    ) -> Collection:
        """Creates a collection.

        Args:
            configuration: `{"hnsw": {"space": "cosine"}}`; other parameters of the index are stored but have no effect.
            metadata: of the collection; `{"hnsw:space": "cosine"}` is the metric: "l2" (default, squared
                distances), "cosine" or "ip".
            embedding_function: encodes documents and query texts.
            data_loader: loads the data of URIs.
            get_or_create: whether to return an existing collection.

        Raises:
            InternalError: the collection exists.
            InvalidArgumentError: an invalid name or setting.
            NotImplementedError: a schema.
        """
        _refuse_schema(schema)
        function = _checked_function(embedding_function)
        if configuration is not None and configuration.get("embedding_function") is not None:
            if embedding_function is not DEFAULT:
                raise ValueError("an embedding function is given twice: as an argument and in the configuration.")
            function = _checked_function(configuration["embedding_function"])
        kept = configurations.checked_metadata(metadata)
        made = configurations.configured(kept, configuration, function)
        with translated(name):
            entry, is_new = self._catalogue.make(name, kept, made)
        if is_new:
            found = Collection(self._catalogue, name, entry, function or DEFAULT, data_loader)
            found.count()  # creates the engine's collection now
            return found
        if not get_or_create:
            raise InternalError(f"Collection [{visible(name)}] already exists")
        return self._held(name, entry, function, data_loader)

    def get_or_create_collection(
        self,
        name: str,
        schema: Any = None,
        configuration: Any = None,
        metadata: Mapping[str, Any] | None = None,
        embedding_function: Any = DEFAULT,
        data_loader: Any = None,
    ) -> Collection:
        """Returns the collection of this name, which keeps its own metadata and configuration, or creates it."""
        return self.create_collection(
            name, schema, configuration, metadata, embedding_function, data_loader, get_or_create=True
        )

    def get_collection(self, name: str, embedding_function: Any = DEFAULT, data_loader: Any = None) -> Collection:
        """Returns the collection of this name.

        Args:
            embedding_function: by default the one that the collection remembers.

        Raises:
            NotFoundError: it does not exist.
            ValueError: it remembers another embedding function.
        """
        with translated(str(name)):
            entry = self._catalogue.find(checked_text(name))
        return self._held(name, entry, embedding_function, data_loader)

    def get_collection_by_id(self, id: UUID, embedding_function: Any = DEFAULT, data_loader: Any = None) -> Collection:
        """Returns the collection with this id, whatever its current name."""
        with translated(str(id)):
            name, entry = self._catalogue.named(str(id))
        return self._held(name, entry, embedding_function, data_loader)

    def list_collections(self, limit: int | None = None, offset: int | None = None) -> Sequence[Collection]:
        """Returns the collections, oldest first."""
        with translated():
            entries = list(self._catalogue.entries().items())
        return [self._held(name, entry, None, None) for name, entry in page(entries, limit, offset)]

    def count_collections(self) -> int:
        """Returns the number of collections."""
        with translated():
            return len(self._catalogue.entries())

    def delete_collection(self, name: str) -> None:
        """Deletes a collection with all its rows; its handles raise NotFoundError from then on."""
        with translated(str(name)):
            self._catalogue.remove(checked_text(name))

    # -- the database

    def reset(self) -> bool:
        """Deletes all collections, if the settings allow it.

        Raises:
            AuthorizationError: they do not; pass `Settings(allow_reset=True)`.
        """
        if not self._system.settings.allow_reset:
            raise AuthorizationError("Reset is disabled by config: it needs Settings(allow_reset=True)")
        with translated():
            for name in self._catalogue.entries():
                self._catalogue.remove(name)
        return True

    def heartbeat(self) -> int:
        """Returns the clock in nanoseconds after checking that the database responds."""
        with translated():
            self._system.database.collections()
        return time.time_ns()

    def get_version(self) -> str:
        """Returns the version of Chroma whose API this is."""
        return CHROMA_VERSION

    def get_settings(self) -> Settings:
        """Returns the settings of the client."""
        return self._system.settings

    def get_max_batch_size(self) -> int:
        """The number of rows that a program should pass per call; larger calls work too."""
        return _BATCH_ROWS_MAX

    @property
    def max_batch_size(self) -> int:
        """The same."""
        return _BATCH_ROWS_MAX

    def set_tenant(self, tenant: str, database: str = DEFAULT_DATABASE) -> None:
        """Accepts only the default tenant.

        Raises:
            NotFoundError: another one was requested.
        """
        if tenant != DEFAULT_TENANT:
            raise NotFoundError(f"Tenant [{tenant}] not found: there is {DEFAULT_TENANT} alone")
        self.set_database(database)

    def set_database(self, database: str) -> None:
        """Accepts only the default database.

        Raises:
            NotFoundError: another one was requested.
        """
        if database != DEFAULT_DATABASE:
            raise NotFoundError(f"Database [{database}] not found: there is {DEFAULT_DATABASE} alone")

    def clear_system_cache(self) -> None:
        """Makes future clients share nothing with existing ones."""
        System.forget_all()

    def close(self) -> None:
        """Closes the client; the files are closed with the last client of the database."""
        self._system.close()

    def __enter__(self) -> ClientAPI:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # -- within

    def _held(self, name: str, entry: Entry, function: Any, loader: Any) -> Collection:
        """Returns a handle with the given embedding function, if it matches, or else the remembered one."""
        saved = entry.configuration["embedding_function"]
        given = _checked_function(function)
        if given is None or isinstance(given, DefaultEmbeddingFunction):
            known = _remembered(entry) if saved is not None else DEFAULT
            return Collection(self._catalogue, name, entry, known if known is not None else given or DEFAULT, loader)
        form = saved_form(given)
        if saved is not None and form is not None and _are_other(saved, form):
            raise ValueError(
                f"the collection {name!r} remembers the embedding function {saved['name']!r}, and {form['name']!r} is "
                "another, whose vectors cannot be compared. Leave it out, or pass embeddings."
            )
        return Collection(self._catalogue, name, entry, given, loader)


class _Unknown:
    """Replaces an embedding function that cannot be created: raises an error when a text is to be encoded."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __call__(self, input: Any) -> Any:
        raise ValueError(f"the embedding function of the collection cannot be recreated: {self._reason}")


def _are_other(saved: Mapping[str, Any], form: Mapping[str, Any]) -> bool:
    """Whether both are known and differ."""
    return {saved["type"], form["type"]} == {"known"} and bool(saved["name"] != form["name"])


def _remembered(entry: Entry) -> Any:
    try:
        return configurations.function_of(entry.configuration)
    except (ValueError, NotImplementedError) as error:
        return _Unknown(str(error))


def _checked_function(function: Any) -> Any:
    """Returns the embedding function.

    Raises:
        ValueError: it is not one.
    """
    if function is not None and (not callable(function) or isinstance(function, (str, type))):
        raise ValueError(
            f"an embedding function is called with input=, a list of documents, and {shown(function)} is not."
        )
    return function


def _refuse_schema(schema: Any) -> None:
    if schema is not None:
        raise NotImplementedError("a schema is of Chroma's own service: say hnsw:space in metadata or configuration")
