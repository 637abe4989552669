"""Notes of a collection behind a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..records.notes import Notes, checked_name, checked_note
from ..wire.requests import Place
from ..wire.routes import route_of
from .transport import Transport

__all__ = ["RemoteNotes"]


class RemoteNotes(Notes):
    """Notes of one owner. Each call is one request."""

    def __init__(self, transport: Transport, place: Place, owner: str, check_open: Callable[[], None]) -> None:
        self._transport = transport
        self._owner = checked_name(owner, "owner")
        self._place = replace(place, owner=self._owner)
        self._check_open = check_open

    def __delitem__(self, key: str) -> None:
        if not isinstance(key, str) or not self._ask("remove", {"key": key}):
            raise KeyError(key)

    def setdefault(self, key: str, default: bytes | None = None) -> bytes:
        """See `Notes.setdefault`."""
        found: bytes = self._ask("setdefault", {"key": key, "default": checked_note(key, default)})
        return found

    def replace(self, key: str, before: bytes | None, value: bytes) -> bool:
        """See `Notes.replace`."""
        known = None if before is None else checked_note(key, before)
        given = {"key": key, "before": known, "value": checked_note(key, value)}
        done: bool = self._ask("replace", given)
        return done

    def update(self, other: Any = (), /, **more: bytes) -> None:
        """See `Notes.update`."""
        given = {key: checked_note(key, value) for key, value in {**dict(other), **more}.items()}
        self._ask("update", {"notes": given})

    def _all(self) -> dict[str, bytes]:
        found: dict[str, bytes] = self._ask("read", {})
        return found

    def _ask(self, call: str, given: Mapping[str, Any]) -> Any:
        self._check_open()
        return self._transport.call(route_of("notes", call), self._place, given)
