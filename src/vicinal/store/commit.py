"""One write from `BEGIN IMMEDIATE` to a known outcome; also keeps SQLite's log short."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import apsw

from ..contract import Durability
from ..deadline import check_deadline
from ..errors import CommitFailed, VicinalError, WriterBusy
from .changes import has_change, trim_changes
from .generation import Generation
from .publication import Publication
from .state import State, read_state, update_state
from .writing import Transaction

_log = logging.getLogger("vicinal.store")

T = TypeVar("T")

_CHECKPOINT_BYTES = 8 << 20  # in a short log, a bit flip can also damage less
_CHECKPOINT_AGAIN_BYTES = 4 << 20
_CHECKPOINT_WAIT_SECONDS = 0.1
_TRIM_WAIT_SECONDS = 1.0


def write_once(
    generation: Generation,
    connection: apsw.Connection,
    state: State,
    plan: Callable[[Transaction], T],
    durability: Durability,
) -> T:
    """Runs `plan` and commits, inside the writer's transaction.

    Raises:
        CommitFailed: see its `committed`. Any other error, such as a full disk: nothing changed.
    """
    if state.dimension is not None:
        generation.vectors.fix_dimension(state.dimension)
    transaction = Transaction(connection, generation.vectors, state, durability)
    try:
        result = plan(transaction)
        if transaction.is_empty:
            return result
        transaction.finish()
        check_deadline()  # the last moment before anything changes
    except BaseException:
        transaction.give_back()
        if state.dimension is None:
            generation.vectors.fix_dimension(None)
        raise
    try:
        connection.execute("COMMIT")
    except apsw.Error as error:
        _settle(generation, transaction, error)
    return result


def _settle(generation: Generation, transaction: Transaction, error: apsw.Error) -> None:
    """After a failed COMMIT: returns if the commit succeeded after all, otherwise raises what is known."""
    committed: bool | None
    generation.connections.reopen_writer()
    try:
        connections = generation.connections
        with connections.turn, connections.reader() as connection:
            committed = has_change(connection, transaction.change, transaction.nonce)
    except VicinalError:
        committed = None
    if committed:
        return
    if committed is False and isinstance(error, apsw.FullError):
        raise error  # translated by the caller, like a full disk that was noticed earlier
    known = "nothing changed" if committed is False else "whether it was made is unknown"
    failure = CommitFailed(
        f"the commit failed ({error}); {known}",
        name="commit",
        value=transaction.change,
        place=generation.connections.place,
        remedy="Check the disk, then try again." if committed is False else "Reopen and look before trying again.",
    )
    failure.committed = committed
    raise failure from error


def sync_everything(generation: Generation, timeout: float) -> None:
    """Makes all earlier commits survive power loss, whatever their durability."""

    def sync(connection: apsw.Connection) -> None:
        state = read_state(connection)
        if state.synced < state.change and state.moved_to is None:
            generation.vectors.sync()
            update_state(connection, replace(state, synced=state.change))
            connection.execute("COMMIT")  # with synchronous=FULL it syncs the whole log

    generation.connections.write(sync, timeout, "full")


def keep_log_short(generation: Generation) -> None:
    """The process that commits past the limit empties SQLite's log; if a reader prevents that, it is postponed."""
    connections = generation.connections
    if connections.log_bytes < max(_CHECKPOINT_BYTES, connections.checkpoint_at):
        return
    generation.vectors.sync()  # a checkpointed row must not outlive its vector
    try:
        connections.checkpoint(_CHECKPOINT_WAIT_SECONDS)
    except apsw.Error as error:  # the commit is valid; only the log stays long
        connections.checkpoint_at = connections.log_bytes + _CHECKPOINT_AGAIN_BYTES
        _log.info("checkpoint of %s postponed: %s", connections.place, error)
        return
    connections.checkpoint_at = connections.log_bytes = 0


def forget_changes(generation: Generation, published: Publication) -> None:
    """Trims the feed up to a saved index; processes that are further behind start from that index."""

    def trim(connection: apsw.Connection) -> None:
        state = read_state(connection)
        if state.moved_to is None and published.change > state.trimmed:
            trim_changes(connection, published.change)
            update_state(connection, replace(state, trimmed=published.change, trimmed_nonce=published.nonce))
            connection.execute("COMMIT")

    with contextlib.suppress(WriterBusy):
        generation.connections.write(trim, _TRIM_WAIT_SECONDS, "process")
