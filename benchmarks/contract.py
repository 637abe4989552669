"""What a peer must be able to do, and the plain values that it is given.

An adapter is one file in `peers/` with a class derived from `VectorPeer` or `KeywordPeer`, entered in
`peers/__init__.py`. It does what the peer's own documentation recommends and keeps the peer's defaults, except for
threads. What it returns from a search may be whatever the peer makes, as long as everything that was asked for has been
decoded: `numbers` and `hits` turn that into plain values afterwards, when no clock runs.
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
        vectors: float32, shape (rows, dimension), of length 1.
        texts, metadata: one a row, or None where vectors alone are measured.
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
    """One database or library, in a process of its own.

    Attributes:
        name: the word for it on the command line and in results.
        module: what must be importable.
        install: what to type where it is not.
    """

    name: ClassVar[str]
    module: ClassVar[str]
    install: ClassVar[str]

    def __init__(self, folder: Path, threads: int) -> None:
        """`folder` is empty or left by an earlier process; `threads` is what the peer may use."""
        self.folder = folder
        self.threads = threads

    def close(self) -> None:
        """Everything is on the disk, for peers that have one."""
        return


class VectorPeer(Peer):
    """Inner product of vectors of length 1, which every peer has and which ranks like the cosine.

    Attributes:
        exact: whether its answers must be the true ones.
        rows: whether it keeps texts and metadata, and filters by them.
        persistent: whether `open` finds what another process left in the folder.
    """

    exact: ClassVar[bool] = False
    rows: ClassVar[bool] = False
    persistent: ClassVar[bool] = False

    @abstractmethod
    def create(self, dimension: int) -> None:
        """An empty collection."""

    @abstractmethod
    def add(self, rows: Rows) -> None:
        """One batch, stored as safely as the peer stores by default."""

    def finish(self) -> None:
        """What the peer recommends after the last batch: nothing is left that would slow a search down."""
        return

    def open(self) -> None:
        """What another process left in the folder."""
        raise NotImplementedError(f"{self.name} keeps nothing on the disk")

    def settle(self) -> None:
        """Waits until work in the background is done, such as saving an index that a next process loads."""
        return

    def count_reads(self) -> None:
        """Called before `open`: `records_read` is wanted, at the cost of speed."""
        return

    def records_read(self) -> int | None:
        """Bytes read so far of the file that holds ids, texts and metadata; None where nobody counts."""
        return None

    def stored_bytes(self) -> int:
        """What it takes on the disk, or would where it keeps nothing there."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    @abstractmethod
    def search(self, query: Vectors, k: int, where: Below | None) -> Any:
        """The best `k` rows for one query of shape (dimension,), with texts and metadata where it has them."""

    @abstractmethod
    def search_many(self, queries: Vectors, k: int) -> Any:
        """The same for queries of shape (queries, dimension), all at once where the peer can."""

    @abstractmethod
    def numbers(self, answer: Any) -> list[int]:
        """The row numbers in an answer of `search`, best first."""

    @abstractmethod
    def numbers_of_many(self, answer: Any) -> list[list[int]]:
        """The same for `search_many`."""


class KeywordPeer(Peer):
    """BM25 over tokens that were made beforehand: every peer gets the same ones, in one field.

    Attributes:
        k1, b: of BM25, the same for all that let them be chosen.
        analyses: whether `build_from_texts` is there.
    """

    analyses: ClassVar[bool] = False
    k1: ClassVar[float] = 1.2
    b: ClassVar[float] = 0.75

    @abstractmethod
    def build(self, documents: Sequence[Sequence[str]]) -> None:
        """An index over the tokens of each document; a document's number is its place."""

    def build_from_texts(self, texts: Sequence[str]) -> None:
        """The same from texts, with the peer's own splitting into words and an English stemmer.

        It is built anew and then thrown away; searches are measured on what `build` made.
        """
        raise NotImplementedError(f"{self.name} is given tokens only")

    @abstractmethod
    def search(self, tokens: Sequence[str], k: int) -> Any:
        """The best `k` documents that hold at least one of the tokens, with their scores."""

    @abstractmethod
    def hits(self, answer: Any) -> list[tuple[int, float]]:
        """Document numbers and scores in an answer, best first. Scores of peers differ by a constant factor."""
