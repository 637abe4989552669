"""Searches for every query of a judged set and measures the hits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..contract import Collection, Mode
from ..errors import InvalidArgument, InvalidInput
from ..types import Hits, Id
from .files import Judged, Queries
from .grades import check_grades
from .metrics import Gain, Metric, depth_of, metric_of
from .report import Report

__all__ = ["DEFAULT_METRICS", "Searcher", "evaluate"]

# A collection, or a function of query and k that returns Hits or ids, best first.
Searcher = Collection | Callable[[Any, int], Hits | Sequence[Id]]

DEFAULT_METRICS = ("ndcg", "recall", "precision", "mrr", "map")
_LOOKED_UP_AT_ONCE = 1_000
_K = 10


def evaluate(
    searcher: Searcher,
    queries: Queries,
    judgements: Judged,
    *,
    k: int | None = None,
    mode: Mode | None = None,
    metrics: Sequence[str] | Mapping[str, Metric] = DEFAULT_METRICS,
    gain: Gain = "linear",
    **search: Any,
) -> Report:
    """Searches for every judged query and measures the hits.

    Queries for which no row is judged relevant say nothing about a ranking: they are left out, and a note in the report
    counts them. Rows that were never judged count as not relevant.

    Args:
        searcher: a collection; or a function `f(query, k)` that returns hits or ids, to measure any other ranking.
        queries: query id to text or vector, as `read_queries` returns them.
        judgements: query id to row id to grade, as `read_judgements` returns them. Above 0 is relevant.
        k: number of hits per query; by default the greatest depth of the metrics, and at least 10.
        mode: of `Collection.search`, as are all further arguments: `alpha=0.3`, `where={...}`.
        metrics: names: "ndcg", "recall", "precision", "mrr", "map", with a depth if that is not k: "ndcg@5"; or
            a dict from name to function of a list of ids and the grades of rows.
        gain: gain of a grade in nDCG; see `ndcg`.

    Raises:
        InvalidArgument: an argument is invalid.
        InvalidInput: a grade is not a finite number; no query is judged; or none of the rows judged relevant exists,
            mostly because their ids have another type.
    """
    given = {**({} if mode is None else {"mode": mode}), **search}
    names = [] if isinstance(metrics, Mapping) else list(metrics)
    depth = _checked_k(depth_of(names, _K) if k is None else k)
    measured = dict(metrics) if isinstance(metrics, Mapping) else dict(metric_of(name, depth, gain) for name in names)
    if not measured:
        raise InvalidArgument("there is no metric to measure", name="metrics", remedy="Leave it out for five.")
    _check_sets(queries, judgements)
    chosen, notes = _judged_queries(queries, judgements)
    notes += _missing_rows(searcher, [judgements[query] for query in chosen])
    rank = _ranking(searcher, depth, given)
    values: dict[str, dict[Id, float]] = {name: {} for name in measured}
    for query in chosen:
        ranking = rank(queries[query])
        for name, metric in measured.items():
            values[name][query] = metric(ranking, judgements[query])
    texts = {query: text for query in chosen if isinstance(text := queries[query], str)}
    return Report({"k": depth, **given}, values, tuple(notes), texts)


def _checked_k(k: Any) -> int:
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise InvalidArgument(
            f"k must be a whole number of at least 1, not {k!r}", name="k", value=k, remedy="Leave it out for 10."
        )
    return k


def _ranking(searcher: Searcher, k: int, given: Mapping[str, Any]) -> Callable[[Any], list[Id]]:
    """Returns a function from query to ids, best first."""
    if isinstance(searcher, type) or not (hasattr(searcher, "search") or callable(searcher)):
        raise InvalidArgument(
            f"a searcher is a collection or a function, not {type(searcher).__name__}",
            name="searcher",
            value=searcher,
            remedy="Pass a collection.",
        )
    if hasattr(searcher, "search"):
        collection = searcher
        return lambda query: collection.search(query, k, **given).ids
    if given:
        raise InvalidArgument(
            f"{', '.join(given)}: a function takes no arguments of search",
            name=next(iter(given)),
            remedy="Pass a collection, or build them into the function.",
        )
    assert callable(searcher)  # checked above
    return lambda query: _ids(searcher(query, k))


def _ids(found: Hits | Iterable[Id]) -> list[Id]:
    if isinstance(found, Hits):
        return found.ids
    if isinstance(found, (str, bytes)) or not isinstance(found, Iterable):
        raise InvalidArgument(
            f"a searcher gives hits or a list of ids, not {found!r:.80}",
            name="searcher",
            value=found,
            remedy="Return a list, best first.",
        )
    return list(found)


def _check_sets(queries: Any, judgements: Any) -> None:
    """Checks that both have the form that their files yield: dicts by query, with grades that are numbers."""
    for name, given, of in (("queries", queries, "text or vector"), ("judgements", judgements, "the grades of rows")):
        if not isinstance(given, Mapping):
            raise InvalidArgument(
                f"{name} must be a dict from query id to {of}, not {type(given).__name__}",
                name=name,
                value=given,
                remedy=f"read_{name}(path) reads them from a file.",
            )
    for query, grades in judgements.items():
        check_grades(grades, query)


def _judged_queries(queries: Queries, judgements: Judged) -> tuple[list[Id], list[str]]:
    """Returns the queries with a relevant row, and notes about the others."""
    chosen = [query for query in queries if any(grade > 0 for grade in judgements.get(query, {}).values())]
    if not chosen:
        raise InvalidInput(
            f"of {len(queries):,} queries none has a row that is judged relevant",
            name="judgements",
            remedy="The ids of queries must be the same in both, types included: 1 and '1' are two ids.",
        )
    notes = []
    if left := len(queries) - len(chosen):
        notes.append(f"{left:,} queries have no row that is judged relevant and are left out")
    if unknown := sum(query not in queries for query in judgements):
        notes.append(f"{unknown:,} judged queries are not among the queries")
    return chosen, notes


def _missing_rows(searcher: Searcher, judged: Sequence[Mapping[Id, float]]) -> list[str]:
    """Returns a note about relevant rows that the collection does not contain; they count as not found."""
    relevant = list(dict.fromkeys(row for grades in judged for row, grade in grades.items() if grade > 0))
    if not hasattr(searcher, "get"):
        return []
    there = 0
    for start in range(0, len(relevant), _LOOKED_UP_AT_ONCE):
        there += len(searcher.get(relevant[start : start + _LOOKED_UP_AT_ONCE]))
    if not there:
        raise InvalidInput(
            f"the collection has none of the {len(relevant):,} rows that are judged relevant",
            name="judgements",
            value=relevant[0],
            remedy="Use the ids of its rows, types included: 1 and '1' are two ids.",
        )
    missing = len(relevant) - there
    return [f"{missing:,} rows that are judged relevant are not in the collection"] if missing else []
