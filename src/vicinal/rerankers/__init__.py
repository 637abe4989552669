"""Rerankers: they read the texts of the best hits once more, with the query, and say which answer it.

`contract.Reranker` is what each owes. `reranker_of` finds one by name.
"""

from .cross_encoder import CrossEncoder
from .lexical import LexicalReranker
from .registry import reranker_of

__all__ = ["CrossEncoder", "LexicalReranker", "reranker_of"]
