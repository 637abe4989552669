"""Results of calls as JSON. Each model is created from a Python value by `of`, and converted back by `value`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Self

import numpy as np

from .. import duplicates, logged_query, types
from .. import explanation as explaining
from ..groups import GroupedHits
from .needed import msgspec
from .values import (
    TypedMetadata,
    TypedValue,
    WireId,
    WireVector,
    id_from,
    ids_from,
    metadata_from,
    packed,
    raw,
    to_id,
    to_ids,
    typed,
    typed_from,
    vector_from,
)

__all__ = [
    "Answers",
    "Backup",
    "Changed",
    "Count",
    "Done",
    "Duplicates",
    "Explanation",
    "Facets",
    "Hits",
    "Ids",
    "Indexed",
    "LoggedQueries",
    "Names",
    "NoteValue",
    "Notes",
    "Opened",
    "Page",
    "PurgeReceipt",
    "Range",
    "Records",
    "RepairReport",
    "Snapshot",
    "Snapshots",
    "Stats",
    "Values",
    "VerifyReport",
    "VerifyReports",
    "WhyNot",
]


class One(msgspec.Struct, frozen=True):
    """A model with one field, which contains the value itself."""

    @classmethod
    def of(cls, value: Any) -> Self:
        return cls(value)  # pyright: ignore[reportCallIssue]  # each model of it has one field

    def value(self) -> Any:
        return getattr(self, self.__struct_fields__[0])


class Done(msgspec.Struct, frozen=True):
    """The result of a call that returns nothing."""

    done: bool = True

    @classmethod
    def of(cls, _: None = None) -> Self:
        return cls()

    def value(self) -> None:
        return None


class Count(One, frozen=True):
    """A number of rows."""

    count: int


class Ids(msgspec.Struct, frozen=True):
    """Ids of rows."""

    ids: list[WireId]

    @classmethod
    def of(cls, ids: Iterable[types.Id]) -> Self:
        return cls(to_ids(ids))

    def value(self) -> list[types.Id]:
        return ids_from(self.ids)


# -- rows


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """One stored row; has `vector` and `sparse` only if they were requested."""

    id: WireId
    text: str | None
    metadata: TypedMetadata
    vector: WireVector | None = None
    expires_at: datetime | None = None
    sparse: dict[int, float] | None = None

    @classmethod
    def of(cls, record: types.Record, *, as_numbers: bool = False) -> Self:
        """Creates the model.

        Args:
            as_numbers: vectors as lists of numbers, which any program can read, instead of base64.
        """
        return cls(
            to_id(record.id),
            record.text,
            typed(record.metadata),
            None if record.vector is None else record.vector.tolist() if as_numbers else packed(record.vector),
            record.expires_at,
            record.sparse,
        )

    def value(self) -> types.Record:
        vector = None if self.vector is None else np.asarray(vector_from(self.vector), dtype=np.float32)
        return types.Record(
            id=id_from(self.id),
            text=self.text,
            metadata=metadata_from(self.metadata) or {},
            vector=vector,
            expires_at=None if self.expires_at is None else self.expires_at.astimezone(UTC),
            sparse=self.sparse,
        )


class Records(msgspec.Struct, frozen=True):
    """Stored rows."""

    records: list[Record]

    @classmethod
    def of(cls, records: Iterable[types.Record], *, as_numbers: bool = False) -> Self:
        return cls([Record.of(record, as_numbers=as_numbers) for record in records])

    def value(self) -> list[types.Record]:
        return [record.value() for record in self.records]


class Page(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of a stream of rows: some of them, or its end, or the error that ends it.

    A stream without a line with `end` was cut off.
    """

    records: tuple[Record, ...] = ()
    end: bool = False
    error: msgspec.Raw | None = None

    @classmethod
    def of(cls, records: Iterable[types.Record], *, as_numbers: bool = False) -> Self:
        return cls(tuple(Record.of(record, as_numbers=as_numbers) for record in records))

    def value(self) -> list[types.Record]:
        return [record.value() for record in self.records]


# -- hits


class Leg(msgspec.Struct, frozen=True):
    """The result of one leg of a hybrid search for a hit."""

    rank: int | None
    score: float | str | None


