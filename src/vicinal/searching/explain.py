"""`explain` and `why_not`: a search that tells what it does, and what keeps a row out of it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..explanation import Explanation, WhyNot
from ..indexes.kernels import kernels
from ..inputs.ids import check_id
from ..query import explain as explaining
from ..query.asking import Asked
from ..query.question import Question
from ..query.stopwatch import Stopwatch
from ..query.why_not import Verdict
from ..query.why_not import why_not as look
from ..records.context import Context
from ..records.insert import until_encoder_stays
from .search import Where, question_of

__all__ = ["explain", "why_not"]


def explain(context: Context, asked: Asked, where: Where) -> Explanation:
    """How a search with these arguments comes to its hits."""
    asked.check()
    return until_encoder_stays(partial(_explained, context, asked, where))


def why_not(context: Context, id_: Any, asked: Asked, where: Where) -> WhyNot:
    """Why a row is not among the hits of a search with these arguments."""
    checked = check_id(id_)
    asked.check()

    def told() -> WhyNot:
        question = question_of(context, asked, where)
        verdict = look(context.store, question, checked)
        return _unless_of_another_space(context, question, verdict)

    return until_encoder_stays(told)


def _explained(context: Context, asked: Asked, where: Where) -> Explanation:
    watch = Stopwatch()
    with watch.step("encode"):
        question = question_of(context, asked, where)
    return explaining.explain(context.store, question, watch)


def _unless_of_another_space(context: Context, question: Question, verdict: Verdict) -> WhyNot:
    """A row that others beat only because its vector was given: that of its text would be among the best.

    A query's text is compared with vectors as they are. Those that a caller made with another model lie elsewhere.
    """
    told, row = verdict.told, verdict.row
    is_ranked_low = told.reason in ("rank", "min_score") and told.last_score is not None
    if not is_ranked_low or row is None or row.space != "given" or row.text is None:
        return told
    if question.mode != "dense" or question.encoder is None or question.vectors is None:
        return told
    state = context.store.current()
    by_encoder = np.ascontiguousarray(context.encode([row.text], state))
    first = np.zeros(1, dtype=np.uint32)
    score = float(kernels().score(state.metric, by_encoder, first, question.vectors[0])[0])
    if told.last_score is None or score < told.last_score:
        return told
    text = (
        f"its vector was given and scores {told.score:.4f}; by the collection's encoder its text would score "
        f"{score:.4f} and be among the {told.k:,}: the vector is of another space"
    )
    return replace(told, reason="other_space", text=text)
