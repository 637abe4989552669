"""How good are the answers? Judged queries, ranking metrics, and comparisons of two settings.

from vicinal.evaluate import compare, evaluate, read_judgements, read_queries

report = evaluate(docs, read_queries("queries.jsonl"), read_judgements("judgements.jsonl"))
"""

from .bootstrap import bootstrap_interval
from .compare import Comparison, Difference, compare
from .files import read_judgements, read_queries, write_judgements, write_queries
from .metrics import average_precision, ndcg, precision, recall, reciprocal_rank
from .report import Report
from .run import evaluate

__all__ = [
    "Comparison",
    "Difference",
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
