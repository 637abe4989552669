"""What each kind of database can do, for programs that work with several kinds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

__all__ = ["IN_MEMORY", "ON_DISK", "REMOTE", "Capabilities"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The differences between databases in memory, in a folder, behind a server and on another engine.

    Attributes:
        kind: where the data is kept.
        durable: written rows outlive the process.
        shared: other processes can read and write the same data.
        snapshots: `snapshot`, `restore`, `backup`, `verify`, `repair` and `purge` are supported.
        own_files: its files are on this machine: `backup` takes any folder, and `Stats.path` is one.
        own_encoders: `encoder=` takes objects of this program as well as names.
        whole_writes: each writing call is atomic.
        lacks: the features for which calls raise `Unsupported` before sending anything; listed in docs/distributed.md.
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
