"""`search` and `search_many`: from the arguments, via the handle's encoder, to hits."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ..deadline import in_a_hurry
from ..errors import VicinalError
from ..filters.tree import Node
from ..indexes.derived import DerivedIndex
from ..query.arguments import SearchArguments
from ..query.question import Question
from ..query.search import plain_search
from ..query.search import search as find
from ..records.context import Context, now
from ..records.insert import until_encoder_stays
from ..records.selection import filter_of
from ..rerankers.registry import reranker_of
from ..store.store import Store
from ..types import Hits
from .group import grouped
from .query_log import logged
from .rerank import reranked
from .where import Where

__all__ = ["question_of", "search", "shaped_search", "unlogged_search", "wide"]


def search(context: Context, arguments: SearchArguments, where: Where) -> list[Hits]:
    """Hits for each query."""
    if not context.lease.logs_queries and arguments.shaping is None:  # the common case, which must be fast
        arguments.check()
        hits = _plain_hits(context, arguments, where) if arguments.is_plain else None
        if hits is not None:
            return [hits]
        return until_encoder_stays(partial(_answers, context, arguments, where)) if arguments.queries else []
    if context.lease.logs_queries:
        call = "recommend" if arguments.examples is not None else "search" if arguments.single else "search_many"
        return logged(context, call, arguments, where, partial(unlogged_search, context, arguments, where))
    return unlogged_search(context, arguments, where)


def _plain_hits(context: Context, arguments: SearchArguments, where: Where) -> Hits | None:
    """Hits for a vector that is valid as far as this process knows; None if more must be checked."""
    tree, store = None if where is None else filter_of(where), context.store
    known = store.known()
    question = arguments.plain_question(known, context.rules(known), now(), tree)
    if question is None or in_a_hurry():
        return None
    question.within = context.within
    return plain_search(store, question)


def unlogged_search(context: Context, arguments: SearchArguments, where: Where) -> list[Hits]:
    """The same, for a call that is logged as a whole."""
    arguments.check()
    if arguments.shaping is not None:
        return [shaped_search(context, arguments, where)]
    return until_encoder_stays(partial(_answers, context, arguments, where)) if arguments.queries else []


def shaped_search(context: Context, arguments: SearchArguments, where: Where) -> Hits:
    """Hits of one query that are grouped, reranked or diversified once their rows are read."""
    shape = arguments.shaping
    assert shape is not None  # checked by the caller
    if shape.rerank is not None:
        reranker = reranker_of(shape.rerank)  # before the search, since it may fail
        return reranked(unlogged_search(context, wide(arguments), where)[0], reranker, arguments)
    whole = arguments if shape.group_by is None else replace(arguments, select=None)  # groups need the metadata
    [hits] = until_encoder_stays(partial(_answers, context, whole, where))
    return hits if shape.group_by is None else grouped(hits, shape.group_by, arguments.select)


def wide(arguments: SearchArguments) -> SearchArguments:
    """The search whose hits a reranker reads."""
    assert arguments.shaping is not None  # checked by the caller
    pool = arguments.shaping.pool(int(arguments.k), int(arguments.offset))
    return replace(arguments, k=pool, offset=0, min_score=None, select=None, shaping=None)


def question_of(context: Context, arguments: SearchArguments, where: Where) -> Question:
    """The question of a call with a single query."""
    [question] = _questions(context, context.store, arguments, now(), filter_of(where))
    return question


def _answers(context: Context, arguments: SearchArguments, where: Where) -> list[Hits]:
    moment, tree, store = now(), filter_of(where), context.store
    answers = []
    for question in _questions(context, store, arguments, moment, tree):
        answers += find(store, question)
    return answers


def _questions(
    context: Context, store: Store[DerivedIndex], arguments: SearchArguments, moment: int, tree: Node | None
) -> list[Question]:
    """Validated by the state that this process knows, which saves a second look; rejected only by the newest state."""
    known = store.known()
    try:
        questions = arguments.questions(
            known, context.rules(known), partial(context.encode_query, state=known), moment, tree
        )
    except VicinalError:
        newest = store.current()
        if newest == known:
            raise
        questions = arguments.questions(
            newest, context.rules(newest), partial(context.encode_query, state=newest), moment, tree
        )
    if context.within is not None:
        for question in questions:
            question.within = context.within
    return questions
