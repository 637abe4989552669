"""`explain` and `why_not`: a search that reports its steps, and the reason why a row is not among the hits."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..contract import Reranker
from ..explanation import ExplainedStep, Explanation, WhyNot
from ..indexes.kernels import kernels
from ..inputs.ids import check_id
from ..query import explain as explaining
from ..query.arguments import SearchArguments
from ..query.question import Question
from ..query.stopwatch import Stopwatch
from ..query.why_not import Verdict
from ..query.why_not import why_not as look
from ..records.context import Context
from ..records.insert import until_encoder_stays
from ..rerankers.registry import reranker_of, scores_of
from ..types import LegScore
from .rerank import reranked_order
from .search import question_of, unlogged_search, wide
from .where import Where

__all__ = ["explain", "why_not"]


def explain(context: Context, arguments: SearchArguments, where: Where) -> Explanation:
    """How a search with these arguments arrives at its hits."""
    arguments.check()
    if arguments.shaping is None or arguments.shaping.rerank is None:
        return until_encoder_stays(partial(_explained, context, arguments, where))
    reranker = reranker_of(arguments.shaping.rerank)
    return _reranked(explain(context, wide(arguments), where), reranker, arguments)


def why_not(context: Context, id_: Any, arguments: SearchArguments, where: Where) -> WhyNot:
    """Why a row is not among the hits of a search with these arguments."""
    checked = check_id(id_)
    arguments.check()
    if arguments.shaping is not None and arguments.shaping.rerank is not None:
        told_of_pool = why_not(context, checked, wide(arguments), where)
        return _by_reranker(context, told_of_pool, arguments, where) if told_of_pool.found else told_of_pool

    def told() -> WhyNot:
        question = question_of(context, arguments, where)
        verdict = look(context.store, question, checked)
        return _unless_of_another_space(context, question, verdict)

    return until_encoder_stays(told)


def _explained(context: Context, arguments: SearchArguments, where: Where) -> Explanation:
    watch = Stopwatch()
    with watch.step("encode"):
        question = question_of(context, arguments, where)
    return explaining.explain(context.store, question, watch)


def _reranked(told: Explanation, reranker: Reranker, arguments: SearchArguments) -> Explanation:
    """The explanation of the pool, with the hits that the reranker ranks highest."""
    watch = Stopwatch()
    with watch.step("rerank"):
        scores = scores_of(reranker, arguments.queries[0], [hit.text or "" for hit in told.hits])
    why = f"{reranker.name} reads the texts of the best {len(told.hits):,}"
    step = ExplainedStep("rerank", watch.seconds["rerank"], len(told.hits), why=why)
    hits = []
    for rank, place in enumerate(reranked_order(scores, arguments), int(arguments.offset) + 1):
        hit = told.hits[place]
        legs = {"search": LegScore(place + 1, hit.score), **hit.legs}
        hits.append(replace(hit, rank=rank, score=float(scores[place]) + 0.0, legs=legs))
    return replace(told, k=int(arguments.k), metric=reranker.name, steps=(*told.steps, step), hits=tuple(hits))


def _by_reranker(context: Context, told: WhyNot, arguments: SearchArguments, where: Where) -> WhyNot:
    """The verdict for a row in the pool."""
    every = replace(arguments, k=wide(arguments).k, offset=0, min_score=None)
    hits, k = unlogged_search(context, every, where)[0], int(arguments.k)
    place = next((place for place, hit in enumerate(hits, 1) if hit.id == told.id), None)
    if place is None:
        return told  # the row was changed meanwhile
    score, last = hits[place - 1].score, hits.scores[k + int(arguments.offset) - 1 : k + int(arguments.offset)]
    found = replace(told, k=k, rank=place, score=score, last_score=last[0] if last else None)
    if arguments.min_score is not None and score < arguments.min_score:
        return replace(found, reason="min_score", text=f"its score {score:.4f} is below {float(arguments.min_score):g}")
    if place <= arguments.offset:
        return replace(found, reason="offset", text=f"it is among the {int(arguments.offset):,} skipped")
    if place <= k + arguments.offset:
        return replace(found, text=f"it is number {place:,}")
    return replace(found, reason="rerank", text=f"the reranker makes it number {place:,}, and {k:,} were asked for")


def _unless_of_another_space(context: Context, question: Question, verdict: Verdict) -> WhyNot:
    """Detects a row that ranks low only because its vector was given: the vector of its text would be among the best.

    The vector of a query's text is compared with stored vectors as given. Vectors that a caller computed with another
    model are in a different space.
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
