"""Vectors from a model are written and searched by the client itself."""

from __future__ import annotations

from typing import Any

from scenario import eventually, of_run

from vikingdb.vector import (
    EmbeddingData,
    EmbeddingModelOpt,
    EmbeddingRequest,
    SearchByIDRequest,
    SearchByVectorRequest,
    UpsertDataRequest,
    VikingDB,
)


def test_scenario_vector_search(client: VikingDB, target: dict[str, str], paragraph: int, cleanup: Any) -> None:
    cleanup("vector", "vector_index")
    texts = [f"{word} of session {paragraph}" for word in ("copper", "silver", "mercury")]
    request = EmbeddingRequest(
        data=[EmbeddingData(text=text) for text in texts], dense_model=EmbeddingModelOpt(name="bge-m3")
    )
    vectors = [item.dense for item in client.embedding().embedding(request).result.data]
    rows = [
        {"title": text, "paragraph": paragraph + i, "score": float(i), "text": text, "vector": vector}
        for i, (text, vector) in enumerate(zip(texts, vectors, strict=True))
    ]
    client.collection(collection_name="vector", **target).upsert(UpsertDataRequest(data=rows))
    index = client.index(collection_name="vector", index_name="vector_index", **target)
    nearest = SearchByVectorRequest(
        dense_vector=vectors[1], filter=of_run(paragraph), limit=2, output_fields=["title", "paragraph"]
    )
    eventually(lambda: len(index.search_by_vector(nearest).result.data) == 2)
    hits = index.search_by_vector(nearest).result.data
    assert hits[0].fields == {"title": texts[1], "paragraph": paragraph + 1}
    assert hits[0].score >= hits[1].score
    by_id = index.search_by_id(SearchByIDRequest(id=hits[0].id, filter=of_run(paragraph), limit=1)).result.data
    assert [hit.id for hit in by_id] == [hits[0].id]
