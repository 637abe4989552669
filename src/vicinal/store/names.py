"""Which collections are in a database's folder, according to the file `name` of each.

That file is a hint: the records say which collection they are, and the folder is named after it. A `name` that is
missing or wrong hides nothing, and is rewritten when the collection is next opened.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
from collections.abc import Iterator

from ..errors import StoreError, WriterBusy
from .creation import write_file
from .files import Files
from .folder_names import building_name, folder_name
from .forensics import READ_ERRORS, opened_records
from .generation import DAMAGED, generations
from .salvage_state import plausible_state, proven_state
from .state_copy import read_state_copy

_log = logging.getLogger("vicinal.store")

_FILE = "name"
_OF_A_COLLECTION = re.compile(r"(?:[a-z0-9_-]+-)?[0-9a-f]{16}")  # as created by `folder_name`


def collection_names(files: Files, database: str) -> list[str]:
    """Names of the collections in a database's folder, sorted."""
    listed = (entry for entry in files.list_folder(database) if not _is_dropped(files, database, entry))
    found = (own_name(files, database, entry) for entry in listed)
    return sorted(name for name in found if name is not None)


def nameless_folders(files: Files, database: str) -> list[str]:
    """Folders of collections that are so damaged that nothing in them contains their name."""
    return [
        entry
        for entry in files.list_folder(database)
        if _is_collection(files, database, entry)
        and not _is_dropped(files, database, entry)
        and own_name(files, database, entry) is None
    ]


def has_collection(files: Files, database: str, name: str) -> bool:
    """Whether a collection of this name, damaged or not, is in a database's folder."""
    entry = folder_name(name)
    if _is_dropped(files, database, entry):
        return False
    return own_name(files, database, entry) == name or _is_collection(files, database, entry)


def own_name(files: Files, database: str, entry: str) -> str | None:
    """The name of the collection in a folder, even if dropped; None for `new-*`, `dead-*` and foreign folders."""
    folder = os.path.join(database, entry)
    name = read_name(files, folder)
    if name is not None and folder_name(name) == entry:
        return name
    if not _is_collection(files, database, entry):
        return None
    return next((said for said in _said_by_generations(files, folder) if folder_name(said) == entry), None)


def repair_name(files: Files, folder: str, name: str) -> None:
    """Rewrites the file `name` if it does not contain `name`, which the records or the folder confirm."""
    path = os.path.join(folder, _FILE)
    if files.read_only or folder_name(name) != os.path.basename(folder) or read_name(files, folder) == name:
        return
    new = os.path.join(folder, f"{building_name()}-name")
    try:
        write_file(files, new, name.encode())
        if os.path.isdir(path):  # its contents are not ours to delete
            files.rename(path, os.path.join(folder, f"{DAMAGED}name-{secrets.token_hex(4)}"))
        files.rename(new, path)
        files.sync_folder(folder)
    except StoreError as error:  # the collection works without it; the next opening retries
        _log.warning("the file that names a collection could not be repaired: %s", error)


def _is_dropped(files: Files, database: str, entry: str) -> bool:
    return files.exists(os.path.join(database, entry, "dropped"))


def _is_collection(files: Files, database: str, entry: str) -> bool:
    """Whether a folder contains records, and has a name of the form that only collections have."""
    folder = os.path.join(database, entry)
    if not _OF_A_COLLECTION.fullmatch(entry) or not os.path.isdir(folder):
        return False
    try:
        found = generations(files, folder)
    except StoreError:  # renamed or removed in the meantime
        return False
    return any(files.exists(os.path.join(folder, name, "records.db")) for name in found)


def _said_by_generations(files: Files, folder: str) -> Iterator[str]:
    """Names in the records of the generations, newest first."""
    try:
        found = generations(files, folder)
    except StoreError:  # removed in the meantime
        return
    for generation in reversed(found):
        path = os.path.join(folder, generation)
        copy = read_state_copy(files, path)
        if copy is not None:
            yield copy.name
        try:
            with opened_records(files, path) as records, records.turn, records.reader() as connection:
                state = proven_state(connection) or plausible_state(connection)
        except WriterBusy:
            raise
        except READ_ERRORS:
            continue
        if state is not None:
            yield state.name


def read_name(files: Files, folder: str) -> str | None:
    """The content of the file `name`; None if it cannot be read."""
    path = os.path.join(folder, _FILE)
    try:
        file = files.open(path)
    except StoreError:
        return None
    try:
        return file.read_at(0, file.size()).decode(errors="replace")
    except StoreError:
        return None
    finally:
        file.close()
