"""Upserts that a client repeats because it received no response: they are executed once.

A request is identified by its sender, the id that its client chose, and its body. Its response is stored for ten
minutes, among the notes of the collection, so every worker sees it and it outlives them. The keys generated for a
request are derived from the same three values and the time when it first arrived: two concurrent attempts, or one after
a crash, write the same rows.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any, Final

from ...collection import Collection
from ..keys import Key

__all__ = ["Repeats"]

_SECONDS: Final = 600.0
_SHARD_CHARS: Final = 2  # of the hash: notes of one owner are read together, so 256 owners share them


@dataclass(frozen=True, slots=True)
class Answer:
    """The previous response to a request."""

    result: Any


class Repeats:
    """One request to one collection.

    Args:
        makes_keys: whether keys are generated for rows, which must be the same for each attempt.

    Attributes:
        known: the previous response; None if the request is new.
        seed: of the generated keys; None if they may be random.
    """

    def __init__(
        self, docs: Collection, key: Key | None, request_id: str | None, body: bytes, *, makes_keys: bool
    ) -> None:
        self.known: Answer | None = None
        self.seed: bytes | None = None
        self._name = ""
        if request_id is None:
            return
        who = "" if key is None else key.id
        parts = (who.encode(), request_id.encode(errors="surrogateescape"), hashlib.sha256(body).digest())
        self._name = hashlib.sha256(b"\0".join(parts)).hexdigest()
        self._notes = docs.notes(f"vikingdb requests {self._name[:_SHARD_CHARS]}")
        self._drop_old()
        found = self._notes.get(self._name)
        if found is None and makes_keys:
            found = self._notes.setdefault(self._name, _entry(time.time()))
        if found is None:
            return
        begun = json.loads(found)
        self.seed = f"{self._name} {begun['at']!r}".encode()
        if begun["done"]:
            self.known = Answer(begun["result"])

    def remember(self, result: Any) -> None:
        """Records that the request was executed."""
        if self._name:
            self._notes[self._name] = _entry(time.time(), done=True, result=result)

    def _drop_old(self) -> None:
        oldest = time.time() - _SECONDS
        for name, note in self._notes.items():
            if json.loads(note)["at"] < oldest:
                self._notes.pop(name, None)


def _entry(at: float, *, done: bool = False, result: Any = None) -> bytes:
    return json.dumps({"at": at, "done": done, "result": result}).encode()
