"""Vectors find texts with the same meaning, keywords find names and numbers. A hybrid search of five documents.

python hybrid_search.py
"""

from __future__ import annotations

import tempfile

from vecstore import SearchResult, VecStore
from vicinal.encoders.registry import resolve

DOCUMENTS = {
    "rust": "Rust is a language for systems that must be fast and must not crash.",
    "python": "Python is a language that reads well, for science, the web and everything between.",
    "error": "Error E0502: a value was borrowed as mutable while it was borrowed already.",
    "garden": "A garden wants water in the morning and shade at noon.",
    "bread": "Dough rests overnight, so that the yeast can work, and is baked in the morning.",
}

encoder = resolve("hashing:384")


def embed(text: str) -> list[float]:
    return encoder.encode([text])[0].tolist()


def show(title: str, results: list[SearchResult]) -> None:
    print(title)
    for result in results:
        print(f"  {result.score:.3f}  {result.id:<7} {DOCUMENTS[result.id][:50]}")


def main() -> None:
    question, words = "a fast language for systems", "E0502"
    with tempfile.TemporaryDirectory() as folder, VecStore(folder) as store:
        for id_, text in DOCUMENTS.items():
            store.upsert(id_, embed(text), {"length": len(text)})
            store.index_text(id_, text)

        show("By the vector alone", store.query(embed(question), k=2))
        show("Both, alpha 0.7", store.hybrid_query(embed(question), words, k=2, alpha=0.7))
        for alpha in (0.0, 0.5, 1.0):
            show(f"alpha {alpha}", store.hybrid_query(embed(question), words, k=2, alpha=alpha))
        short = store.hybrid_query(embed(question), "morning", k=2, alpha=0.3, filter="length < 60")
        show("Only short ones, about the morning", short)


if __name__ == "__main__":
    main()
