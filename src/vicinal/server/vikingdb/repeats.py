"""Upserts that a client sends again because it heard no answer: they are carried out once.

A request is known by who sent it, the id that its client chose, and its body. What was answered is kept for ten
minutes, among the notes of the collection, so every worker sees it and it outlives them. The keys that a request is
given are made of the same three: two tries that run side by side, or one that follows a crash, write the same rows.
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

_OWNER: Final = "vikingdb requests"
_SECONDS: Final = 600.0
_KEPT_MAX: Final = 1000  # notes; beyond it those that are over leave


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered before."""

    result: Any


class Repeats:
    """One request to one collection.

    Attributes:
        known: what it was answered; None where it is new.
        seed: of the keys that it makes; None where the client has given it no id.
    """

    def __init__(self, docs: Collection, key: Key | None, request_id: str | None, body: bytes) -> None:
        self.known: Answer | None = None
        self.seed: bytes | None = None
        if request_id is None:
            return
        who = "" if key is None else key.id
        parts = (who.encode(), request_id.encode(errors="surrogateescape"), hashlib.sha256(body).digest())
        self._name = hashlib.sha256(b"\0".join(parts)).hexdigest()
        self._notes = docs.notes(_OWNER)
        self._kept = dict(self._notes.items())
        self._begun = json.loads(self._notes.setdefault(self._name, self._entry(time.time())))
        if time.time() - self._begun["at"] > _SECONDS:  # as good as new: other keys than then
            self._begun = json.loads(self._entry(time.time()))
            self._notes[self._name] = json.dumps(self._begun).encode()
        if self._begun["done"]:
            self.known = Answer(self._begun["result"])
        self.seed = self._name.encode() + repr(self._begun["at"]).encode()

    def remember(self, result: Any) -> None:
        """It was carried out."""
        if self.seed is None:
            return
        self._notes[self._name] = json.dumps(self._begun | {"done": True, "result": result}).encode()
        if len(self._kept) > _KEPT_MAX:
            for name, note in self._kept.items():
                if time.time() - json.loads(note)["at"] > _SECONDS:
                    self._notes.pop(name, None)

    def _entry(self, at: float) -> bytes:
        return json.dumps({"at": at, "done": False, "result": None}).encode()
