"""Models encode texts, and rank them."""

from __future__ import annotations

from vikingdb.vector import (
    EmbeddingData,
    EmbeddingModelOpt,
    EmbeddingRequest,
    FullModalData,
    RerankRequest,
    VikingDB,
)


def test_scenario_embedding_of_texts(client: VikingDB) -> None:
    request = EmbeddingRequest(
        data=[EmbeddingData(text="one"), EmbeddingData(text="two")],
        dense_model=EmbeddingModelOpt(name="bge-m3"),
        sparse_model=EmbeddingModelOpt(name="bge-m3"),
    )
    made = client.embedding().embedding(request).result.data
    assert [len(item.dense) for item in made] == [1024, 1024]
    assert all(item.sparse for item in made)


def test_scenario_embedding_of_parts(client: VikingDB) -> None:
    request = EmbeddingRequest(
        data=[EmbeddingData(full_modal_seq=[FullModalData(text="a red fox")])],
        dense_model=EmbeddingModelOpt(name="doubao-embedding-vision", version="250615"),
    )
    result = client.embedding().embedding(request).result
    assert result.data[0].dense
    assert "doubao-embedding-vision__250615" in result.token_usage


def test_scenario_rerank(client: VikingDB) -> None:
    texts = ("bread is baked at night", "the harbour pilot boards ships")
    request = RerankRequest(
        model_name="doubao-seed-rerank",
        model_version="251028",
        query=[FullModalData(text="who boards ships")],
        data=[[FullModalData(text=text)] for text in texts],
        return_origin_data=True,
    )
    made = client.rerank().rerank(request).result.data
    assert [item.id for item in made] == [0, 1]
    assert made[1].score > made[0].score
    assert made[0].origin_data[0].text == texts[0]
