"""What a kind of database can do, for programs that work on each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

__all__ = ["IN_MEMORY", "ON_DISK", "REMOTE", "Capabilities"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What differs between a database in memory, in a folder, behind a server and on an engine. All else is the same.

    Attributes:
        kind: where it is.
        durable: what was written outlives the process.
        shared: other processes see it, and change it.
        snapshots: `snapshot`, `restore`, `backup`, `verify`, `repair` and `purge` have files to work on.
        own_files: its files are those of this machine: `backup` takes any folder, `Stats.path` is one.
        own_encoders: `encoder=` takes objects of this program, and not only names.
        whole_writes: a call that writes is carried out as a whole or not at all.
        lacks: what calls raise `Unsupported` for, before anything is sent; docs/distributed.md has the names.
    """

    kind: Literal["memory", "path", "http", "qdrant", "milvus"]
    durable: bool
    shared: bool
    snapshots: bool
    own_files: bool
    own_encoders: bool
    whole_writes: bool = True
    lacks: frozenset[str] = field(default_factory=frozenset)


IN_MEMORY: Final = Capabilities(
    "memory", durable=False, shared=False, snapshots=False, own_files=False, own_encoders=True
)
ON_DISK: Final = Capabilities("path", durable=True, shared=True, snapshots=True, own_files=True, own_encoders=True)
REMOTE: Final = Capabilities("http", durable=True, shared=True, snapshots=True, own_files=False, own_encoders=False)
