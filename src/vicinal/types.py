"""What calls return: hits, records, stats. Plain values that can display themselves."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol, overload
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from . import notebook, tables
from .metadata import loads
from .visible import one_line, printed, visible

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

    from .groups import Group

Id = str | int | UUID

_SHOWN_CHARS_MAX = 60
_SHOWN_HITS_MAX = 20
_SHOWN_LINES_MAX = 20


@dataclass(frozen=True, slots=True)
class Record:
    """One stored row.

    Attributes:
        id: as given.
        text: the text, or None.
        metadata: a new dict, with the types that were given.
        vector: float32, shape (dim,), or None if the row has none or `vectors=True` was not requested.
        expires_at: the time of expiry in UTC, or None.
        sparse: the sparse vector, {dimension: weight}, or None as for `vector`.
    """

    id: Id
    text: str | None
    metadata: dict[str, Any]
    vector: NDArray[np.float32] | None = None
    expires_at: datetime | None = None
    sparse: dict[int, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The row as `add(rows=[...])` accepts it: id, text, metadata, and if present, vector, sparse and ttl.

        The vector is a list of floats, the ttl the time of expiry.
        """
        row: dict[str, Any] = {"id": self.id, "text": self.text, "metadata": self.metadata}
        more = {
            "vector": None if self.vector is None else self.vector.tolist(),
            "sparse": self.sparse,
            "ttl": self.expires_at,
        }
        return row | {name: value for name, value in more.items() if value is not None}

    def to_json(self) -> str:
        """`to_dict()` as JSON; dates, decimals and UUIDs are text."""
        return to_json(self.to_dict())

    def _repr_html_(self) -> str:
        vector = None if self.vector is None else f"{len(self.vector)} dimensions"
        values = {"text": self.text, "metadata": notebook.pairs(self.metadata), "vector": vector}
        expires = None if self.expires_at is None else self.expires_at.isoformat()
        return notebook.card(notebook.joined("Record ", notebook.code(self.id)), {**values, "expires": expires})

    def __repr__(self) -> str:
        vector = "" if self.vector is None else f", vector=float32({len(self.vector)})"
        expiry = "" if self.expires_at is None else f", expires_at={self.expires_at.isoformat()}"
        return f"Record(id={self.id!r}, text={_quoted(self.text)}, metadata={printed(self.metadata)}{vector}{expiry})"


@dataclass(frozen=True, slots=True)
class LegScore:
    """How one leg of a fused search ranked a hit.

    Attributes:
        rank: the rank within the leg's best 200 (or best k, if the fusion uses ranks and k is greater), counted from
            1; None beyond.
        score: the leg's own score; None if the row does not match in that leg.
    """

    rank: int | None
    score: float | None

    def to_dict(self) -> dict[str, Any]:
        """Rank and score."""
        return {"rank": self.rank, "score": self.score}


_NO_LEGS: Final[Mapping[str, LegScore]] = MappingProxyType({})


