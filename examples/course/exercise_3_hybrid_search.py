"""Hybrid search by meaning and keywords, and an explanation of each document's rank.

pip install 'vicinal[minilm,cli]' && vicinal models add minilm
python examples/course/exercise_3_hybrid_search.py
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import vicinal

# Term frequency over length, times ln(N / document frequency), as the exercise defines it.
SCORER = vicinal.TfIdf(tf="raw", norm="length", idf="plain")
PREVIEW_CHARS = 200


@dataclass
class SearchResult:
    """A document and its scores; those of vectors and keywords are relative to the best one."""

    id: str
    content: str
    vector_score: float
    keyword_score: float
    hybrid_score: float
    metadata: dict[str, Any]


class HybridSearchEngine:
    """Documents in memory, searched by vectors and keywords.

    Args:
        encoder: one of Vicinal's; "hashing" compares spelling and needs no model.
    """

    def __init__(self, collection_name: str = "hybrid_search", encoder: str = "minilm") -> None:
        self.rows = vicinal.connect(":memory:").collection(collection_name, encoder=encoder, analyzer="course")

    def add_documents(self, documents: Sequence[Mapping[str, Any]]) -> None:
        """Stores dicts with `id`, `content` and any other keys; documents with existing ids are replaced."""
        self.rows.upsert(
            [document["id"] for document in documents],
            texts=[document["content"] for document in documents],
            metadata=[{key: value for key, value in one.items() if key != "content"} for one in documents],
        )

    def hybrid_search(
        self, query: str, top_k: int = 10, vector_weight: float = 0.7, keyword_weight: float = 0.3
    ) -> list[SearchResult]:
        """Returns the best by `vector_weight * vector_score + keyword_weight * keyword_score`.

        Each score is that of the document divided by the best one; cosines below 0 count as 0.
        """
        hits = self.rows.search(
            query,
            top_k,
            mode="hybrid",
            fusion="combsum",
            weights={"dense": vector_weight, "keyword": keyword_weight},
            scorer=SCORER,
        )
        best = {
            "dense": self.rows.search(query, 1).scores,
            "keyword": self.rows.search(query, 1, mode="keyword", scorer=SCORER).scores,
        }
        return [
            SearchResult(
                id=str(hit.id),
                content=hit.text or "",
                vector_score=_share(hit, "dense", best),
                keyword_score=_share(hit, "keyword", best),
                hybrid_score=hit.score * (vector_weight + keyword_weight),
                metadata={**hit.metadata, "content": hit.text},
            )
            for hit in hits
        ]

    def explain_search(self, query: str, doc_id: str) -> dict[str, Any]:
        """Returns the scores of a document, and for each word of the query its counts here and in all others."""
        if doc_id not in self.rows:
            return {"error": f"there is not a document {doc_id!r}"}
        explained = self.rows.explain(query, 1, {"$id": doc_id}, mode="hybrid", fusion="combsum", scorer=SCORER)
        [hit] = explained.hits
        counts = {term.term: term.count for term in hit.terms}
        text = hit.text or ""
        return {
            "document_id": doc_id,
            "query": query,
            "vector_score": _score(hit, "dense"),
            "keyword_score": _score(hit, "keyword"),
            "term_analysis": {
                term.term: {
                    "in_document": term.term in counts,
                    "document_frequency": term.texts,
                    "term_frequency": counts.get(term.term, 0),
                }
                for term in explained.terms
            },
            "document_preview": text if len(text) <= PREVIEW_CHARS else text[:PREVIEW_CHARS] + "...",
        }


def _score(hit: Any, leg: str) -> float:
    """Returns the score of a leg; 0 if the document does not match there."""
    said = hit.legs[leg].score if leg in hit.legs else None
    return said or 0.0


def _share(hit: Any, leg: str, best: Mapping[str, list[float]]) -> float:
    top = best[leg][0] if best[leg] else 0.0
    return max(_score(hit, leg), 0.0) / top if top > 0 else 0.0


DOCUMENTS = [
    {"id": "sourdough", "content": "Sourdough rises slowly: wild yeast needs a whole night.", "category": "baking"},
    {"id": "rye", "content": "Rye bread keeps for two weeks when it is wrapped in linen.", "category": "baking"},
    {"id": "wine", "content": "Yeast turns the sugar of grapes into alcohol.", "category": "cellar"},
    {"id": "kiln", "content": "A potter's kiln reaches twelve hundred degrees.", "category": "craft"},
    {"id": "oven", "content": "Heat the oven long before the loaf goes in.", "category": "baking"},
]


def main(encoder: str = "minilm") -> tuple[list[SearchResult], dict[str, Any]]:
    """Searches, explains the best hit, and returns both."""
    engine = HybridSearchEngine(encoder=encoder)
    engine.add_documents(DOCUMENTS)
    query = "yeast for bread"
    results = engine.hybrid_search(query, top_k=5)
    for rank, one in enumerate(results, 1):
        parts = f"vectors {one.vector_score:.3f}, words {one.keyword_score:.3f}"
        print(f"{rank}. {one.hybrid_score:.3f} ({parts}) {one.metadata['category']}: {one.content}")
    explained = engine.explain_search(query, results[0].id)
    for word, said in explained["term_analysis"].items():
        print(f"{word!r}: {said}")
    return results, explained


if __name__ == "__main__":
    main()
