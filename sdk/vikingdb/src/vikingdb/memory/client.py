"""The client of the memory service. Nothing here pretends to work before the server has its routes."""

from __future__ import annotations

MISSING = {"VikingMem", "Collection"}


def __getattr__(name: str) -> object:
    if name in MISSING:
        raise ImportError(f"vikingdb.memory.{name} is not part of this version; vikingdb.vector is")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
