"""Upserts that a client sends again because it heard no answer: they are carried out once.

A request is known by who sent it, the id that its client chose, and its body. What was answered is kept for ten
minutes, among the notes of the collection, so every worker sees it and it outlives them. The keys that a request is
given are made of the same three and of when it first came: two tries that run side by side, or one that follows a
crash, write the same rows.
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
_SHARD_CHARS: Final = 2  # of the hash: notes of one owner are read together, so each of 256 has a few


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered before."""

    result: Any


class Repeats:
    """One request to one collection.

    Args:
        makes_keys: whether rows are given keys, which must be the same for each try.

    Attributes:
        known: what it was answered; None where it is new.
        seed: of the keys that it makes; None where they may be any.
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
        """It was carried out."""
        if self._name:
            self._notes[self._name] = _entry(time.time(), done=True, result=result)

    def _drop_old(self) -> None:
        oldest = time.time() - _SECONDS
        for name, note in self._notes.items():
            if json.loads(note)["at"] < oldest:
                self._notes.pop(name, None)


def _entry(at: float, *, done: bool = False, result: Any = None) -> bytes:
    return json.dumps({"at": at, "done": done, "result": result}).encode()