class Hit:
    """One row returned by a search: `id`, `score` (higher is better), `distance`, `text`, `metadata`.

    Attributes:
        legs: in a hybrid search, the rank and score in each leg, by the leg's name; otherwise empty.
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
    def metadata_json(self) -> str:
        """The metadata as stored: typed JSON."""
        return self._metadata_json

    @property
    def metadata(self) -> dict[str, Any]:
        """Decoded on first access: most programs only read ids and texts."""
        if self._metadata is None:
            self._metadata = loads(self._metadata_json)
        return self._metadata

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Hit):
            return NotImplemented
        mine = (self.id, self.score, self.distance, self.text, self.legs, self.metadata)
        return mine == (other.id, other.score, other.distance, other.text, other.legs, other.metadata)

    __hash__ = None  # type: ignore[assignment]  # it holds a dict

    def to_dict(self) -> dict[str, Any]:
        """Id, score, distance, text and metadata; in a hybrid search also rank and score in each leg, as `legs`."""
        hit = {"id": self.id, "score": self.score, "distance": self.distance, "text": self.text}
        legs = {"legs": {name: leg.to_dict() for name, leg in self.legs.items()}} if self.legs else {}
        return {**hit, "metadata": self.metadata, **legs}

    def to_json(self) -> str:
        """`to_dict()` as JSON; dates, decimals and UUIDs are text."""
        return to_json(self.to_dict())

    def __getstate__(self) -> tuple[Any, ...]:
        """For pickle and copy: `legs` may be a view, which neither supports."""
        said = (self.id, self.score, self.distance, self.text, dict(self.legs))
        return (*said, self._metadata_json, self._metadata)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.id, self.score, self.distance, self.text, legs, self._metadata_json, self._metadata = state
        self.legs = legs or _NO_LEGS

    def _repr_html_(self) -> str:
        values = {"score": f"{self.score:.4f}", "text": self.text, "metadata": notebook.pairs(self.metadata)}
        return notebook.card(notebook.joined("Hit ", notebook.code(self.id)), values)

    def __repr__(self) -> str:
        return f"Hit(id={self.id!r}, score={self.score:.4f}, text={_quoted(self.text)})"


class HitsLater(Protocol):
    """Hits that are created on access: many programs only read ids and scores."""

    def hits(self) -> list[Hit]: ...
    def ids(self) -> list[Id]: ...
    def scores(self) -> list[float]: ...
    def __len__(self) -> int: ...


class Hits(Sequence[Hit]):
    """Hits of one query, best first, ties by insertion order.

    Attributes:
        metric: what `score` and `distance` mean ("cosine", "ip", "l2", "l1").
        change: the number of the commit that the search saw.
    """

    __slots__ = ("_later", "_made", "change", "metric")

    def __init__(self, hits: Sequence[Hit], metric: str, change: int) -> None:
        self._made: list[Hit] | None = list(hits)
        self._later: HitsLater | None = None
        self.metric = metric
        self.change = change

    @property
    def _hits(self) -> list[Hit]:
        if self._made is None:
            assert self._later is not None  # one of the two is always set
            self._made = self._later.hits()
        return self._made

    @property
    def ids(self) -> list[Id]:
        if self._made is None and self._later is not None:
            return self._later.ids()
        return [hit.id for hit in self._hits]

    @property
    def scores(self) -> list[float]:
        if self._made is None and self._later is not None:
            return self._later.scores()
        return [hit.score for hit in self._hits]

    @property
    def groups(self) -> tuple[Group, ...]:
        """The hits grouped by value, if the search had `group_by=`; otherwise empty."""
        return ()

    @property
    def texts(self) -> list[str | None]:
        return [hit.text for hit in self._hits]

    @property
    def metadata(self) -> list[dict[str, Any]]:
        return [hit.metadata for hit in self._hits]

    @overload
    def __getitem__(self, index: int) -> Hit: ...
    @overload
    def __getitem__(self, index: slice) -> Hits: ...
    def __getitem__(self, index: int | slice) -> Hit | Hits:
        if isinstance(index, slice):
            return Hits(self._hits[index], self.metric, self.change)
        return self._hits[index]

    def __len__(self) -> int:
        return len(self._hits if self._later is None else self._later)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self._hits)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Hits):
            return NotImplemented
        return self.metric == other.metric and self._hits == other._hits

    __hash__ = None  # type: ignore[assignment]  # it holds hits

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._hits, self.metric, self.change)

    def to_list(self) -> list[dict[str, Any]]:
        """One dict per hit, as returned by `Hit.to_dict`."""
        return [hit.to_dict() for hit in self]

    def to_dict(self) -> dict[str, list[Any]]:
        """One list per column: id, score, distance, text, metadata."""
        return {
            "id": list(self.ids),
            "score": self.scores,
            "distance": [hit.distance for hit in self],
            "text": self.texts,
            "metadata": self.metadata,
        }

    def to_json(self) -> str:
        """`to_list()` as JSON; dates, decimals and UUIDs are text."""
        return to_json(self.to_list())

    def to_pandas(self) -> pandas.DataFrame:
        """A data frame with the columns id, score, distance, text, and one for each top-level key of the metadata.

        A key with the same name as one of these columns becomes "metadata.KEY".

        Raises:
            MissingExtra: pandas is not installed.
        """
        return tables.to_pandas(self._table())

    def to_arrow(self) -> pyarrow.Table:
        """The same as a pyarrow table. A key whose values have no common type becomes a column of text.

        Raises:
            MissingExtra: pyarrow is not installed.
        """
        return tables.to_arrow(self._table())

    def to_polars(self) -> polars.DataFrame:
        """The same as a polars data frame.

        Raises:
            MissingExtra: polars is not installed.
        """
        return tables.to_polars(self._table())

    def _table(self) -> tables.Table:
        columns = self.to_dict()
        metadata = columns.pop("metadata")
        return tables.with_metadata(columns, metadata)

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
        shown = self._hits[: notebook.ROWS_MAX]
        in_range = all(0 <= hit.score <= 1 for hit in shown)
        rows = [
            (
                notebook.faint(i),
                notebook.joined(f"{hit.score:.4f}", notebook.bar(hit.score) if in_range else ""),
                notebook.code(hit.id),
                hit.text,
                notebook.pairs(hit.metadata),
            )
            for i, hit in enumerate(shown, 1)
        ]
        rest = len(self) - len(shown)
        header = ["", f"score ({self.metric})", "id", "text", "metadata"]
        return notebook.table(f"{len(self):,} hits", header, rows, f"and {rest:,} more" if rest else "")


def hits_later(later: HitsLater, metric: str, change: int) -> Hits:
    """Hits that are not created until they are accessed."""
    hits = Hits.__new__(Hits)
    hits._made = None
    hits._later = later
    hits.metric = metric
    hits.change = change
    return hits


@dataclass(frozen=True, slots=True)
class Stats:
    """The state of a collection.

    Attributes:
        rows: rows that a search can return now.
        expired: rows past their time to live: invisible, but not yet reclaimed.
        dead_slots: slots of deleted and replaced rows, and holes, reclaimed by compaction.
        indexed: rows that the vector index covers; the `pending` rows are scanned exactly in addition.
        bytes_on_disk: size of all files of the collection; 0 in memory.
        change: number of the last commit; `synced`: the last one known to survive power loss.
        published: the commit of the newest saved index that this process knows of, or None.
        tail: slots written since then, which a process that opens the collection now reads from the records.
        builder: the process that is publishing or compacting now, or None if there is none or it is unknown.
        recovery: what this process found and repaired when it opened the files after a crash.
        postponed: upkeep that failed in this process and will be retried, and why.
        settings: the arguments of `Database.collection` that create such a collection, apart from metric, dimension
            and encoder: analyzer, auto_ids, index, language and zero_vectors. Empty if an older server replied.
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
    postponed: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)

    def _repr_html_(self) -> str:
        values = {"rows": f"{self.rows:,}", "expired": f"{self.expired:,}" if self.expired else None}
        values |= {"dimension": str(self.dimension or "not known yet"), "metric": self.metric}
        values |= {"encoder": self.encoder or "none", "on disk": f"{self.bytes_on_disk / 1e6:,.1f} MB"}
        values |= {"in the index": f"{self.indexed:,}", "waiting for compaction": f"{self.dead_slots:,}"}
        values |= {"folder": self.path}
        return notebook.card(
            notebook.joined("Collection ", notebook.code(self.name)), values, {"recovery": self.recovery}
        )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy of a collection, kept beside it, that `restore` can return to."""

    name: str
    created_at: datetime
    rows: int


@dataclass(frozen=True, slots=True)
class PurgeReceipt:
    """What `purge` did.

    Attributes:
        rows: rows that remain.
        damaged_removed: generations set aside by `repair` that were removed.
        complete: whether the old files are gone, as checked afterwards; False if another process has them open, or
            they cannot be deleted.
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

    def _repr_html_(self) -> str:
        values = {
            "at": self.at.isoformat(),
            "rows left": f"{self.rows:,}",
            "complete": "yes" if self.complete else "NO",
        }
        values |= {"bytes before": f"{self.bytes_before:,}", "bytes after": f"{self.bytes_after:,}", "note": self.note}
        lists = {"snapshots dropped": self.snapshots_dropped, "damaged generations removed": self.damaged_removed}
        return notebook.card(notebook.joined("Purged ", notebook.code(self.collection)), values, lists)


