"""What `explain` and `why_not` return: plain values with a terminal, a notebook and a JSON representation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from . import notebook
from .types import Id, LegScore, to_json
from .visible import counted, one_line, shown, visible

__all__ = [
    "ExplainedClause",
    "ExplainedFilter",
    "ExplainedHit",
    "ExplainedStep",
    "Explanation",
    "FailedClause",
    "MatchedTerm",
    "QueryTerm",
    "Reason",
    "WhyNot",
]

Reason = Literal[
    "found",
    "not_there",
    "expired",
    "filter",
    "no_vector",
    "no_shared_word",
    "required_word",
    "excluded_word",
    "no_match",
    "min_score",
    "offset",
    "missed_by_index",
    "other_space",
    "diversity",
    "group",
    "rerank",
    "rank",
]

_TEXT_CHARS_MAX = 50
_HITS_SHOWN_MAX = 20
_TERMS_SHOWN_MAX = 12


@dataclass(frozen=True, slots=True)
class ExplainedClause:
    """One of the conditions that a filter joins by "and".

    Attributes:
        text: as Vicinal parsed it.
        rows: how many rows match it alone; None if that was not counted because it would read the texts of all rows.
    """

    text: str
    rows: int | None

    def to_dict(self) -> dict[str, Any]:
        return {"text": self.text, "rows": self.rows}


@dataclass(frozen=True, slots=True)
class ExplainedFilter:
    """What a filter keeps.

    Attributes:
        text: as Vicinal parsed it; "" if there is no filter.
        rows: rows that match.
        of: all rows; neither number includes expired rows.
        clauses: the conditions, if the filter joins several by "and".
    """

    text: str
    rows: int
    of: int
    clauses: tuple[ExplainedClause, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        clauses = [one.to_dict() for one in self.clauses]
        return {"text": self.text, "rows": self.rows, "of": self.of, "clauses": clauses}


@dataclass(frozen=True, slots=True)
class ExplainedStep:
    """One step of a search.

    Attributes:
        name: "encode", "filter", "catch up", "plan", "dense", "keyword", "sparse", "fusion", "mmr", "group", "rows" or
            "rerank".
        seconds: the time that it took in this run.
        rows: for a leg, how many rows it may find; for other steps, how many they found; None if not meaningful.
        exact: whether what it finds is guaranteed to be exact; None if there is nothing to find.
        why: how the step was carried out, and for what reason.
        weight: the weight of a leg in the fusion, as requested.
        depth: how many rows the fusion requested from a leg.
    """

    name: str
    seconds: float
    rows: int | None = None
    exact: bool | None = None
    why: str = ""
    weight: float | None = None
    depth: int | None = None

    def to_dict(self) -> dict[str, Any]:
        values = {"rows": self.rows, "exact": self.exact, "weight": self.weight, "depth": self.depth}
        known = {name: value for name, value in values.items() if value is not None}
        return {"name": self.name, "seconds": self.seconds, "why": self.why, **known}


@dataclass(frozen=True, slots=True)
class QueryTerm:
    """A term that the words of the query were turned into.

    Attributes:
        term: as produced by the analyzer.
        field: the field of the index: stems or surface forms.
        texts: how many texts contain it: its document frequency.
        of: the number of texts.
        weight: the factor of its contribution to a text's score: weight of the field, times idf, times its count in
            the query; 0 if no text contains it.
    """

    term: str
    field: str
    texts: int
    of: int
    weight: float

    def to_dict(self) -> dict[str, Any]:
        return {"term": self.term, "field": self.field, "texts": self.texts, "of": self.of, "weight": self.weight}


@dataclass(frozen=True, slots=True)
class MatchedTerm:
    """A term of the query that a row contains.

    Attributes:
        term, field, texts, weight: as in `QueryTerm`.
        count: how often the row contains it: its term frequency.
        score: its contribution to the row's keyword score.
    """

    term: str
    field: str
    count: int
    texts: int
    weight: float
    score: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "term": self.term,
            "field": self.field,
            "count": self.count,
            "texts": self.texts,
            "weight": self.weight,
            "score": self.score,
        }


@dataclass(frozen=True, slots=True)
class ExplainedHit:
    """A hit, and why it has its rank.

    Attributes:
        rank: its rank, counted from 1; with `offset=`, after the skipped rows.
        legs: its rank and score in each leg.
        terms: terms of the query that its text contains; empty if no keywords were searched.
    """

    rank: int
    id: Id
    score: float
    text: str | None
    legs: Mapping[str, LegScore]
    terms: tuple[MatchedTerm, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "rank": self.rank,
            "id": self.id,
            "score": self.score,
            "text": self.text,
            "legs": {name: leg.to_dict() for name, leg in self.legs.items()},
            "terms": [term.to_dict() for term in self.terms],
        }


@dataclass(frozen=True, slots=True, repr=False)
class Explanation:
    """How a search arrived at its hits.

    Attributes:
        mode, k: as requested.
        metric: what scores mean, as in `Hits.metric`.
        filter: what `where` kept.
        steps: the steps, in order, with the time that each took.
        terms: the terms of the query; empty if no keywords were searched.
        hits: the hits that the same search returns.
        change: the number of the commit that the search saw.
    """

    mode: str
    k: int
    metric: str
    filter: ExplainedFilter
    steps: tuple[ExplainedStep, ...]
    terms: tuple[QueryTerm, ...]
    hits: tuple[ExplainedHit, ...]
    change: int

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        filter_ = given["filter"]
        clauses = tuple(ExplainedClause(**one) for one in filter_["clauses"])
        hits = tuple(ExplainedHit(**{**hit, **_legs_and_terms(hit)}) for hit in given["hits"])
        return cls(
            mode=given["mode"],
            k=given["k"],
            metric=given["metric"],
            filter=ExplainedFilter(filter_["text"], filter_["rows"], filter_["of"], clauses),
            steps=tuple(ExplainedStep(**step) for step in given["steps"]),
            terms=tuple(QueryTerm(**term) for term in given["terms"]),
            hits=hits,
            change=given["change"],
        )

    @property
    def seconds(self) -> float:
        """The total time of all steps."""
        return sum(step.seconds for step in self.steps)

    def step(self, name: str) -> ExplainedStep:
        """The step with this name.

        Raises:
            KeyError: the search has no such step.
        """
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """All attributes as dicts and lists."""
        return {
            "mode": self.mode,
            "k": self.k,
            "metric": self.metric,
            "change": self.change,
            "seconds": self.seconds,
            "filter": self.filter.to_dict(),
            "steps": [step.to_dict() for step in self.steps],
            "terms": [term.to_dict() for term in self.terms],
            "hits": [hit.to_dict() for hit in self.hits],
        }

    def to_json(self) -> str:
        """`to_dict()` as JSON."""
        return to_json(self.to_dict())

    def __repr__(self) -> str:
        found = counted(len(self.hits), "hit")
        head = f"Explanation of a search, mode {self.mode}, k={self.k}: {found} in {self.seconds * 1e3:.2f} ms"
        steps = [f"  {step.name:<8} {step.seconds * 1e3:>8.3f} ms  {_about(step, self.filter)}" for step in self.steps]
        lines = [head, *steps, *map(_clause, self.filter.clauses)]
        if self.terms:
            once = {term.term: term for term in reversed(self.terms)}  # stems and surface forms are often the same
            lines.append(f"  terms    {_listed([_found(term) for term in reversed(once.values())])}")
        lines += [f"  {hit.rank:>4}  {hit.score:>9.4f}  {shown(hit.id)}  {_why(hit)}" for hit in self._first()]
        if len(self.hits) > _HITS_SHOWN_MAX:
            lines.append(f"        ... and {len(self.hits) - _HITS_SHOWN_MAX:,} more")
        return "\n".join(visible(line.rstrip()) for line in lines)

    def _first(self) -> tuple[ExplainedHit, ...]:
        return self.hits[:_HITS_SHOWN_MAX]

    def _repr_html_(self) -> str:
        """For notebooks: the steps, then the hits."""
        steps = [(step.name, f"{step.seconds * 1e3:.3f}", _about(step, self.filter)) for step in self.steps]
        hits = [
            (hit.rank, f"{hit.score:.4f}", notebook.code(hit.id), _legs(hit), _terms(hit), hit.text)
            for hit in self._first()
        ]
        rest = len(self.hits) - len(hits)
        title = f"Search, mode {self.mode}, {self.seconds * 1e3:.2f} ms"
        lists = {"conditions": [_clause(one).strip() for one in self.filter.clauses]}
        lists["terms of the query"] = [_term(term) for term in self.terms]
        below = notebook.card("", {}, lists) if any(lists.values()) else ""
        header = ["", f"score ({self.metric})", "id", "legs: rank (score)", "terms", "text"]
        more = f"and {rest:,} more" if rest else ""
        return (
            f"<div>{notebook.table(title, ['step', 'ms', 'what and why'], steps)}{below}"
            f"{notebook.table(counted(len(self.hits), 'hit'), header, hits, more)}</div>"
        )


@dataclass(frozen=True, slots=True)
class FailedClause:
    """A condition that a row does not meet.

    Attributes:
        text: as Vicinal parsed it.
        value: the value of the row; None if it has none, or the condition involves more than one field.
    """

    text: str
    value: Any = None

    def to_dict(self) -> dict[str, Any]:
        return {"text": self.text, "value": self.value}


@dataclass(frozen=True, slots=True, repr=False)
class WhyNot:
    """Why a row is not among the hits of a search, or that it is.

    Attributes:
        id: the id of the row.
        reason: "found": it is among the hits. "not_there": no row has the id. "expired": it is past its time to live.
            "filter": `where` excludes it, see `clauses`. "no_vector": it has none, and vectors are compared.
            "no_shared_word": its text contains no word of the query. "required_word", "excluded_word": its text lacks
            a +word, or contains a -word. "no_match": in a hybrid search, it matches neither by vector nor by word nor
            by dimension. "min_score": its score is too low. "offset": it is among the best rows that were skipped.
            "missed_by_index": it belongs among the hits, but the index did not propose it. "other_space": its vector
            was given, and is in another vector space than that of its text. "diversity": `mmr` chose other rows
            instead. "group": better rows have the same value of `group_by`. "rerank": the reranker prefers others.
            "rank": others are better.
        text: the reason as a sentence.
        k: how many hits were requested.
        rank: its rank among the true hits, counted from 1; None if it is not among them.
        score: its score; None likewise.
        last_score: the score of the last hit that was requested; None if there were fewer.
        clauses: the conditions that it does not meet.
        legs: its rank and score in each leg in which it matches.
        terms: terms of the query that its text contains.
    """

    id: Id
    reason: Reason
    text: str
    k: int
    rank: int | None = None
    score: float | None = None
    last_score: float | None = None
    clauses: tuple[FailedClause, ...] = ()
    legs: Mapping[str, LegScore] = field(default_factory=dict)
    terms: tuple[MatchedTerm, ...] = ()

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        clauses = tuple(FailedClause(**one) for one in given["clauses"])
        return cls(**{**given, **_legs_and_terms(given), "clauses": clauses})

    @property
    def found(self) -> bool:
        """Whether the row is among the hits."""
        return self.reason == "found"

    def to_dict(self) -> dict[str, Any]:
        """All attributes as dicts and lists."""
        return {
            "id": self.id,
            "reason": self.reason,
            "text": self.text,
            "k": self.k,
            "rank": self.rank,
            "score": self.score,
            "last_score": self.last_score,
            "clauses": [one.to_dict() for one in self.clauses],
            "legs": {name: leg.to_dict() for name, leg in self.legs.items()},
            "terms": [term.to_dict() for term in self.terms],
        }

    def to_json(self) -> str:
        """`to_dict()` as JSON."""
        return to_json(self.to_dict())

    def __repr__(self) -> str:
        lines = [f"WhyNot({shown(self.id)}, {self.reason}): {self.text}"]
        lines += [f"  {one.text}: the row has {shown(one.value)}" for one in self.clauses]
        lines += [
            f"  {name}: rank {leg.rank or 'beyond'}, score {_number(leg.score)}" for name, leg in self.legs.items()
        ]
        if self.terms:
            lines.append(f"  terms: {_listed([_matched(term) for term in self.terms])}")
        return "\n".join(map(visible, lines))

    def _repr_html_(self) -> str:
        values = {"reason": self.reason, "rank": None if self.rank is None else f"{self.rank:,}"}
        values |= {"score": _number(self.score), f"score of hit {self.k}": _number(self.last_score)}
        lists = {"not met": [f"{one.text}: the row has {shown(one.value)}" for one in self.clauses]}
        lists["terms"] = [_matched(term) for term in self.terms]
        title = notebook.joined("Why not ", notebook.code(self.id), f": {self.text}")
        return notebook.card(title, {name: value for name, value in values.items() if value}, lists)


def _legs_and_terms(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "legs": {name: LegScore(**leg) for name, leg in given["legs"].items()},
        "terms": tuple(MatchedTerm(**term) for term in given["terms"]),
    }


def _about(step: ExplainedStep, filter_: ExplainedFilter) -> str:
    """One line about a step."""
    if step.name == "filter":
        condition = filter_.text or "no filter"
        return f"{one_line(condition, 3 * _TEXT_CHARS_MAX)}: {filter_.rows:,} of {counted(filter_.of, 'row')}"
    parts = [] if step.rows is None else [counted(step.rows, "row")]
    parts += [] if step.weight is None else [f"weight {step.weight:g}"]
    parts += [] if step.depth is None else [f"asked for its best {step.depth:,}"]
    parts += [] if step.exact is None else ["exact" if step.exact else "approximate"]
    return ": ".join(part for part in (", ".join(parts), step.why) if part)


def _clause(one: ExplainedClause) -> str:
    rows = "not counted alone" if one.rows is None else counted(one.rows, "row")
    return f"    {one_line(one.text, 3 * _TEXT_CHARS_MAX)}: {rows}"


def _term(term: QueryTerm) -> str:
    return f"{term.term} ({term.field}) in {term.texts:,} of {counted(term.of, 'text')}"


def _found(term: QueryTerm) -> str:
    return f"{term.term} in {term.texts:,} of {counted(term.of, 'text')}"


def _matched(term: MatchedTerm) -> str:
    return f"{term.term} ({term.field}) x{term.count}, in {counted(term.texts, 'text')}: {term.score:.3f}"


def _why(hit: ExplainedHit) -> str:
    return "  ".join(part for part in (_legs(hit), _terms(hit), one_line(hit.text or "", _TEXT_CHARS_MAX)) if part)


def _legs(hit: ExplainedHit) -> str:
    return ", ".join(
        f"{name} {leg.rank or 'beyond'} ({_number(leg.score)})"
        for name, leg in hit.legs.items()
        if leg.score is not None
    )


def _terms(hit: ExplainedHit) -> str:
    counts = {term.term: term.count for term in hit.terms}
    return _listed([f"{term} x{count}" for term, count in counts.items()])


def _listed(parts: list[str]) -> str:
    rest = len(parts) - _TERMS_SHOWN_MAX
    return ", ".join(parts[:_TERMS_SHOWN_MAX]) + (f" and {rest:,} more" if rest > 0 else "")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
