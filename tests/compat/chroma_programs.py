"""Programs from PyPI that keep their data in Chroma, using their own classes: prints their results as JSON.

`python chroma_programs.py PROGRAM theirs` runs on chromadb itself, `ours` on the replacement.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from typing import Any

Found = dict[str, Any]


def rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4) + 0.0
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in sorted(value.items())}
    return [rounded(item) for item in value] if isinstance(value, (list, tuple)) else value


def said(call: Callable[[], Any]) -> Any:
    try:
        return rounded(call())
    except Exception as error:
        return f"raises {type(error).__name__}"


def langchain() -> Found:
    from langchain_chroma import Chroma
    from langchain_core.documents import Document
    from langchain_core.embeddings import Embeddings

    class Letters(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [[text.count(letter) + 0.1 for letter in "abcdef"] for text in texts]

        def embed_query(self, text: str) -> list[float]:
            return self.embed_documents([text])[0]

    def shown(documents: list[Any]) -> Any:
        return [(one.id, one.page_content, one.metadata) for one in documents]

    def scored(pairs: list[Any]) -> Any:
        return [(one.id, score) for one, score in pairs]

    folder, texts = tempfile.mkdtemp(), ["aaab", "bbbc", "cccd", "deff"]
    options: dict[str, Any] = {"persist_directory": folder, "collection_metadata": {"hnsw:space": "cosine"}}
    store = Chroma("letters", Letters(), **options)
    found: Found = {
        "add": said(lambda: store.add_texts(texts, [{"n": i} for i in range(4)], ["i", "j", "k", "l"])),
        "document": said(lambda: store.add_documents([Document(page_content="abc", metadata={"s": "x"}, id="m")])),
        "search": said(lambda: shown(store.similarity_search("aab", k=3))),
        "scores": said(lambda: scored(store.similarity_search_with_score("aab", k=3))),
        "filter": said(lambda: shown(store.similarity_search("aab", k=4, filter={"n": {"$gt": 1}}))),
        "text": said(lambda: shown(store.similarity_search("aab", k=4, where_document={"$contains": "bc"}))),
        "vector": said(lambda: shown(store.similarity_search_by_vector([1, 2, 3, 0, 0, 0], k=1))),
        "mmr": said(lambda: shown(store.max_marginal_relevance_search("aab", k=3, fetch_k=5))),
        "vectors": said(
            lambda: [(one.id, list(map(float, v))) for one, v in store.similarity_search_with_vectors("b", k=2)]
        ),
        "get": said(lambda: sorted(store.get(where={"n": {"$gte": 2}})["documents"])),
        "by id": said(lambda: sorted(shown(store.get_by_ids(["l", "i"])))),
        "update": said(lambda: store.update_document("j", Document(page_content="aaa", metadata={"q": 1}))),
        "updated": said(lambda: shown(store.similarity_search("aaa", k=1))),
        "delete": said(lambda: store.delete(["i"])),
        "retriever": said(lambda: shown(store.as_retriever(search_kwargs={"k": 2}).invoke("dff"))),
        "hybrid": said(lambda: store.hybrid_search(None)),
        "fork": said(lambda: store.fork("other")),
    }
    again = Chroma("letters", Letters(), **options)
    found["reopened"] = said(lambda: shown(again.similarity_search("dff", k=4)))
    found["from_texts"] = said(
        lambda: shown(Chroma.from_texts(["ab"], Letters(), ids=["x"], client=again._client).similarity_search("a"))
    )
    found["reset"] = said(lambda: (again.reset_collection(), again._collection.count()))
    return found


def llama_index() -> Found:
    import chromadb
    from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
    from llama_index.core.vector_stores import FilterOperator, MetadataFilter, MetadataFilters, VectorStoreQuery
    from llama_index.vector_stores.chroma import ChromaVectorStore

    folder = tempfile.mkdtemp()
    rows = chromadb.PersistentClient(path=folder).get_or_create_collection("nodes")
    store = ChromaVectorStore(chroma_collection=rows)

    def node(i: int) -> Any:
        source = {NodeRelationship.SOURCE: RelatedNodeInfo(node_id=f"doc{i % 2}")}
        vector = [float(i), 1.0, 0.5]
        return TextNode(id_=f"n{i}", text=f"text {i}", embedding=vector, metadata={"n": i}, relationships=source)

    def asked(of: Any = store, **options: Any) -> Any:
        query = VectorStoreQuery(query_embedding=[2.2, 1.0, 0.5], similarity_top_k=3, **options)
        found = of.query(query)
        return found.ids, found.similarities, [one.text for one in found.nodes]

    def kept(operator: Any) -> Any:
        value: Any = [1, 2] if operator.name in ("IN", "NIN", "ANY", "ALL") else 2
        return asked(filters=MetadataFilters(filters=[MetadataFilter(key="n", value=value, operator=operator)]))

    found: Found = {"add": said(lambda: store.add([node(i) for i in range(6)])), "query": said(asked)}
    found |= {f"filter {one.name}": said(lambda one=one: kept(one)) for one in FilterOperator}
    found |= {
        "nodes": said(lambda: [one.node_id for one in store.get_nodes(node_ids=["n1", "n3"])]),
        "delete": said(lambda: (store.delete("doc1"), rows.count())),
        "delete_nodes": said(lambda: (store.delete_nodes(node_ids=["n0"]), rows.count())),
        "mmr": said(lambda: asked(mode="mmr")),
    }
    again = ChromaVectorStore.from_params(collection_name="nodes", persist_dir=folder)
    found["reopened"] = said(lambda: asked(again))
    found["clear"] = said(lambda: (again.clear(), rows.count()))
    return found


def mem0() -> Found:
    from mem0.vector_stores.chroma import ChromaDB

    def shown(memories: list[Any]) -> Any:
        return [(one.id, one.score, one.payload) for one in memories]

    folder = tempfile.mkdtemp()
    store = ChromaDB("memories", path=folder)
    payloads = [{"data": "a", "user_id": "u"}, {"data": "b", "user_id": "v"}, {"data": "c", "user_id": "u", "n": 2}]
    found: Found = {
        "insert": said(lambda: store.insert([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], payloads, ["i", "j", "k"])),
        "search": said(lambda: shown(store.search("q", [[1.0, 2.0]], top_k=2))),
        "filter": said(lambda: shown(store.search("q", [[1.0, 2.0]], top_k=5, filters={"user_id": "u"}))),
        "filters": said(lambda: shown(store.search("q", [[1.0, 2.0]], filters={"user_id": "u", "n": {"gte": 2}}))),
        "get": said(lambda: shown([store.get("j")])),
        "get none": said(lambda: store.get("no")),
        "list": said(lambda: [shown(one) for one in store.list(filters={"user_id": "u"})]),
        "update": said(lambda: (store.update("i", vector=[9.0, 9.0], payload={"data": "z"}), shown([store.get("i")]))),
        "delete": said(lambda: (store.delete("i"), [shown(one) for one in store.list()])),
        "collections": said(lambda: [one.name for one in store.list_cols()]),
    }
    again = ChromaDB("memories", client=store.client)
    found["reopened"] = said(lambda: [shown(one) for one in again.list()])
    found["reset"] = said(lambda: (again.reset(), [shown(one) for one in again.list()]))
    return found


if __name__ == "__main__":
    if sys.argv[2] == "ours":
        import vicinal.compat.chroma

        vicinal.compat.chroma.install()
    print("FOUND", json.dumps({"langchain": langchain, "llama_index": llama_index, "mem0": mem0}[sys.argv[1]]()))
