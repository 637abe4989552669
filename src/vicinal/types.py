"""What calls return: hits, records, stats. Plain values that know how to show themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, overload
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from .errors import MissingExtra
from .metadata import loads

if TYPE_CHECKING:
    import pandas

Id = str | int | UUID

_SHOWN_CHARS_MAX = 60
_SHOWN_HITS_MAX = 20
_SHOWN_LINES_MAX = 20


@dataclass(frozen=True, slots=True)
class Record:
    """One stored row.

    Attributes:
        id: as it was given.
        text: the text, or None.
        metadata: a fresh dict, typed as it was given.
        vector: float32, shape (dim,), or None where the row has none or `vectors=True` was not asked.
        expires_at: instant of expiry in UTC, or None.
        sparse: the sparse vector, {dimension: weight}, or None as with `vector`.
    """

    id: Id
    text: str | None
    metadata: dict[str, Any]
    vector: NDArray[np.float32] | None = None
    expires_at: datetime | None = None
    sparse: dict[int, float] | None = None

    def __repr__(self) -> str:
        vector = "" if self.vector is None else f", vector=float32({len(self.vector)})"
        expiry = "" if self.expires_at is None else f", expires_at={self.expires_at.isoformat()}"
        text = None if self.text is None else _short(self.text)
        return f"Record(id={self.id!r}, text={text!r}, metadata={self.metadata!r}{vector}{expiry})"


@dataclass(frozen=True, slots=True)
class LegScore:
    """What one leg of a fused search said of a hit.

    Attributes:
        rank: its place within the leg's best 64, or best 1,000 where the fusion goes by rank, counted from 1; None
            beyond.
        score: the leg's own score; None where the row does not match in that leg.
    """

    rank: int | None
    score: float | None


_NO_LEGS: Final[Mapping[str, LegScore]] = MappingProxyType({})


class Hit:
    """One answer of a search: `id`, `score` (higher is better), `distance`, `text`, `metadata`.

    Attributes:
        legs: in a hybrid search what each leg said of it, by the leg's name; else empty.
    """

    __slots__ = ("_metadata", "_metadata_json", "distance", "id", "legs", "score", "text")

    def __init__(
        self,
        id: Id,
        score: float,
        distance: float,
        text: str | None,
        metadata_json: str,
        legs: Mapping[str, LegScore] = _NO_LEGS,
    ) -> None:
        self.id = id
        self.score = score
        self.distance = distance
        self.text = text
        self.legs = legs
        self._metadata_json = metadata_json
        self._metadata: dict[str, Any] | None = None

    @property
    def metadata(self) -> dict[str, Any]:
        """Decoded when first read: most programs look at ids and texts only."""
        if self._metadata is None:
            self._metadata = loads(self._metadata_json)
        return self._metadata

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Hit):
            return NotImplemented
        mine = (self.id, self.score, self.distance, self.text, self.legs, self.metadata)
        return mine == (other.id, other.score, other.distance, other.text, other.legs, other.metadata)

    __hash__ = None  # type: ignore[assignment]  # it holds a dict

    def __repr__(self) -> str:
        return f"Hit(id={self.id!r}, score={self.score:.4f}, text={_short(self.text)!r})"


class Hits(Sequence[Hit]):
    """Hits of one query, best first, ties by insertion order.

    Attributes:
        metric: what `score` and `distance` mean ("cosine", "ip", "l2", "l1").
        change: the commit that the answer stands on.
    """

    __slots__ = ("_hits", "change", "metric")

    def __init__(self, hits: Sequence[Hit], metric: str, change: int) -> None:
        self._hits = list(hits)
        self.metric = metric
        self.change = change

    @property
    def ids(self) -> list[Id]:
        return [hit.id for hit in self._hits]

    @property
    def scores(self) -> list[float]:
        return [hit.score for hit in self._hits]

    @overload
    def __getitem__(self, index: int) -> Hit: ...
    @overload
    def __getitem__(self, index: slice) -> Hits: ...
    def __getitem__(self, index: int | slice) -> Hit | Hits:
        if isinstance(index, slice):
            return Hits(self._hits[index], self.metric, self.change)
        return self._hits[index]

    def __len__(self) -> int:
        return len(self._hits)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self._hits)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Hits):
            return NotImplemented
        return self.metric == other.metric and self._hits == other._hits

    __hash__ = None  # type: ignore[assignment]  # it holds hits

    def to_pandas(self) -> pandas.DataFrame:
        """A data frame with the columns id, score, distance, text, metadata.

        Raises:
            MissingExtra: pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise MissingExtra("pandas", "pandas", "to_pandas()") from None
        columns: dict[str, Callable[[Hit], Any]] = {
            "id": lambda hit: hit.id,
            "score": lambda hit: hit.score,
            "distance": lambda hit: hit.distance,
            "text": lambda hit: hit.text,
            "metadata": lambda hit: hit.metadata,
        }
        return pandas.DataFrame({name: [read(hit) for hit in self] for name, read in columns.items()})

    def __repr__(self) -> str:
        if not self._hits:
            return f"Hits(none, metric={self.metric})"
        shown = self._hits[:_SHOWN_HITS_MAX]
        width = max(len(repr(hit.id)) for hit in shown)
        rows = [
            f"  {i:>3}  {hit.score:>8.4f}  {hit.id!r:<{width}}  {_short(hit.text)}" for i, hit in enumerate(shown, 1)
        ]
        rest = len(self) - len(shown)
        more = [f"  ... and {rest} more"] if rest else []
        return "\n".join([f"Hits({len(self)}, metric={self.metric})", *rows, *more])

    def _repr_html_(self) -> str:
        """A table for notebooks."""
        body = "".join(
            f"<tr><td>{i}</td><td>{hit.score:.4f}</td><td>{escape(repr(hit.id))}</td>"
            f"<td>{escape(_short(hit.text))}</td></tr>"
            for i, hit in enumerate(self._hits[:_SHOWN_HITS_MAX], 1)
        )
        return f"<table><tr><th></th><th>score ({self.metric})</th><th>id</th><th>text</th></tr>{body}</table>"


