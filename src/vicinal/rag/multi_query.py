"""Searches for several wordings of a question and fuses the rankings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from ..contract import Collection
from ..errors import InvalidArgument
from ..metadata import dumps
from ..query.fusion import RRF_CONSTANT, reciprocal_rank
from ..types import Hit, Hits

__all__ = ["MultiQueryRetrieval", "fused"]


class _Identified(Protocol):
    @property
    def id(self) -> Any: ...


T = TypeVar("T", bound=_Identified)


class MultiQueryRetrieval:
    """Searches a collection for several wordings of a question and fuses the hits.

    Args:
        collection: the collection to search.
        rewrite: returns other wordings of a question, for example by a language model; the question itself is always
            searched for too.
        candidates: number of hits of each wording that are fused.
    """

    def __init__(
        self, collection: Collection, rewrite: Callable[[str], Iterable[str]], *, candidates: int = 50
    ) -> None:
        if not callable(rewrite):
            raise InvalidArgument(
                f"rewrite must be a function from a question to other wordings, not {type(rewrite).__name__}",
                name="rewrite",
                value=rewrite,
                remedy='Pass one that returns a list, such as lambda question: [question + "?"].',
            )
        self._collection = collection
        self._rewrite = rewrite
        self._candidates = candidates

    def search(self, question: str, k: int = 10, **options: Any) -> Hits:
        """Returns the `k` rows that rank highest across wordings.

        Args:
            options: arguments of `Collection.search_many`, such as `where=` and `mode=`.
        """
        wordings = list(dict.fromkeys([question, *_wordings(self._rewrite(question))]))
        answers = self._collection.search_many(wordings, max(k, self._candidates), **options)
        return self.reciprocal_rank_fusion(answers)[:k]

    @staticmethod
    def reciprocal_rank_fusion(result_sets: Sequence[Hits], k: float = RRF_CONSTANT, *, first_rank: int = 1) -> Hits:
        """Fuses several rankings into one that contains all their rows; the score of a hit is its fused value, not
        scaled.

        Args:
            k: the constant of the formula, not a number of hits; see `vicinal.query.fusion.reciprocal_rank`.
            first_rank: number of the first rank: 1 as in the paper, or 0.
        """
        for answer in result_sets:
            if not isinstance(answer, Hits):
                raise InvalidArgument(
                    f"result_sets must be Hits, not {type(answer).__name__}",
                    name="result_sets",
                    value=answer,
                    remedy="Pass what search_many returned; `fused` takes any objects with an id.",
                )
        hits = [
            Hit(hit.id, score, hit.distance, hit.text, dumps(hit.metadata), hit.legs)
            for hit, score in fused(result_sets, k, first_rank=first_rank)
        ]
        metrics = {answer.metric for answer in result_sets}
        return Hits(hits, metrics.pop() if len(metrics) == 1 else "", max((a.change for a in result_sets), default=0))


def _wordings(rewritten: Any) -> list[str]:
    """Checks what `rewrite` returned: a single text would be searched for letter by letter."""
    wordings = None if isinstance(rewritten, (str, bytes)) or not isinstance(rewritten, Iterable) else list(rewritten)
    if wordings is None or not all(isinstance(wording, str) for wording in wordings):
        raise InvalidArgument(
            f"rewrite must return a list of texts, not {rewritten!r:.80}",
            name="rewrite",
            value=rewritten,
            remedy="Return [] where there is no other wording.",
        )
    return wordings


def fused(result_sets: Iterable[Sequence[T]], k: float = RRF_CONSTANT, *, first_rank: int = 1) -> list[tuple[T, float]]:
    """Reciprocal rank fusion of any results that have an `id`: each with its fused value, best first.

    For equal ids the first result is returned; an id that a list contains twice counts twice. Ties keep that order.

    Raises:
        InvalidArgument: `k` and `first_rank` together are not above 0; or these are not lists of results.
    """
    first: dict[Any, T] = {}
    totals: dict[Any, float] = {}
    reciprocal_rank([1], constant=k, first_rank=first_rank)  # rejects what the formula cannot take, even for no results
    for results in _lists_of_results(result_sets):
        for rank, result in enumerate(results, 1):
            first.setdefault(result.id, result)
            share = float(reciprocal_rank([rank], constant=k, first_rank=first_rank))
            totals[result.id] = totals.get(result.id, 0.0) + share
    return [(first[id_], totals[id_]) for id_ in sorted(totals, key=lambda id_: -totals[id_])]


def _lists_of_results(result_sets: Any) -> list[list[Any]]:
    """Returns the lists unchanged. Passing one list instead of a list of lists is the usual mistake."""
    sets = [result_sets] if not isinstance(result_sets, Iterable) else list(result_sets)
    for place, results in enumerate(sets):
        if isinstance(results, (str, bytes)) or not isinstance(results, Iterable):
            raise _no_results("result_sets must be a list of lists of results", f"result_sets[{place}]", results)
    lists = [list(results) for results in sets]
    for place, results in enumerate(lists):
        for i, result in enumerate(results):
            if not hasattr(result, "id"):
                raise _no_results("a result must have an id", f"result_sets[{place}][{i}]", result)
    return lists


def _no_results(wanted: str, place: str, value: object) -> InvalidArgument:
    return InvalidArgument(
        f"{wanted}, but {place} is of type {type(value).__name__}",
        name="result_sets",
        value=value,
        remedy="Pass a list of what several searches returned.",
    )
