"""bm25s: scores computed when indexing, summed when searching."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..contract import KeywordPeer


class Bm25s(KeywordPeer):
    """Its "lucene" formula, which is BM25 with an idf that is never negative."""

    name = "bm25s"
    module = "bm25s"
    install = "pip install bm25s"
    analyses = True

    def __init__(self, folder: Path, threads: int) -> None:
        super().__init__(folder, threads)
        import bm25s

        self._bm25s = bm25s

    def build(self, documents: Sequence[Sequence[str]]) -> None:
        self._index = self._bm25s.BM25(k1=self.k1, b=self.b, method="lucene")
        self._index.index([list(tokens) for tokens in documents], show_progress=False)

    def build_from_texts(self, texts: Sequence[str]) -> None:
        stem = _stemmer()
        tokens = self._bm25s.tokenize(list(texts), stopwords=None, stemmer=stem, show_progress=False)
        self._bm25s.BM25(k1=self.k1, b=self.b, method="lucene").index(tokens, show_progress=False)

    def search(self, tokens: Sequence[str], k: int) -> Any:
        k = min(k, self._index.scores["num_docs"])
        found = self._index.retrieve([list(tokens)], k=k, show_progress=False)
        return found.documents[0], found.scores[0]

    def hits(self, answer: Any) -> list[tuple[int, float]]:
        # It pads with documents that have none of the words.
        return [(int(number), float(score)) for number, score in zip(*answer, strict=True) if score > 0]


def _stemmer() -> Any:
    """PyStemmer, as bm25s recommends, otherwise the same algorithm in Python."""
    try:
        import Stemmer
    except ImportError:
        import snowballstemmer

        return snowballstemmer.stemmer("english").stemWords
    return Stemmer.Stemmer("english")
