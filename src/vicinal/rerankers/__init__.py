"""Rerankers: they read the texts of the best hits again, together with the query, and score how well each answers it.

`contract.Reranker` is the interface. `reranker_of` finds one by name.
"""

from .cross_encoder import CrossEncoder
from .lexical import LexicalReranker
from .registry import reranker_of

__all__ = ["CrossEncoder", "LexicalReranker", "reranker_of"]
