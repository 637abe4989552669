"""Evaluation of searches and answers: judged queries, ranking metrics, comparisons of two settings, answer metrics.

from vicinal.evaluate import compare, evaluate, read_judgements, read_queries

report = evaluate(docs, read_queries("queries.jsonl"), read_judgements("judgements.jsonl"))
"""

from ..contract import LLM, Embedder
from .answer_correctness import AnswerCorrectness
from .answer_faithfulness import AnswerFaithfulness
from .answers import EvaluationInput, EvaluationReport, Metric, MetricResult
from .bootstrap import bootstrap_interval
from .compare import Comparison, Difference, compare
from .context_relevance import ContextRelevance
from .evaluator import Evaluator
from .files import read_judgements, read_queries, write_judgements, write_queries
from .metrics import average_precision, ndcg, precision, recall, reciprocal_rank
from .report import Report
from .run import evaluate

__all__ = [
    "LLM",
    "AnswerCorrectness",
    "AnswerFaithfulness",
    "Comparison",
    "ContextRelevance",
    "Difference",
    "Embedder",
    "EvaluationInput",
    "EvaluationReport",
    "Evaluator",
    "Metric",
    "MetricResult",
    "Report",
    "average_precision",
    "bootstrap_interval",
    "compare",
    "evaluate",
    "ndcg",
    "precision",
    "read_judgements",
    "read_queries",
    "recall",
    "reciprocal_rank",
    "write_judgements",
    "write_queries",
]
