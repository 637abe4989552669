"""The interface of a peer, and the plain values that are passed to it.

An adapter is one file in `peers/` with a class derived from `VectorPeer` or `KeywordPeer`, registered in
`peers/__init__.py`. It follows the peer's own documentation and keeps the peer's defaults, except for threads. A search
may return any object of the peer, as long as everything requested has been decoded: `numbers` and `hits` convert it to
plain values afterwards, outside the measured time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Rows:
    """Consecutive rows; the id of each is its number, counted from `start`.

    Attributes:
        vectors: float32, shape (rows, dimension), normalized.
        texts, metadata: one per row, or None if only vectors are measured.
    """

    start: int
    vectors: Vectors
    texts: list[str] | None = None
    metadata: list[dict[str, Any]] | None = None

    @property
    def numbers(self) -> range:
        return range(self.start, self.start + len(self.vectors))


@dataclass(frozen=True, slots=True)
class Below:
    """The filter of all suites: rows whose metadata has a whole number below `value` in `field`."""

    field: str
    value: int


class Peer(ABC):
    """One database or library, in its own process.

    Attributes:
        name: its name on the command line and in results.
        module: the module that must be importable.
        install: the command that installs it.
    """

    name: ClassVar[str]
    module: ClassVar[str]
    install: ClassVar[str]

    def __init__(self, folder: Path, threads: int) -> None:
        """`folder` is empty or was left by an earlier process; the peer may use `threads` threads."""
        self.folder = folder
        self.threads = threads

    def close(self) -> None:
        """Writes everything to disk, for peers that use one."""
        return


class VectorPeer(Peer):
    """Inner product of normalized vectors, which every peer supports and which ranks like the cosine.

    Attributes:
        exact: whether its hits must be exact.
        rows: whether it stores texts and metadata, and supports filters on them.
        persistent: whether `open` finds what another process left in the folder.
    """

    exact: ClassVar[bool] = False
    rows: ClassVar[bool] = False
    persistent: ClassVar[bool] = False

    @abstractmethod
    def create(self, dimension: int) -> None:
        """Creates an empty collection."""

    @abstractmethod
    def add(self, rows: Rows) -> None:
        """Adds one batch, with the default durability of the peer."""

    def finish(self) -> None:
        """Does what the peer recommends after the last batch, so that nothing is left that would slow a search down."""
        return

    def open(self) -> None:
        """Opens what another process left in the folder."""
        raise NotImplementedError(f"{self.name} keeps nothing on the disk")

    def settle(self) -> None:
        """Waits until background work is done, such as saving an index that the next process loads."""
        return

    def count_reads(self) -> None:
        """Called before `open` if `records_read` will be needed, at the cost of speed."""
        return

    def records_read(self) -> int | None:
        """Returns the bytes read so far from the file with ids, texts and metadata; None if they are not counted."""
        return None

    def stored_bytes(self) -> int:
        """Returns its size on disk, or what it would be if nothing is stored there."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    @abstractmethod
    def search(self, query: Vectors, k: int, where: Below | None) -> Any:
        """Returns the best `k` rows for a query of shape (dimension,), with texts and metadata if it stores them."""

    @abstractmethod
    def search_many(self, queries: Vectors, k: int) -> Any:
        """The same for queries of shape (queries, dimension), all at once if the peer supports it."""

    @abstractmethod
    def numbers(self, answer: Any) -> list[int]:
        """Returns the row numbers in a result of `search`, best first."""

    @abstractmethod
    def numbers_of_many(self, answer: Any) -> list[list[int]]:
        """The same for `search_many`."""


class KeywordPeer(Peer):
    """BM25 over tokens computed beforehand: every peer gets the same ones, in one field.

    Attributes:
        k1, b: of BM25, the same for all peers in which they can be set.
        analyses: whether `build_from_texts` is implemented.
    """

    analyses: ClassVar[bool] = False
    k1: ClassVar[float] = 1.2
    b: ClassVar[float] = 0.75

    @abstractmethod
    def build(self, documents: Sequence[Sequence[str]]) -> None:
        """Builds an index over the tokens of each document; the number of a document is its position."""

    def build_from_texts(self, texts: Sequence[str]) -> None:
        """The same from texts, with the peer's own tokenizer and an English stemmer.

        The index is built separately and then discarded; searches are measured on that of `build`.
        """
        raise NotImplementedError(f"{self.name} is given tokens only")

    @abstractmethod
    def search(self, tokens: Sequence[str], k: int) -> Any:
        """Returns the best `k` documents that have at least one of the tokens, with their scores."""

    @abstractmethod
    def hits(self, answer: Any) -> list[tuple[int, float]]:
        """Returns document numbers and scores of a result, best first. Scores of peers differ by a constant factor."""
