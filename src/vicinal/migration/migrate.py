"""`migrate`: moves collections from one database to another, of any kinds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ..arguments import EncoderLike
from ..collection import Collection
from ..database import Database
from ..errors import CollectionNotFound, EncoderNotFound, InvalidArgument
from ..inputs.calls import user_call
from ..inputs.names import nearest
from ..opening import connect, is_engine, is_url
from ..settings import Secret
from ..visible import shown
from .claim import Claim
from .moving import move, plan
from .preview import left_behind, settings_there
from .receipt import MigratedCollection, MigrationReceipt

__all__ = ["SAMPLED", "migrate"]

SAMPLED: Final = 1_000  # rows of each collection
_LOCAL: Final = "+local://"
_IN_MEMORY: Final = "+memory:"


@user_call
def migrate(
    source: str | os.PathLike[str] | Database,
    target: str | os.PathLike[str] | Database,
    *,
    collection: str | None = None,
    dry_run: bool = False,
    sampled: int | None = SAMPLED,
    encoder: EncoderLike | None = None,
    source_api_key: str | Secret | None = None,
    target_api_key: str | Secret | None = None,
) -> MigrationReceipt:
    """Copies collections from one database to another: a folder, a server, a distributed engine.

    Rows are copied with ids, texts, vectors, metadata, sparse vectors and expiry, bit-identical and in their order; no
    text is encoded again. A run that was stopped for any reason is resumed by the same call. Afterwards both are
    compared: every id in its order, sampled rows to the last bit, and the nearest neighbours of some.

    While it runs, and after it was stopped, the target's collection holds one more row that marks this. Of two runs
    into one collection the later one continues, and the other one stops.

    Args:
        source, target: what `connect` takes, or a database that it returned.
        collection: only this one; by default all.
        dry_run: change nothing; the receipt says what would be written and what would be left behind.
        sampled: rows of each collection that are compared afterwards; None for all.
        encoder: for collections whose encoder is an object of your program rather than a name.
        source_api_key, target_api_key: as `api_key` of `connect`.

    Returns:
        What was done to each collection, and what was left behind.

    Raises:
        InvalidArgument: source and target are the same, or the target's collection holds other rows; nothing was
            changed.
        CollectionNotFound: the source has no collections, or not this one.
        SettingsMismatch: the target's collection was created with another metric or setting.
        WriterBusy: another migration into the same collection has begun since.
        Damaged: what was written differs from what was read.
    """
    _check_sampled(sampled)
    with (
        _source_opened(source, source_api_key) as here,
        _target_opened(target, target_api_key, dry_run=dry_run) as there,
    ):
        found = [
            _one(here, there, name, dry_run=dry_run, sampled=sampled, encoder=encoder)
            for name in _names(here, collection)
        ]
        return MigrationReceipt(_shown(source), _shown(target), dry_run, tuple(found))


def _one(
    here: Database, there: Database, name: str, *, dry_run: bool, sampled: int | None, encoder: EncoderLike | None
) -> MigratedCollection:
    with here.collection(name, create=False) as source:
        told = left_behind(source, here, there)
        if dry_run:
            return _previewed(source, there, told)
        with _target(source, there, encoder) as target:
            return move(source, target, sampled, told)


def _previewed(source: Collection, there: Database, told: list[str]) -> MigratedCollection:
    if source.name not in there:
        return MigratedCollection(source.name, rows := source.count(), rows, left_behind=tuple(told))
    with there.collection(source.name, create=False) as target:
        _refuse_itself(source, target)
        found = plan(source, target, Claim(source, target))
    return MigratedCollection(source.name, len(found.ids), len(found.ids) - found.same, left_behind=tuple(told))


def _target(source: Collection, there: Database, encoder: EncoderLike | None) -> Collection:
    """Returns the collection that rows are copied into; created if it does not exist."""
    known = source.stats().encoder
    given = settings_there(source, there.capabilities)
    if source.name in there:
        given.pop("index", None)  # it may have been changed since
        encoder = None  # it remembers its own
    elif known is not None:
        encoder = known if encoder is None else encoder
    else:
        encoder = None
    try:
        target = there.collection(source.name, encoder=encoder, **given)
    except EncoderNotFound as error:
        error.remedy = f"Give it as migrate(..., encoder=...), or have the target's server know it. {error.remedy}"
        raise
    try:
        _refuse_itself(source, target)
        if target.stats().encoder != known:
            raise InvalidArgument(
                f"collection {source.name!r} has the encoder {shown(known)}, and that of the target {shown(encoder)}",
                name="encoder",
                remedy="Drop the target's collection; nothing was changed.",
            )
    except BaseException:
        target.close()
        raise
    return target


def _refuse_itself(source: Collection, target: Collection) -> None:
    if source.uuid == target.uuid:
        raise InvalidArgument(
            f"source and target are the same collection {source.name!r}",
            name="target",
            remedy="Name another database.",
        )


def _names(here: Database, collection: str | None) -> list[str]:
    names = here.collections()
    if collection is None and not names:
        raise CollectionNotFound("the source holds no collection", name="source", remedy="Check what it is called.")
    if collection is not None and collection not in names:
        raise CollectionNotFound(
            f"the source holds no collection {shown(collection)}",
            name="collection",
            value=collection,
            remedy=f"{nearest(collection, names)}There are: {', '.join(names)}." if names else "It holds none.",
        )
    return names if collection is None else [collection]


# -- the two databases


@contextmanager
def _source_opened(given: Any, key: Any) -> Iterator[Database]:
    """Opens a database; one that was passed in stays open."""
    if isinstance(given, Database):
        yield given
        return
    if not _is_there(given):
        raise InvalidArgument(
            f"there is no database at {shown(str(given))}", name="source", value=given, remedy="Check the path."
        )
    with connect(given, api_key=key) as database:
        yield database


@contextmanager
def _target_opened(given: Any, key: Any, *, dry_run: bool) -> Iterator[Database]:
    if isinstance(given, Database):
        yield given
        return
    if dry_run and is_engine(given) and not _is_there(given):
        given = f"{str(given).partition(_LOCAL)[0]}{_IN_MEMORY}"  # opening a folder would create it
    with connect(given, api_key=key) as database:
        if not dry_run and not database.capabilities.durable:
            raise InvalidArgument(
                f"what is written to {shown(given)} is gone when the call returns",
                name="target",
                value=given,
                remedy="Give the database itself: migrate(source, connect(':memory:')).",
            )
        yield database


def _is_there(given: Any) -> bool:
    """Whether a folder exists; for anything else only its server knows."""
    if is_url(given):
        return True
    if is_engine(given):
        _, local, folder = str(given).partition(_LOCAL)
        return not local or Path(folder).is_dir()
    return isinstance(given, (str, os.PathLike)) and os.path.isdir(given)


def _shown(given: str | os.PathLike[str] | Database) -> str:
    return repr(given) if isinstance(given, Database) else os.fspath(given)


def _check_sampled(sampled: Any) -> None:
    if sampled is not None and (isinstance(sampled, bool) or not isinstance(sampled, int) or sampled < 0):
        raise InvalidArgument(
            f"sampled must be a whole number or None, not {shown(sampled)}",
            name="sampled",
            value=sampled,
            remedy="Leave it out for 1,000 rows, or give None for all.",
        )
