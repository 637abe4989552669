"""Dense searches: the engine finds candidates, and the common scoring function ranks them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Final, cast

import numpy as np

from ..contract import FloatMatrix, FloatVector, Metric
from ..filters.tree import IdIn, Node, Not
from ..indexes.kernels import kernels
from ..query.arguments import SearchArguments
from ..query.examples import aimed, row_to_start_from
from ..query.hits import hits_of
from ..query.overflow import scaled_down
from ..query.question import Question, check_dimension
from ..query.range_search import Bounds
from ..query.run import measure_of
from ..records.context import now
from ..records.selection import filter_of
from ..rerankers.registry import reranker_of
from ..searching.group import grouped
from ..searching.rerank import reranked
from ..searching.search import wide
from ..store.rows import user_id
from ..store.state import State
from ..types import Hits
from .arranging import Candidates, arranged
from .context import EngineContext
from .engine import Point
from .payloads import PARTS_OF_VECTOR, row_of, vector_of

__all__ = ["search", "search_range"]

_MORE: Final = 8  # extra candidates, so that equal scores seldom need a second search
_CANDIDATES_MAX: Final = 16_384  # if the result need not be exact
_EPSILON: Final = 2.0**-23
_SMALLEST: Final = 2.0**-149  # of float32: smaller values vanish from the engine's sums
_NOTHING: Final = Candidates([], np.empty(0, dtype=np.float32), np.empty((0, 0), dtype=np.float32), 0)
_PARTS: Final = ("id", "order", "expires", *PARTS_OF_VECTOR)


def search(context: EngineContext, arguments: SearchArguments, where: Any) -> list[Hits]:
    """Returns the hits of each query."""
    arguments.check()
    _refuse_what_is_lacking(context, arguments)
    if arguments.shaping is not None and arguments.shaping.rerank is not None:
        reranker = reranker_of(arguments.shaping.rerank)  # before anything is searched
        return [reranked(search(context, wide(arguments), where)[0], reranker, arguments)]
    if arguments.shaping is not None and (field := arguments.shaping.group_by) is not None:
        whole = replace(arguments, select=None)  # groups are named by metadata
        [question] = _questions(context, whole, where)
        return [grouped(_Search(context, question).hits()[0], field, arguments.select)]
    if not arguments.queries:
        return []
    answers: list[Hits] = []
    for question in _questions(context, arguments, where):
        answers += _Search(context, question).hits()
    return answers


def search_range(context: EngineContext, arguments: SearchArguments, bounds: Bounds, where: Any) -> Hits:
    """Returns every row in range."""
    _refuse_what_is_lacking(context, arguments)
    [question] = _questions(context, arguments, where)
    return _Search(context, question).in_range(bounds)


def _refuse_what_is_lacking(context: EngineContext, arguments: SearchArguments) -> None:
    if arguments.mode != "dense":
        raise context.lacking("keyword search", "mode", arguments.mode)
    if arguments.shaping is not None:
        for name in ("mmr", "group_by"):
            given = getattr(arguments.shaping, name)
            if given is not None and name in context.far.engine.capabilities.lacks:
                raise context.lacking(name, name, given)


def _questions(context: EngineContext, arguments: SearchArguments, where: Any) -> list[Question]:
    tree = filter_of(where)
    context.condition(tree)  # before a text is encoded
    state = context.far.current()
    encode = partial(context.encode_query, state=state)
    questions = arguments.questions(state, context.rules(state), encode, now(), tree)
    for question in questions:
        question.within = context.within
    return questions


class _Search:
    """One search, run by the engine."""

    def __init__(self, context: EngineContext, question: Question) -> None:
        self._context = context
        self._question = question
        self._parts = (*_PARTS, *sorted(question.select))
        self._store = context.far

    def hits(self) -> list[Hits]:
        question = self._question

        def find(points: str, state: State) -> list[Hits]:
            if question.arrangement is not None:
                ranked = partial(self._ranking, points, state)
                return [self._as_hits(arranged(question, state.metric, ranked), state)]
            found = self._found(points, state, question.k)
            return [self._as_hits(one.cut(question.offset, question.k, question.min_score), state) for one in found]

        return self._store.on_points(find)

    def _ranking(self, points: str, state: State, depth: int) -> Candidates:
        [found] = self._found(points, state, depth)
        return found

    def in_range(self, bounds: Bounds) -> Hits:
        """Ranks all rows of the engine."""

        def find(points: str, state: State) -> Hits:
            count = self._store.engine.count(points, self._context.condition(self._question.where))
            found = self._ranking(points, state, max(count, 1))
            far = measure_of(self._question, state.metric)[1] - found.scores.astype(np.float64)
            inside = np.ones(len(found.rows), dtype=bool)
            if bounds.min_score is not None:
                inside &= found.scores.astype(np.float64) >= bounds.min_score
            if bounds.max_distance is not None:
                inside &= far <= bounds.max_distance
            return self._as_hits(found.at(np.flatnonzero(inside)), state)

        return self._store.on_points(find)

    def _as_hits(self, found: Candidates, state: State) -> Hits:
        measure, distance_at_0 = measure_of(self._question, state.metric)
        return Hits(hits_of(found.rows, found.scores.tolist(), distance_at_0, self._question.select), measure, 0)

    def _found(self, points: str, state: State, k: int) -> list[Candidates]:
        """For each query the best `k` rows and maybe more, or all if there are fewer."""
        queries, left_out = self._queries(points, state)
        if state.dimension is None:
            return [_NOTHING for _ in queries]
        check_dimension(queries, state)
        tree: Node | None = self._question.where
        trees = tree, None if not left_out else Not(IdIn(left_out))
        accuracy = self._question.accuracy
        if accuracy.recall is not None:  # the engine supports no recall in between
            accuracy = replace(accuracy, exact=True, recall=None)
        most = 2**31 if accuracy.exact else max(_CANDIDATES_MAX, k)
        wanted, found = k + _MORE, dict[int, Candidates]()
        sent = _for_engine(queries, state.metric)
        condition = self._context.condition(*trees, expired_too=True)
        while left := [i for i in range(len(queries)) if i not in found]:
            answers = self._store.engine.nearest(points, sent[left], wanted, condition, self._parts, accuracy)
            for i, candidates in zip(left, answers, strict=True):
                ranked = self._ranked(candidates, queries[i], state.metric, wanted)
                if ranked.certain >= k or len(candidates) < wanted or wanted >= most:
                    found[i] = ranked
            wanted *= 4
            condition = self._context.condition(*trees)  # few rows have expired, and no filter is faster than one
        return [found[i] for i in range(len(queries))]

    def _ranked(self, candidates: list[Point], query: FloatVector, metric: Metric, wanted: int) -> Candidates:
        """Returns the candidates that have not expired, in the order of their scores."""
        rows = [row_of(point.payload, self._store.place) for point in candidates]
        there = [i for i, row in enumerate(rows) if not row.is_expired(self._question.now)]
        limit = -np.inf
        if len(candidates) >= wanted:
            limit = _best_of_others(candidates, query, metric)
        if not there:
            return _NOTHING
        points = [candidates[i] for i in there]
        vectors = np.ascontiguousarray(np.stack([vector_of(_vector(point), point.payload) for point in points]))
        scores = _scores(vectors, query, metric)
        slots = np.array([rows[i].slot for i in there])
        order = np.lexsort((slots, -scores.astype(np.float64)))
        certain = int(np.count_nonzero(scores.astype(np.float64) > limit))
        return Candidates([rows[there[i]] for i in order.tolist()], scores[order], vectors[order], certain)

    def _queries(self, points: str, state: State) -> tuple[FloatMatrix, list[Any]]:
        """Returns the query vectors, and ids of rows to exclude."""
        question, reader = self._question, self._store.reader(points, state)
        if question.like is not None:
            _, vector = row_to_start_from(reader, question.like, question)
            return vector[np.newaxis], [question.like]
        if question.examples is not None:
            rows, query = aimed(reader, question.examples, question)
            return query, [user_id(row.id) for row in rows]
        assert question.vectors is not None  # this is a dense search
        return question.vectors, []


def _for_engine(queries: FloatMatrix, metric: Metric) -> FloatMatrix:
    """Converts queries to directions if only these are compared."""
    if metric != "cosine":
        return queries
    lengths = np.linalg.norm(queries.astype(np.float64), axis=1, keepdims=True)
    return (queries / np.where(lengths == 0.0, 1.0, lengths)).astype(np.float32)


def _scores(vectors: FloatMatrix, query: FloatVector, metric: Metric) -> FloatVector:
    places = np.arange(len(vectors), dtype=np.uint32)
    scores = kernels().score(metric, vectors, places, query)
    if metric == "ip" and np.isinf(scores).any():
        scaled, exponent = scaled_down(query)
        exact = np.ldexp(kernels().score("ip", vectors, places, scaled).astype(np.float64), -exponent)
        return cast(FloatVector, np.where(np.isinf(scores), exact, scores.astype(np.float64)))
    return scores


def _vector(point: Point) -> FloatVector:
    assert point.vector is not None  # only rows with a vector are compared
    return point.vector


def _best_of_others(candidates: list[Point], query: FloatVector, metric: Metric) -> float:
    """The highest score that a row ranked after the last candidate can have; the engine compares in float32."""
    last = candidates[-1].score
    worst = last if metric in ("cosine", "ip") else -last
    size = 1.0
    if metric == "ip":
        longest = max(float(np.linalg.norm(_vector(point).astype(np.float64))) for point in candidates)
        size = longest * float(np.linalg.norm(query.astype(np.float64)))
    elif metric != "cosine":
        size = abs(worst)
    return worst + (len(query) + 4) * (_EPSILON * size + _SMALLEST)
