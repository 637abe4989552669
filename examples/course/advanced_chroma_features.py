"""More of Chroma's API: embedding functions, batches, filters, a minimum similarity; on Vicinal and on chromadb.

pip install 'vicinal[minilm,cli]' && vicinal models add minilm
python examples/course/advanced_chroma_features.py
python examples/course/advanced_chroma_features.py --chromadb    # after pip install chromadb
"""

from __future__ import annotations

import tempfile
from importlib import import_module
from typing import Any

from chroma_implementation import ChromaVectorDB, chroma_of_arguments

DOCUMENTS = 1000
COLUMNS = ("documents", "metadatas", "distances")


class AdvancedChromaFeatures:
    """Typical uses of a database through Chroma's API.

    Args:
        openai_api_key: encodes with OpenAI's text-embedding-ada-002, which sends the documents there. Without a key,
            the model is all-MiniLM-L6-v2 on this machine.
        vdb: the database; by default a new one in ./chroma_db.
    """

    def __init__(self, openai_api_key: str | None = None, vdb: ChromaVectorDB | None = None) -> None:
        self.vdb = vdb or ChromaVectorDB()
        self.openai_api_key = openai_api_key

    def setup_custom_embedding_function(self) -> Any:
        """Returns OpenAI's function if there is a key, otherwise Chroma's default function."""
        functions = import_module(f"{self.vdb.chroma.__name__}.utils.embedding_functions")
        if self.openai_api_key:
            return functions.OpenAIEmbeddingFunction(api_key=self.openai_api_key, model_name="text-embedding-ada-002")
        return functions.DefaultEmbeddingFunction()

    def create_multi_modal_collection(self) -> Any:
        """Returns the collection `multi_modal_docs`, which remembers its embedding function."""
        model = "text-embedding-ada-002" if self.openai_api_key else "all-MiniLM-L6-v2"
        about = {"description": "numbered reports by subject", "embedding_model": model}
        return self.vdb.create_collection("multi_modal_docs", self.setup_custom_embedding_function(), about)

    def batch_operations(self, collection_name: str, batch_size: int = 100) -> list[str]:
        """Stores a thousand documents in batches; returns their ids."""
        subjects = ("tides", "bridges", "bees", "chess", "glass", "maps", "opera", "salt", "trams", "violins")
        ids: list[str] = []
        for start in range(0, DOCUMENTS, batch_size):
            numbers = range(start, min(start + batch_size, DOCUMENTS))
            ids += self.vdb.add_documents(
                collection_name,
                [f"Report {number} on {subjects[number % 10]}" for number in numbers],
                [{"doc_id": number, "topic_id": number % 10, "batch": number // batch_size} for number in numbers],
            )
        return ids

    def complex_filtering(self, collection_name: str) -> list[Any]:
        """Returns the ten nearest under each of three filters."""
        filters: list[dict[str, Any]] = [
            {"topic_id": {"$in": [1, 2, 3]}},
            {"doc_id": {"$gte": 100}},
            {"batch": {"$lt": 5}},
        ]
        return [
            self.vdb.query(collection_name, query_texts=["a report"], n_results=10, where=condition)
            for condition in filters
        ]

    def similarity_search_with_score_threshold(
        self, collection_name: str, query: str, threshold: float = 0.7
    ) -> dict[str, list[list[Any]]]:
        """Returns all rows whose cosine with the query is at least `threshold`.

        Raises:
            ValueError: the metric of the collection is not cosine, so its distances do not determine it.
        """
        collection = self.vdb.get_collection(collection_name)
        space = (collection.metadata or {}).get("hnsw:space", "l2")
        if space != "cosine":
            raise ValueError(f"a least cosine needs a collection with hnsw:space cosine, and this one has {space}")
        count, asked = collection.count(), 50
        while True:  # until the last row is too far away
            found = self.vdb.query(collection_name, query_texts=[query], n_results=min(asked, max(count, 1)))
            kept = [distance for distance in found["distances"][0] if 1 - distance >= threshold]
            if len(kept) < len(found["distances"][0]) or asked >= count:
                return {column: [found[column][0][: len(kept)]] for column in COLUMNS}
            asked *= 4


def main(folder: str, chroma: Any) -> dict[str, Any]:
    """Uses every feature once; returns what it found."""
    advanced = AdvancedChromaFeatures(vdb=ChromaVectorDB(folder, chroma))
    advanced.create_multi_modal_collection()
    ids = advanced.batch_operations("multi_modal_docs")
    print(f"{len(ids)} documents in batches of 100")
    filtered = advanced.complex_filtering("multi_modal_docs")
    for found in filtered:
        print(f"{len(found['documents'][0])} hits, the first: {found['documents'][0][0]}")
    near = advanced.similarity_search_with_score_threshold("multi_modal_docs", "Report 7 on salt", threshold=0.8)
    print(f"{len(near['documents'][0])} documents with a cosine of 0.8 or more; {near['documents'][0][:3]}")
    return {"ids": ids, "filtered": filtered, "near": near}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        main(scratch, chroma_of_arguments())