class Hit(msgspec.Struct, frozen=True, omit_defaults=True):
    """One hit of a search. A score beyond float64 is "Infinity" or "-Infinity"."""

    id: WireId
    score: float | str
    distance: float | str
    text: str | None
    metadata: TypedMetadata
    legs: dict[str, Leg] | None = None

    def value(self) -> types.Hit:
        hit = types.Hit(
            id_from(self.id), float(self.score), float(self.distance), self.text, bytes(self.metadata).decode()
        )
        if self.legs:
            hit.legs = {
                name: types.LegScore(leg.rank, None if leg.score is None else float(leg.score))
                for name, leg in self.legs.items()
            }
        return hit


class Hits(msgspec.Struct, frozen=True, omit_defaults=True):
    """Hits of one query, best first.

    Attributes:
        metric: determines the meaning of scores and distances.
        change: the commit that was searched.
        field: the field by which hits are grouped, if any.
        groups: each value and its number of hits, in their order.
    """

    hits: list[Hit]
    metric: str
    change: int
    field: str | None = None
    groups: list[tuple[TypedValue, int]] | None = None

    @classmethod
    def of(cls, hits: types.Hits) -> Self:
        found = [_hit(hit) for hit in hits]
        if not isinstance(hits, GroupedHits):
            return cls(found, hits.metric, hits.change)
        groups = [(typed(group.value), len(group.hits)) for group in hits.groups]
        return cls(found, hits.metric, hits.change, hits.field, groups)

    def value(self) -> types.Hits:
        found = [hit.value() for hit in self.hits]
        if self.field is None or self.groups is None:
            return types.Hits(found, self.metric, self.change)
        groups = [(typed_from(value), count) for value, count in self.groups]
        return GroupedHits(found, self.metric, self.change, self.field, groups)


class Answers(msgspec.Struct, frozen=True):
    """Hits of several queries."""

    answers: list[Hits]

    @classmethod
    def of(cls, answers: Iterable[types.Hits]) -> Self:
        return cls([Hits.of(hits) for hits in answers])

    def value(self) -> list[types.Hits]:
        return [hits.value() for hits in self.answers]


class Pair(msgspec.Struct, frozen=True):
    """Two near-duplicate rows."""

    first: WireId
    second: WireId
    score: float | str
    distance: float | str


class Duplicates(msgspec.Struct, frozen=True):
    """Pairs of near-duplicate rows, and the groups that they form."""

    pairs: list[Pair]
    groups: list[list[WireId]]
    metric: str
    rows: int

    @classmethod
    def of(cls, found: duplicates.Duplicates) -> Self:
        pairs = [
            Pair(to_id(pair.first), to_id(pair.second), _number(pair.score), _number(pair.distance)) for pair in found
        ]
        return cls(pairs, [to_ids(group) for group in found.groups], found.metric, found.rows)

    def value(self) -> duplicates.Duplicates:
        pairs = [
            duplicates.Pair(id_from(pair.first), id_from(pair.second), float(pair.score), float(pair.distance))
            for pair in self.pairs
        ]
        return duplicates.Duplicates(pairs, [ids_from(group) for group in self.groups], self.metric, self.rows)


class LoggedQueries(One, frozen=True):
    """Searches that were logged."""

    queries: list[logged_query.LoggedQuery]


class Explanation(msgspec.Struct, frozen=True):
    """How a search arrived at its hits: the output of `vicinal.Explanation.to_dict`, typed."""

    explanation: TypedValue

    @classmethod
    def of(cls, told: explaining.Explanation) -> Self:
        return cls(typed(_finite(told.to_dict())))

    def value(self) -> explaining.Explanation:
        return explaining.Explanation.from_dict(_with_scores(typed_from(self.explanation)))


class WhyNot(msgspec.Struct, frozen=True):
    """Why a row is not among the hits of a search: the output of `vicinal.WhyNot.to_dict`, typed."""

    why_not: TypedValue

    @classmethod
    def of(cls, told: explaining.WhyNot) -> Self:
        return cls(typed(_finite(told.to_dict())))

    def value(self) -> explaining.WhyNot:
        return explaining.WhyNot.from_dict(_with_scores(typed_from(self.why_not)))


_SCORES = frozenset(("score", "last_score"))


def _finite(told: Any) -> Any:
    """Encodes scores that JSON cannot represent as texts."""
    if isinstance(told, dict):
        return {
            name: _number(one) if name in _SCORES else one if name == "value" else _finite(one)
            for name, one in told.items()
        }
    return [_finite(one) for one in told] if isinstance(told, list) else told


def _with_scores(told: Any) -> Any:
    """The inverse of `_finite`."""
    if isinstance(told, dict):
        return {
            name: float(one) if name in _SCORES and one is not None else one if name == "value" else _with_scores(one)
            for name, one in told.items()
        }
    return [_with_scores(one) for one in told] if isinstance(told, list) else told