@dataclass(frozen=True, slots=True)
class Problem:
    """A place in a collection's files that differs from what was written.

    Attributes:
        file: relative to the collection's folder.
        place: row, table or byte, as precisely as is known.
        what: what is wrong.
    """

    file: str
    place: str
    what: str

    def __str__(self) -> str:
        return visible(f"{self.file}, {self.place}: {self.what}" if self.place else f"{self.file}: {self.what}")


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What `verify` found.

    Attributes:
        problems: damage that can change hits, lose a row or make a call fail; `repair` is the remedy.
        notes: harmless irregularities: damaged indexes, which are rebuilt, and leftovers of crashes.
        rows: rows whose checksum is correct, including expired ones.
        files: files that were checked.
    """

    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]
    rows: int
    files: int

    @property
    def ok(self) -> bool:
        return not self.problems

    def _repr_html_(self) -> str:
        verdict = "ok" if self.ok else f"{len(self.problems):,} problems"
        values = {"good rows": f"{self.rows:,}", "files": f"{self.files:,}"}
        lists = {"problems": [str(one) for one in self.problems], "notes": [str(one) for one in self.notes]}
        return notebook.card(f"Verified: {verdict}", values, lists)

    def __repr__(self) -> str:
        verdict = "ok" if self.ok else f"{len(self.problems):,} problems"
        head = f"VerifyReport({verdict}, rows={self.rows:,}, files={self.files:,})"
        lines = [f"  {problem}" for problem in self.problems] + [f"  note: {note}" for note in self.notes]
        return "\n".join([head, *_first(lines)])


@dataclass(frozen=True, slots=True)
class LostRow:
    """A row that `repair` could not keep; `id` is None if not even the id is readable."""

    id: Id | None
    slot: int
    why: str


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What `repair` did.

    Attributes:
        kept: rows in the repaired collection, each with the checksum with which it was written.
        lost: rows that could not be kept.
        notes: other things the user should know, one sentence each.
        kept_at: the folder with the damaged files, unchanged; delete it when you no longer need it.
    """

    kept: int
    lost: tuple[LostRow, ...]
    notes: tuple[str, ...]
    kept_at: str

    def _repr_html_(self) -> str:
        values = {"kept rows": f"{self.kept:,}", "lost rows": f"{len(self.lost):,}", "damaged files": self.kept_at}
        lost = [f"id {row.id!r}, slot {row.slot}: {row.why}" for row in self.lost]
        return notebook.card("Repaired", values, {"lost": lost, "notes": self.notes})

    def __repr__(self) -> str:
        head = f"RepairReport(kept={self.kept:,}, lost={len(self.lost):,}, kept_at={self.kept_at!r})"
        lines = [f"  lost: id {row.id!r}, slot {row.slot}: {row.why}" for row in self.lost]
        return "\n".join([head, *_first(lines), *(visible(f"  note: {note}") for note in self.notes)])


def _first(lines: list[str]) -> list[str]:
    rest = len(lines) - _SHOWN_LINES_MAX
    lines = list(map(visible, lines))
    return [*lines[:_SHOWN_LINES_MAX], f"  ... and {rest:,} more"] if rest > 0 else lines


def _quoted(text: str | None) -> str:
    """The beginning of a text as a Python string literal."""
    if text is None:
        return "None"
    line = " ".join(text[: 4 * _SHOWN_CHARS_MAX].split())
    return repr(line if len(line) <= _SHOWN_CHARS_MAX else f"{line[: _SHOWN_CHARS_MAX - 3]}...")


def _short(text: str | None) -> str:
    if text is None:
        return ""
    return one_line(text, _SHOWN_CHARS_MAX)


def to_json(value: Any) -> str:
    """JSON for other programs: values that JSON has no type for are written as text, such as dates in ISO 8601.

    So are infinities, which a score may be, and ints with more digits than Python prints, in hexadecimal.
    """
    try:
        return _strict_json(value)
    except ValueError:
        return _strict_json(_writable(value))


def _strict_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_as_text)


def _writable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _writable(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_writable(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    try:
        return value if type(value) is not int or str(value) else None
    except ValueError:
        return hex(int(value))


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)  # a datetime is a date
