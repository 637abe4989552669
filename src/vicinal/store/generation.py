"""One generation of a collection: its open files, and how the current one is found."""

from __future__ import annotations

import os
import re
import weakref

from ..errors import CollectionDropped, CollectionNotFound, Damaged, StoreError
from ..locks import new_lock
from .connections import Connections
from .files import Files
from .folder_names import folder_name
from .schema import check_schema
from .state import State, read_state
from .vectors import FileVectors, Vectors

DROPPED = "dropped"
DAMAGED = "damaged-"  # prefix of the name of a generation that repair set aside

_OPEN_TRIES_MAX = 10
_NAME = re.compile(r"g([0-9]+)")


class Generation:
    """The open files of one generation; closed when it is retired and the last call that uses it returns.

    Args:
        files: the file system of its folder; None in memory.

    Attributes:
        folder: None in memory.
        state: as of opening.
    """

    def __init__(
        self, folder: str | None, connections: Connections, vectors: Vectors, state: State, files: Files | None = None
    ) -> None:
        self.folder = folder
        self._files = files
        self._identity = None if files is None else files.identity(connections.place)
        self.connections = connections
        self.vectors = vectors
        self.state = state
        self._closing = new_lock()
        self._users: set[weakref.ref[object]] = set()
        self._retired = False

    @property
    def name(self) -> str:
        """Such as "g1"."""
        assert self.folder is not None  # in memory there is only one, without a name
        return os.path.basename(self.folder)

    def is_in_place(self) -> bool:
        """Whether its path still refers to the open files; checked by every call."""
        return self._files is None or self._files.identity(self.connections.place) == self._identity

    def enter(self, user: object) -> None:
        """`user` keeps the files open until it leaves, or until it is garbage collected if it was interrupted."""
        self._users.add(weakref.ref(user, self._users.discard))

    def leave(self, user: object) -> None:
        self._users.discard(weakref.ref(user))
        if self._retired:
            self.close_if_unused()

    def retire(self) -> None:
        """No further calls can begin; the files are closed now or with the last call."""
        self._retired = True
        self.close_if_unused()

    def close_if_unused(self) -> bool:
        """Closes the files of a retired generation; False if a call is still using them."""
        with self._closing:
            if self._users or not self._retired:
                return False
            self.connections.close()
            self.vectors.close()
            return True


def generations(files: Files, folder: str) -> list[str]:
    """Names of the generations in a collection's folder, oldest first."""
    numbered = [(int(found[1]), entry) for entry in files.list_folder(folder) if (found := _NAME.fullmatch(entry))]
    return [entry for _, entry in sorted(numbered)]


def next_name(name: str) -> str:
    """The generation after `name`."""
    return f"g{int(name[1:]) + 1}"


def open_in_force(files: Files, folder: str) -> Generation:
    """Opens the generation that is currently written to, by following `moved_to` from the oldest one.

    Raises:
        CollectionNotFound: there is none.
        CollectionDropped: the last one was dropped.
        Damaged: one that should exist cannot be opened.
    """
    for _ in range(_OPEN_TRIES_MAX):  # a switch may remove what was just listed
        if not files.exists(folder):
            raise CollectionNotFound("the collection's folder is gone", name="collection", place=folder)
        names = generations(files, folder)
        if not names:
            raise CollectionNotFound("the collection's folder holds no generation", name="collection", place=folder)
        generation = _follow(files, folder, names)
        if generation is not None:
            return generation
    raise Damaged(
        "no generation of the collection can be opened",
        name="collection",
        place=folder,
        remedy="Restore a backup, or remove the folder if the collection is not needed.",
    )


def open_generation(files: Files, folder: str) -> Generation | None:
    """Opens one generation, regardless of its `moved_to`; None if its folder vanished meanwhile."""
    connections = Connections(os.path.join(folder, "records.db"), files)
    try:
        with connections.turn, connections.reader() as connection, connection:
            state = read_state(connection)
            check_schema(connection)
        file = files.open(os.path.join(folder, "vectors.f32"))
    except StoreError:
        connections.close()
        if not files.exists(folder):
            return None
        raise

    def dimension() -> int | None:
        with connections.turn, connections.reader() as connection:
            found = read_state(connection).dimension
        return found  # noqa: RET504  # to mypy, a `with` of apsw might swallow errors

    vectors = FileVectors(file, state.dimension, files.maps_past_end, dimension)
    return Generation(folder, connections, vectors, state, files)


def _follow(files: Files, folder: str, names: list[str]) -> Generation | None:
    """The current generation, starting from the oldest of `names`; None to retry."""
    name = names[0]
    while True:
        generation = open_generation(files, os.path.join(folder, name))
        if generation is None:
            return None
        moved_to = generation.state.moved_to
        if moved_to is None:
            if folder_name(generation.state.name) == os.path.basename(folder):
                return generation
            generation.retire()
            raise _foreign(generation, f"its records are those of collection {generation.state.name!r:.80}")
        generation.retire()
        if moved_to == DROPPED:  # unless the name was reused: then a later generation follows
            if name == names[-1]:
                raise CollectionDropped("the collection was dropped", name="collection", place=folder)
            if name not in names:  # created in the meantime
                return None
            moved_to = names[names.index(name) + 1]
        if not follows(moved_to, name):
            raise _foreign(generation, f"its records say that it moved to {moved_to!r:.80}")
        name = moved_to


def follows(name: str, before: str) -> bool:
    """Whether a generation can be the successor of another: in the same folder, with a higher number."""
    found = _NAME.fullmatch(name)
    return found is not None and int(found[1]) > int(before[1:])


def _foreign(generation: Generation, what: str) -> Damaged:
    return Damaged(
        f"{what}, which cannot be",
        name="state",
        value=generation.state.moved_to,
        place=generation.connections.place,
        remedy="Restore a backup; the files may have been assembled by hand or tampered with.",
    )
