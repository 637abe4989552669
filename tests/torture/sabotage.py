"""Deliberate ways to break the store or the journal: each must make the torture tests fail, or they prove nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vicinal.collection import Collection
from vicinal.store import connections, files

from .model import Journal


def _vectors_unsynced() -> None:
    """Neither vectors nor folders are synced."""
    files._sync = lambda fd: None


def _log_unsynced() -> None:
    """SQLite never syncs."""
    connections._SYNCHRONOUS["full"] = "OFF"


def _deletes_nothing() -> None:
    Collection.delete = lambda *args, **kwargs: 0  # type: ignore[method-assign]


def _told_too_early() -> None:
    """Each step is acknowledged before it is completed."""
    begin, done = Journal.begin, Journal.done

    def begin_and_done(journal: Journal, step: Mapping[str, Any]) -> None:
        begin(journal, step)
        done(journal, step, synced=step["op"] == "sync")

    Journal.begin = begin_and_done  # type: ignore[method-assign]
    Journal.done = lambda *args, **facts: None  # type: ignore[method-assign]


WAYS: dict[str, Callable[[], None]] = {
    "vectors-unsynced": _vectors_unsynced,
    "log-unsynced": _log_unsynced,
    "deletes-nothing": _deletes_nothing,
    "told-too-early": _told_too_early,
}
