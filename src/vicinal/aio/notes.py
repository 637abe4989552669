"""Notes of a collection, awaited."""

from __future__ import annotations

from collections.abc import Mapping

from ..records.notes import checked_name, checked_note
from .awaited import Backend

__all__ = ["AsyncNotes"]


class AsyncNotes:
    """Bytes by key that a program stores beside the rows, as durable as these; one mapping for each owner."""

    def __init__(self, backend: Backend, owner: str) -> None:
        self._backend = backend
        self._owner = checked_name(owner, "owner")

    async def read(self) -> dict[str, bytes]:
        """Returns all notes of the owner."""
        found: dict[str, bytes] = await self._backend.notes("read", self._owner, {})
        return found

    async def get(self, key: str, default: bytes | None = None) -> bytes | None:
        """Returns one note; `default` if it does not exist."""
        return (await self.read()).get(key, default)

    async def update(self, notes: Mapping[str, bytes]) -> None:
        """Writes all of these notes in one commit."""
        given = {key: checked_note(key, value) for key, value in notes.items()}
        await self._backend.notes("update", self._owner, {"notes": given})

    async def setdefault(self, key: str, default: bytes) -> bytes:
        """Returns the note; if it does not exist, stores and returns `default`. Atomic among processes."""
        given = {"key": key, "default": checked_note(key, default)}
        found: bytes = await self._backend.notes("setdefault", self._owner, given)
        return found

    async def replace(self, key: str, before: bytes | None, value: bytes) -> bool:
        """Writes a note if it is still `before`, None for a missing one; otherwise returns False and writes nothing."""
        known = None if before is None else checked_note(key, before)
        given = {"key": key, "before": known, "value": checked_note(key, value)}
        done: bool = await self._backend.notes("replace", self._owner, given)
        return done

    async def remove(self, key: str) -> bool:
        """Removes the note of this key; returns whether it existed."""
        found: bool = await self._backend.notes("remove", self._owner, {"key": checked_name(key, "key")})
        return found

    def __repr__(self) -> str:
        return f"AsyncNotes({self._owner!r})"