@dataclass(frozen=True, slots=True)
class Stats:
    """State of one collection.

    Attributes:
        rows: rows that a search can return now.
        expired: rows past their time to live, invisible, not yet reclaimed.
        dead_slots: slots of deleted and replaced rows, and holes, reclaimed by compaction.
        indexed: rows that the vector index covers; `pending` are scanned exactly beside it.
        bytes_on_disk: all files of the collection; 0 in memory.
        change: number of the last commit; `synced`: the last one known to survive power loss.
        published: the commit of the newest saved index that this process knows of, or None.
        tail: slots written since then, which a process that opens now reads from the records.
        builder: who publishes and compacts at this moment, or None where nobody does or it cannot be told.
        recovery: what this process found and mended when it opened the files after a crash.
    """

    name: str
    path: str
    rows: int
    expired: int
    dead_slots: int
    indexed: int
    pending: int
    dimension: int | None
    metric: str
    encoder: str | None
    bytes_on_disk: int
    change: int
    synced: int
    published: int | None
    tail: int
    builder: str | None
    recovery: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy of a collection kept beside it: what `restore` goes back to."""

    name: str
    created_at: datetime
    rows: int


@dataclass(frozen=True, slots=True)
class PurgeReceipt:
    """What `purge` did.

    Attributes:
        rows: rows that remain.
        damaged_removed: generations that `repair` had set aside.
        complete: whether the old files are gone; False where another process still has them open.
        note: what the receipt does not cover.
    """

    collection: str
    at: datetime
    rows: int
    bytes_before: int
    bytes_after: int
    complete: bool
    snapshots_dropped: tuple[str, ...]
    damaged_removed: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a collection's files that is not as it was written.

    Attributes:
        file: relative to the collection's folder.
        place: row, table or byte, as closely as it is known.
        what: what is wrong there.
    """

    file: str
    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}, {self.place}: {self.what}" if self.place else f"{self.file}: {self.what}"


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What `verify` found.

    Attributes:
        problems: damage that may change an answer, lose a row or refuse a call; `repair` is the remedy.
        notes: what is odd and harmless: damaged indexes, which are rebuilt, and what crashes have left over.
        rows: rows whose checksum holds, the expired ones included.
        files: files that were looked at.
    """

    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]
    rows: int
    files: int

    @property
    def ok(self) -> bool:
        return not self.problems

    def __repr__(self) -> str:
        verdict = "ok" if self.ok else f"{len(self.problems):,} problems"
        head = f"VerifyReport({verdict}, rows={self.rows:,}, files={self.files:,})"
        lines = [f"  {problem}" for problem in self.problems] + [f"  note: {note}" for note in self.notes]
        return "\n".join([head, *_first(lines)])


@dataclass(frozen=True, slots=True)
class LostRow:
    """A row that `repair` could not keep; `id` is None where even that is gone."""

    id: Id | None
    slot: int
    why: str


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What `repair` did.

    Attributes:
        kept: rows that are in the repaired collection, each as its checksum says it was written.
        lost: rows that could not be kept.
        notes: what else the user should know, one sentence each.
        kept_at: the folder that holds the damaged files as they were; delete it when you no longer need it.
    """

    kept: int
    lost: tuple[LostRow, ...]
    notes: tuple[str, ...]
    kept_at: str

    def __repr__(self) -> str:
        head = f"RepairReport(kept={self.kept:,}, lost={len(self.lost):,}, kept_at={self.kept_at!r})"
        lines = [f"  lost: id {row.id!r}, slot {row.slot}: {row.why}" for row in self.lost]
        return "\n".join([head, *_first(lines), *(f"  note: {note}" for note in self.notes)])


def _first(lines: list[str]) -> list[str]:
    rest = len(lines) - _SHOWN_LINES_MAX
    return [*lines[:_SHOWN_LINES_MAX], f"  ... and {rest:,} more"] if rest > 0 else lines


def _short(text: str | None) -> str:
    if text is None:
        return ""
    line = " ".join(text[: 4 * _SHOWN_CHARS_MAX].split())
    return line if len(line) <= _SHOWN_CHARS_MAX else line[: _SHOWN_CHARS_MAX - 3] + "..."
