"""Vicinal's keyword index alone, as a collection uses it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..contract import KeywordPeer


class Words(KeywordPeer):
    """Tokens are one field. From texts it builds the same as a collection: two fields, with positions for phrases."""

    name = "vicinal-words"
    module = "vicinal"
    install = "pip install vicinal"
    analyses = True

    def __init__(self, folder: Path, threads: int) -> None:
        super().__init__(folder, threads)
        from vicinal.analyzers import analyzer
        from vicinal.indexes.kernels import kernels
        from vicinal.indexes.text import TextIndex
        from vicinal.indexes.text_query import Bm25, TextQuery

        self._make = lambda name: TextIndex(analyzer(name), kernels())
        self._scorer = Bm25(k1=self.k1, b=self.b)
        self._query = TextQuery.of

    def build(self, documents: Sequence[Sequence[str]]) -> None:
        self._index = self._make("whitespace")
        self._index.add(_slots(documents), [" ".join(tokens) for tokens in documents])

    def build_from_texts(self, texts: Sequence[str]) -> None:
        self._make("default").add(_slots(texts), list(texts))

    def search(self, tokens: Sequence[str], k: int) -> Any:
        return self._index.search(self._query(*tokens), k, scorer=self._scorer)

    def hits(self, answer: Any) -> list[tuple[int, float]]:
        slots, scores = answer
        return list(zip(slots.tolist(), scores.tolist(), strict=True))


def _slots(rows: Sequence[Any]) -> np.ndarray:
    return np.arange(len(rows), dtype=np.uint32)