def _hit(hit: types.Hit) -> Hit:
    legs = {name: Leg(leg.rank, _number(leg.score)) for name, leg in hit.legs.items()} if hit.legs else None
    return Hit(to_id(hit.id), _number(hit.score), _number(hit.distance), hit.text, raw(hit.metadata_json), legs)


def _number(number: Any) -> Any:
    """JSON has no infinity; a score may be one."""
    if number is None or math.isfinite(number):
        return number
    return "Infinity" if number > 0 else "-Infinity"


# -- values of fields


class Values(msgspec.Struct, frozen=True):
    """Values of a field, ascending."""

    values: TypedValue

    @classmethod
    def of(cls, values: list[Any]) -> Self:
        return cls(typed(values))

    def value(self) -> list[Any]:
        return list(typed_from(self.values))


class Facets(msgspec.Struct, frozen=True):
    """Values of a field, each with its number of rows, most frequent first."""

    facets: list[tuple[TypedValue, int]]

    @classmethod
    def of(cls, facets: Iterable[tuple[Any, int]]) -> Self:
        return cls([(typed(value), count) for value, count in facets])

    def value(self) -> list[tuple[Any, int]]:
        return [(typed_from(value), count) for value, count in self.facets]


class Range(msgspec.Struct, frozen=True):
    """The smallest and the largest value of a field, or null if no row has one."""

    range: tuple[TypedValue, TypedValue] | None

    @classmethod
    def of(cls, range: tuple[Any, Any] | None) -> Self:
        return cls(None if range is None else (typed(range[0]), typed(range[1])))

    def value(self) -> tuple[Any, Any] | None:
        return None if self.range is None else (typed_from(self.range[0]), typed_from(self.range[1]))


# -- the life of a collection


class Opened(msgspec.Struct, frozen=True):
    """A collection that was opened or created.

    Attributes:
        uuid: its identity: a collection recreated under the same name has another.
    """

    name: str
    uuid: str
    dimension: int | None
    metric: str
    encoder: str | None

    @classmethod
    def of(cls, collection: Any) -> Self:
        stats = collection.stats()
        return cls(stats.name, str(collection.uuid), stats.dimension, stats.metric, stats.encoder)

    def value(self) -> Opened:
        return self


class Names(One, frozen=True):
    """Names of collections, sorted."""

    collections: list[str]


class Backup(One, frozen=True):
    """The folder of a copy, on the server's machine."""

    folder: str


class Stats(One, frozen=True):
    """State of one collection; `vicinal.Stats` describes each number."""

    stats: types.Stats


class Snapshot(One, frozen=True):
    """A copy of a collection kept beside it."""

    snapshot: types.Snapshot


class Snapshots(One, frozen=True):
    """The snapshots of a collection, oldest first."""

    snapshots: list[types.Snapshot]


class PurgeReceipt(One, frozen=True):
    """The result of a purge."""

    receipt: types.PurgeReceipt


class VerifyReport(One, frozen=True):
    """The findings of a check."""

    report: types.VerifyReport


class VerifyReports(One, frozen=True):
    """The findings of a check of every collection, by name."""

    reports: dict[str, types.VerifyReport]


class LostRow(msgspec.Struct, frozen=True):
    """A row that could not be recovered."""

    id: WireId | None
    slot: int
    why: str


class RepairReport(msgspec.Struct, frozen=True):
    """The result of a repair."""

    kept: int
    lost: list[LostRow]
    notes: list[str]
    kept_at: str

    @classmethod
    def of(cls, report: types.RepairReport) -> Self:
        lost = [LostRow(None if row.id is None else to_id(row.id), row.slot, row.why) for row in report.lost]
        return cls(report.kept, lost, list(report.notes), report.kept_at)

    def value(self) -> types.RepairReport:
        lost = tuple(types.LostRow(None if row.id is None else id_from(row.id), row.slot, row.why) for row in self.lost)
        return types.RepairReport(self.kept, lost, tuple(self.notes), self.kept_at)


class Indexed(One, frozen=True):
    """Whether the vector index contains every row."""

    indexed: bool


# -- notes


class Notes(One, frozen=True):
    """Bytes stored beside the rows by a program, in base64, by key."""

    notes: dict[str, bytes]


class NoteValue(One, frozen=True):
    """One note."""

    note: bytes


class Changed(One, frozen=True):
    """Whether something was changed."""

    changed: bool
