"""`search` and `search_many`: from what was asked, by way of the handle's encoder, to hits."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ..errors import VicinalError
from ..filters.tree import Node
from ..indexes.derived import DerivedIndex
from ..query.asking import Asked
from ..query.question import Question
from ..query.search import search as find
from ..records.choose import filter_of
from ..records.context import Context, now
from ..records.insert import until_encoder_stays
from ..rerankers.choose import reranker_of
from ..store.store import Store
from ..types import Hits
from .group import grouped
from .query_log import logged
from .rerank import reranked
from .where import Where

__all__ = ["question_of", "search", "shaped_search", "unlogged_search", "wide"]


def search(context: Context, asked: Asked, where: Where) -> list[Hits]:
    """Hits for each of the queries."""
    if not context.lease.logs_queries and asked.shaping is None:  # most are, and have no time to lose
        asked.check()
        return until_encoder_stays(partial(_answers, context, asked, where)) if asked.queries else []
    if context.lease.logs_queries:
        call = "recommend" if asked.examples is not None else "search" if asked.single else "search_many"
        return logged(context, call, asked, where, partial(unlogged_search, context, asked, where))
    return unlogged_search(context, asked, where)


def unlogged_search(context: Context, asked: Asked, where: Where) -> list[Hits]:
    """The same, for a call that is logged as a whole."""
    asked.check()
    if asked.shaping is not None:
        return [shaped_search(context, asked, where)]
    return until_encoder_stays(partial(_answers, context, asked, where)) if asked.queries else []


def shaped_search(context: Context, asked: Asked, where: Where) -> Hits:
    """Hits of one query, of which something is made once their rows are there."""
    shape = asked.shaping
    assert shape is not None  # our caller looked
    if shape.rerank is not None:
        reranker = reranker_of(shape.rerank)  # before anything is searched
        return reranked(unlogged_search(context, wide(asked), where)[0], reranker, asked)
    whole = asked if shape.group_by is None else replace(asked, select=None)  # groups are named by metadata
    [hits] = until_encoder_stays(partial(_answers, context, whole, where))
    return hits if shape.group_by is None else grouped(hits, shape.group_by, asked.select)


def wide(asked: Asked) -> Asked:
    """The search whose hits a reranker reads."""
    assert asked.shaping is not None  # our caller looked
    pool = asked.shaping.pool(int(asked.k), int(asked.offset))
    return replace(asked, k=pool, offset=0, min_score=None, select=None, shaping=None)


def question_of(context: Context, asked: Asked, where: Where) -> Question:
    """The question of a call with one query."""
    [question] = _questions(context, context.store, asked, now(), filter_of(where))
    return question


def _answers(context: Context, asked: Asked, where: Where) -> list[Hits]:
    moment, tree, store = now(), filter_of(where), context.store
    answers = []
    for question in _questions(context, store, asked, moment, tree):
        answers += find(store, question)
    return answers


def _questions(
    context: Context, store: Store[DerivedIndex], asked: Asked, moment: int, tree: Node | None
) -> list[Question]:
    """Checked by what this process knows, which saves looking twice; refused only by what is newest."""
    known = store.known()
    try:
        questions = asked.questions(
            known, context.rules(known), partial(context.encode_query, state=known), moment, tree
        )
    except VicinalError:
        newest = store.current()
        if newest == known:
            raise
        questions = asked.questions(
            newest, context.rules(newest), partial(context.encode_query, state=newest), moment, tree
        )
    if context.within is not None:
        for question in questions:
            question.within = context.within
    return questions
