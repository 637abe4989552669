"""`search` and `search_many`: from what was asked, by way of the handle's encoder, to hits."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from ..errors import VicinalError
from ..filters.tree import Node
from ..query.asking import Asked
from ..query.question import Question
from ..query.search import search as find
from ..records.choose import filter_of
from ..records.context import Context, now
from ..records.insert import until_encoder_stays
from ..types import Hits

__all__ = ["Where", "question_of", "search"]

Where = Mapping[str, Any] | Node | None


def search(context: Context, asked: Asked, where: Where) -> list[Hits]:
    """Hits for each of the queries."""
    asked.check()
    return until_encoder_stays(partial(_answers, context, asked, where)) if asked.queries else []


def question_of(context: Context, asked: Asked, where: Where) -> Question:
    """The question of a call with one query."""
    [question] = _questions(context, asked, now(), filter_of(where))
    return question


def _answers(context: Context, asked: Asked, where: Where) -> list[Hits]:
    moment, tree, store = now(), filter_of(where), context.store
    answers = []
    for question in _questions(context, asked, moment, tree):
        answers += find(store, question)
    return answers


def _questions(context: Context, asked: Asked, moment: int, tree: Node | None) -> list[Question]:
    """Checked by what this process knows, which saves looking twice; refused only by what is newest."""
    store = context.store
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
