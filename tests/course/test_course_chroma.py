"""The course's programs with Chroma's API, on Vicinal, and on chromadb if it is installed."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.course import program
from vicinal.encoders import MiniLM
from vicinal.encoders.hashing import HashingEncoder

PLAIN, ADVANCED = program("chroma_implementation"), program("advanced_chroma_features")


@pytest.fixture(scope="module", params=["vicinal.compat.chroma", "chromadb"])
def chroma(request: pytest.FixtureRequest) -> Any:
    if find_spec(request.param) is None:
        pytest.skip("chromadb is in the dependency group chroma alone")
    return import_module(request.param)


@pytest.fixture(scope="module")
def spelling(chroma: Any) -> Any:
    """An embedding function that needs no model, with the class of either module."""
    encoder = HashingEncoder(64)

    class Spelling(chroma.EmbeddingFunction):
        def __init__(self) -> None:
            pass

        def __call__(self, input: Any) -> Any:
            return list(encoder.encode(list(input)))

        @staticmethod
        def name() -> str:
            return "spelling"

        @staticmethod
        def build_from_config(config: Any) -> Any:
            return Spelling()

        def get_config(self) -> dict[str, Any]:
            return {}

    return Spelling()


def test_the_program(chroma: Any, spelling: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = PLAIN.main(str(tmp_path / "db"), chroma, spelling)
    distances = found["found"]["distances"][0]
    assert found["found"]["documents"][0][0].startswith("Why stars shine")
    assert len(distances) == 3
    assert distances == sorted(distances)
    assert {metadata["genre"] for metadata in found["cooking"]["metadatas"][0]} == {"cooking"}
    assert found["info"]["count"] == 4
    assert found["info"]["metadata"]["about"] == "books of a small library"
    assert found["left"]["metadatas"] == [{"genre": "novel", "pages": 312}]
    assert found["names"] == ["books"]


def test_collections_are_opened_again_and_rows_need_no_metadata(chroma: Any, spelling: Any, tmp_path: Path) -> None:
    database = PLAIN.ChromaVectorDB(str(tmp_path / "db"), chroma)
    first = database.create_collection("one", spelling)
    assert database.create_collection("one", spelling).id == first.id
    ids = database.add_embeddings("one", [[1.0, 0.0], [0.0, 1.0]], metadatas=[{}, {"n": 1}])
    assert len({*ids}) == 2
    found = database.query("one", query_embeddings=[[0.1, 1.0]], n_results=1, include=["metadatas"])
    assert found["metadatas"] == [[{"n": 1}]]
    database.delete_documents("one", ids[:1])
    assert database.get_collection_info("one")["count"] == 1
    with pytest.raises(Exception, match="nothing"):
        database.get_collection("nothing")


@pytest.fixture(scope="module")
def advanced(chroma: Any, spelling: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    class Spelled(ADVANCED.AdvancedChromaFeatures):
        def setup_custom_embedding_function(self) -> Any:
            return spelling

    made = Spelled(vdb=PLAIN.ChromaVectorDB(str(tmp_path_factory.mktemp("advanced")), chroma))
    made.create_multi_modal_collection()
    made.is_exact = chroma.__name__ != "chromadb"  # whose graph may miss some
    made.ids = made.batch_operations("multi_modal_docs", batch_size=300)
    return made


def test_batches_hold_all_documents_once(advanced: Any) -> None:
    assert len({*advanced.ids}) == 1000
    collection = advanced.vdb.get_collection("multi_modal_docs")
    assert collection.count() == 1000
    assert collection.metadata["embedding_model"] == "all-MiniLM-L6-v2"
    batches = [metadata["batch"] for metadata in collection.get(include=["metadatas"])["metadatas"]]
    assert [batches.count(batch) for batch in range(4)] == [300, 300, 300, 100]


def test_each_filter_is_kept(advanced: Any) -> None:
    among, from_, below = (found["metadatas"][0] for found in advanced.complex_filtering("multi_modal_docs"))
    assert len(among) == len(from_) == len(below) == 10
    assert all(metadata["topic_id"] in (1, 2, 3) for metadata in among)
    assert all(metadata["doc_id"] >= 100 for metadata in from_)
    assert all(metadata["batch"] < 5 for metadata in below)


def test_a_threshold_is_the_cosine_and_has_no_end_at_fifty(advanced: Any) -> None:
    query, encoder = "Report 7 on salt", HashingEncoder(64)
    documents = advanced.vdb.get_collection("multi_modal_docs").get(include=["documents"])["documents"]
    cosines = (encoder.encode(documents) @ encoder.encode([query])[0]).astype(float)
    for threshold in (0.5, 0.9, 1.5):
        found = advanced.similarity_search_with_score_threshold("multi_modal_docs", query, threshold)
        count, true = len(found["documents"][0]), np.count_nonzero(cosines >= threshold)
        assert count == len(found["distances"][0]) == len(found["metadatas"][0])
        assert count == true if advanced.is_exact else 0.98 * true <= count <= true
    assert np.count_nonzero(cosines >= 0.5) > 50
    advanced.vdb.create_collection("far", metadata={"hnsw:space": "l2"})
    with pytest.raises(ValueError, match=re.escape("hnsw:space cosine, and this one has l2")):
        advanced.similarity_search_with_score_threshold("far", query)


def test_without_a_key_the_model_is_on_this_machine(chroma: Any, tmp_path: Path) -> None:
    if not MiniLM.available():
        pytest.skip("the weights of MiniLM are not installed")
    features = ADVANCED.AdvancedChromaFeatures(vdb=PLAIN.ChromaVectorDB(str(tmp_path / "db"), chroma))
    assert features.setup_custom_embedding_function().name() == "default"
