"""A language model reads sessions in the background, one after the other in each worker."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, BinaryIO, Final

from ....collection import Collection
from ....database import Database
from ....errors import CollectionDropped, CollectionNotFound
from ....llm import ChatModel
from ....llm.configured import ConfiguredModel
from ....memories import Memories
from ....memories.memories import holds_memories
from ....memories.sessions import read_session, waiting_sessions
from ...logs import log

__all__ = ["Reading"]

LOCK_FILE: Final = "server-memories.lock"
_CONTEXT_TOKENS: Final = 8192
_MODEL_SECONDS: Final = 300.0
_STOP_SECONDS: Final = 2.0
_RETRY_SECONDS: Final = 5.0
_OFFSETS: Final = 2**31


class _Stopping(BaseException):
    """Not an error of the model: the session is read by another worker, or after the next start."""


class Reading:
    """The background reading of one worker. It begins with sessions left by a worker or an earlier server.

    Args:
        path: folder of the database.
    """

    def __init__(self, path: str, database: Database, model: ConfiguredModel) -> None:
        self._database = database
        self._configured = model
        self._model: ChatModel | None = None
        self._claims = _Claims(os.path.join(path, LOCK_FILE))
        self._waiting: SimpleQueue[tuple[str, str] | None] = SimpleQueue()
        self._of_others: set[tuple[str, str]] = set()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="vicinal-memories", daemon=True)
        self._thread.start()

    def memories(self, stored: str, docs: Collection) -> Memories:
        """Returns the memories of a collection, whose sessions are read here.

        Args:
            stored: name of the engine's collection.
        """
        return Memories(docs, llm=self._ask, later=lambda session_id: self._waiting.put((stored, session_id)))

    def stop(self) -> None:
        """Abandons sessions that are not read yet, and one that the model does not finish soon."""
        self._is_stopping = True
        self._waiting.put(None)
        cancel = getattr(self._model, "cancel", None)
        if cancel is not None:
            cancel()
        self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        try:
            for stored in self._guarded(self._database.collections) or ():
                self._guarded(self._read_left, stored)
            while (one := self._next()) is not None:
                self._guarded(self._read, *one)
        except _Stopping:
            pass
        finally:
            if self._model is not None:
                self._model.close()
            self._claims.close()

    def _next(self) -> tuple[str, str] | None:
        """Returns what to read next; None at the end."""
        while True:
            try:
                return self._waiting.get(timeout=_RETRY_SECONDS if self._of_others else None)
            except Empty:
                others, self._of_others = self._of_others, set()
                for one in others:
                    self._waiting.put(one)

    def _guarded(self, work: Any, *arguments: Any) -> Any:
        """Whatever goes wrong with one session or collection, the others are read."""
        if self._is_stopping:
            raise _Stopping
        try:
            return work(*arguments)
        except (CollectionNotFound, CollectionDropped):
            return None
        except Exception:
            log.exception("reading sessions failed", extra={"fields": {"of": arguments}})
            return None

    def _read_left(self, stored: str) -> None:
        with self._database.collection(stored, create=False) as docs:
            if holds_memories(docs):
                for session_id in waiting_sessions(docs):
                    self._guarded(self._read_claimed, stored, docs, session_id)

    def _read(self, stored: str, session_id: str) -> None:
        with self._database.collection(stored, create=False) as docs:
            self._read_claimed(stored, docs, session_id)

    def _read_claimed(self, stored: str, docs: Collection, session_id: str) -> None:
        for token in waiting_sessions(docs, session_id).values():
            with self._claims.held(f"{docs.uuid}/{token}") as is_ours:
                if not is_ours:  # another worker reads it, unless it dies
                    self._of_others.add((stored, session_id))
                    return
                self.memories(stored, docs).read_session(session_id)
                session = read_session(docs, session_id)
            if session is not None and session.status != "processing":  # else replaced, and waiting again
                told = {"collection": stored, "session": session_id, "status": session.status, "error": session.error}
                (log.warning if session.error else log.info)("session read", extra={"fields": told})

    def _ask(self, prompt: str) -> str:
        try:
            if self._model is None:
                self._model = self._configured.open(context_tokens=_CONTEXT_TOKENS, timeout=_MODEL_SECONDS)
            return self._model.generate(prompt)
        finally:
            if self._is_stopping:  # the error may come from ending the model
                raise _Stopping


class _Claims:
    """Records which worker reads a session: a lock on one byte, which the system releases if the worker dies."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: BinaryIO | None = None

    @contextmanager
    def held(self, what: str) -> Iterator[bool]:
        """Whether no other process holds it. Two names may share a byte; the second then has to wait."""
        if self._file is None:
            self._file = open(self._path, "a+b")  # noqa: SIM115  # closing it would give up all locks of the process
        offset = int.from_bytes(hashlib.blake2b(what.encode(), digest_size=8).digest()) % _OFFSETS
        try:
            _lock(self._file, offset)
        except OSError:
            yield False
            return
        try:
            yield True
        finally:
            _unlock(self._file, offset)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _lock(file: BinaryIO, offset: int) -> None:
    """Raises OSError if another process has it."""
    if sys.platform == "win32":
        import msvcrt

        file.seek(offset)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, offset)


def _unlock(file: BinaryIO, offset: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        file.seek(offset)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
    else:
        import fcntl

        fcntl.lockf(file, fcntl.LOCK_UN, 1, offset)
