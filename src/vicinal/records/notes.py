"""`notes`: small values that a program keeps beside the rows, with the same guarantees."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator
from typing import Any, TypeVar

from .. import contract
from ..errors import InvalidArgument
from ..inputs.unicode import check_unicode
from ..store.writing import Transaction
from .context import Context

NAME_CHARS_MAX = 1024

T = TypeVar("T")


class Notes(contract.Notes):
    """The notes of one owner, key to bytes: as durable as rows, visible to every handle, and preserved by `compact`,
    `backup`, `restore` and `repair`. Each call is one commit; a call that changes nothing commits nothing.

    Args:
        owner: whose notes these are; notes of other owners are not visible.
        handle: an object kept alive by these notes, because it closes the files when it is garbage collected.
    """

    def __init__(self, context: Context, owner: str, handle: object = None) -> None:
        self._context = context
        self._handle = handle
        self._owner = checked_name(owner, "owner")

    def __getitem__(self, key: str) -> bytes:
        return self._all()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def items(self) -> ItemsView[str, bytes]:
        """All notes as of one point in time, read in a single call."""
        return self._all().items()

    def __setitem__(self, key: str, value: bytes) -> None:
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        def plan(transaction: Transaction) -> bool:
            there = key in transaction.notes(self._owner)
            if there:
                transaction.note(self._owner, {key: None})
            return there

        if not self._write(plan):
            raise KeyError(key)

    def setdefault(self, key: str, default: bytes | None = None) -> bytes:
        """The note; if there is none, stores and returns `default`. Atomic: exactly one process comes first."""
        value = checked_note(key, default)

        def plan(transaction: Transaction) -> bytes:
            found = transaction.notes(self._owner).get(key)
            if found is None:
                transaction.note(self._owner, {key: value})
            return value if found is None else found

        return self._write(plan)

    def replace(self, key: str, before: bytes | None, value: bytes) -> bool:
        """Writes a note if its value is still `before`; otherwise writes nothing and returns False.

        Args:
            before: None if the note did not exist.
        """
        given, known = checked_note(key, value), None if before is None else checked_note(key, before)

        def plan(transaction: Transaction) -> bool:
            found = transaction.notes(self._owner).get(key)
            if found == known and found != given:
                transaction.note(self._owner, {key: given})
            return found == known

        return self._write(plan)

    def update(self, other: Any = (), /, **more: bytes) -> None:
        """Writes all of these notes in one commit."""
        given = {key: checked_note(key, value) for key, value in {**dict(other), **more}.items()}

        def plan(transaction: Transaction) -> None:
            known = transaction.notes(self._owner)
            transaction.note(self._owner, {key: value for key, value in given.items() if known.get(key) != value})

        self._write(plan)

    def __repr__(self) -> str:
        return f"Notes({self._owner!r}, keys={list(self)})"

    def _all(self) -> dict[str, bytes]:
        return self._context.store.read(lambda reader: reader.notes(self._owner))

    def _write(self, plan: Callable[[Transaction], T]) -> T:
        context = self._context
        return context.store.write(plan, timeout=context.timeout, durability=context.durability)


def checked_note(key: object, value: object) -> bytes:
    """The value of a note, after checking key and value."""
    checked_name(key, "key")
    if not isinstance(value, bytes):
        raise InvalidArgument(
            f"a note is bytes, not {type(value).__name__}",
            name="notes",
            value=value,
            place=f"key {key!r:.80}",
            remedy="Encode it, for example with json.dumps(value).encode().",
        )
    return value


def checked_name(value: object, name: str) -> str:
    """The checked name of an owner or of a note."""
    if not isinstance(value, str) or not 0 < len(value) <= NAME_CHARS_MAX:
        raise InvalidArgument(
            f"the {name} of a note is a text of 1 to {NAME_CHARS_MAX:,} characters, not {value!r:.80}",
            name=name,
            value=value,
        )
    check_unicode(value, f"the {name} of a note", name)
    return value
