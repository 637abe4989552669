"""The course's programs that search texts by meaning."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.course import program
from vicinal.encoders import MiniLM
from vicinal.errors import InvalidText

SETUP = program("test_vector_setup")
EMBEDDING = program("advanced_embedding_system")
DATABASE = program("comprehensive_vector_database")

meaning = pytest.mark.skipif(not MiniLM.available(), reason="the weights of MiniLM are not installed")


def test_the_setup_is_checked(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a-secret")
    monkeypatch.setitem(SETUP.EXTRAS, "nothing", "no_such_module")
    assert SETUP.test_vector_db_installation() is True
    said = capsys.readouterr().out
    assert "missing nothing: pip install 'vicinal[nothing]'" in said
    assert "set     OPENAI_API_KEY" in said
    assert "sk-a-secret" not in said

    def broken() -> str:
        """Something."""
        raise RuntimeError("no luck")

    monkeypatch.setattr(SETUP, "CHECKS", (broken,))
    assert SETUP.test_vector_db_installation() is False
    assert "FAILS   Something.: RuntimeError: no luck" in capsys.readouterr().out


@pytest.fixture
def system(tmp_path: Path) -> Any:
    system = EMBEDDING.AdvancedEmbeddingSystem("hashing:64", cache_dir=str(tmp_path / "cache"))
    yield system
    system._database.close()


def test_no_text_is_encoded_twice(system: Any, tmp_path: Path) -> None:
    first = system.encode_texts(["one text", "another", "one text", ""], batch_size=2)
    assert (system.cache_hits, system.cache_misses) == (1, 3)
    assert first.shape == (4, 64)
    assert np.array_equal(first[0], first[2])
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(first[:3], system.encoder.encode(["one text", "another", "one text"]), rtol=1e-6)
    assert np.array_equal(system.encode_texts(["another"]), first[1:2])
    assert system.encode_texts([]).shape == (0, 64)
    stats = system.get_performance_stats()
    assert stats["cache_stats"] == {"hits": 2, "misses": 3, "hit_rate": 0.4}
    assert stats["timing_stats"]["total_encoding_calls"] == 3
    assert stats["model_info"] == {"name": "hashing:64", "dimension": 64, "device": "cpu"}
    system._database.close()
    later = EMBEDDING.AdvancedEmbeddingSystem("hashing:64", cache_dir=str(tmp_path / "cache"))
    assert np.array_equal(later.encode_texts(["another"]), first[1:2])
    assert (later.cache_hits, later.cache_misses) == (1, 0)
    other = EMBEDDING.AdvancedEmbeddingSystem("hashing:32", cache_dir=str(tmp_path / "cache"))
    assert other.encode_texts(["another"]).shape == (1, 32)
    assert (other.cache_hits, other.cache_misses) == (0, 1)
    later._database.close()
    other._database.close()


def test_similar_texts_by_both_metrics(system: Any) -> None:
    texts = ["red wine", "green tea", "red wines", "red wine"]
    cosine = system.find_similar("red wine", texts, top_k=3)
    assert [(text, place) for text, _, place in cosine] == [("red wine", 0), ("red wine", 3), ("red wines", 2)]
    assert cosine[0][1] == pytest.approx(1)
    [first, *_, last] = system.find_similar("red wine", texts, top_k=9, similarity_metric="euclidean")
    assert first[1] == pytest.approx(1)
    distance = np.linalg.norm(np.subtract(*system.encode_texts(["red wine", "green tea"])))
    assert last == ("green tea", pytest.approx(1 / (1 + distance), rel=1e-5), 1)
    assert system.find_similar("red wine", []) == []
    with pytest.raises(ValueError, match="not 'dot'"):
        system.find_similar("red wine", texts, similarity_metric="dot")


def test_precision_is_the_share_of_right_ones(system: Any) -> None:
    found = system.benchmark_similarity_metrics("red wine", ["red wine", "tea", "red wines", "milk"], [0, 2])
    assert list(found) == ["precision@1", "precision@3"]
    assert found["precision@3"] == {name: pytest.approx(2 / 3) for name in ("cosine", "euclidean", "dot_product")}


def test_any_text_has_a_vector_and_what_is_none_is_refused(system: Any) -> None:
    long = "x" * 100_000
    assert system.find_similar(long, ["y", long, "世界"], top_k=9)[0] == (long, pytest.approx(1), 1)
    with pytest.raises(InvalidText, match="surrogate"):
        system.encode_texts(["good", "\ud800"])
    with pytest.raises(ValueError, match="no text"):
        system.analyze_embedding_space([])
    assert "pca_explained_variance" not in system.analyze_embedding_space(["a"])
    same = system.analyze_embedding_space(["a", "a"], ["one", "one"])
    assert (same["pca_explained_variance"], same["labels"]) == ([0.0], {"one": 2})


def test_embeddings_are_saved_without_pickle(system: Any) -> None:
    vectors = system.encode_texts(["a", "b"])
    path = system.save_embeddings(["a", "b"], vectors, {"n": 1, "who": "münchen"})
    with np.load(path, allow_pickle=False) as file:
        assert json.loads(str(file["facts"]))["metadata"] == {"n": 1, "who": "münchen"}
    texts, loaded, about = system.load_embeddings("embeddings.npz")
    assert texts == ["a", "b"]
    assert np.array_equal(loaded, vectors)
    assert (about["model_name"], about["dimension"], about["who"]) == ("hashing:64", 64, "münchen")
    assert datetime.fromisoformat(about["timestamp"]) <= datetime.now()
    with pytest.raises(FileNotFoundError):
        system.load_embeddings("nothing.npz")
    with pytest.raises(ValueError, match="each text"):
        system.save_embeddings(["a"], vectors)


@meaning
def test_the_program_finds_by_meaning(tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    found = EMBEDDING.test_advanced_embedding_system(folder=str(tmp_path))
    assert {place for _, _, place in found["similar"][:2]} == {0, 1}
    assert found["precision"]["precision@1"]["cosine"] == 1.0
    shares = found["analysis"]["pca_explained_variance"]
    assert len(shares) == 9
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1)
    assert found["analysis"]["magnitude_stats"]["mean"] == pytest.approx(1)
    assert found["analysis"]["metrics"].total_embeddings == 10
    points = np.array(found["analysis"]["tsne_embeddings"])
    assert points.shape == (10, 2)
    assert np.isfinite(points).all()
    assert len(np.unique(points, axis=0)) == 10
    assert found["same"]
    assert found["loaded"]["purpose"] == "a trial"
    assert found["stats"]["cache_stats"]["hits"] > found["stats"]["cache_stats"]["misses"]
    figure = found["figure"]
    assert {trace.name: len(trace.x) for trace in figure.data} == dict.fromkeys(set(EMBEDDING.TEXTS.values()), 2)
    assert figure.layout.legend.title.text == "label"
    assert figure.layout.xaxis.title.text == "t-SNE 1"
    assert (tmp_path / "embeddings.html").exists()


def test_documents_go_to_json_and_back() -> None:
    document = DATABASE.VectorDocument("a", "text", np.array([1, 2], np.float32), {"n": [1]})
    again = DATABASE.VectorDocument.from_dict(json.loads(json.dumps(document.to_dict())))
    assert np.array_equal(again.vector, document.vector)
    assert (again.id, again.content, again.metadata, again.timestamp) == ("a", "text", {"n": [1]}, document.timestamp)


@pytest.mark.parametrize("name", ["FlatIndex", "LSHIndex", "IVFIndex"])
def test_each_index_finds_removes_and_counts(name: str) -> None:
    vectors = np.random.default_rng(4).normal(size=(60, 8)).astype(np.float32)
    index = getattr(DATABASE, name)(8)
    assert isinstance(index, DATABASE.VectorIndex)
    assert index.search(vectors[0], 3) == []
    assert index.get_stats()["total_vectors"] == 0
    ids = [f"v{i}" for i in range(60)]
    index.add_vectors(vectors, ids)
    [first, *_] = found = index.search(vectors[5], 7)
    assert first == ("v5", pytest.approx(1))
    cosines = vectors @ vectors[5] / np.linalg.norm(vectors, axis=1)
    assert [id_ for id_, _ in found] == [ids[i] for i in np.argsort(-cosines)[:7]]
    assert index.remove_vector("v5") is True
    assert index.remove_vector("v5") is False
    assert "v5" not in dict(index.search(vectors[5], 60))
    stats = index.get_stats()
    assert (stats["type"], stats["dimension"], stats["total_vectors"]) == (name, 8, 59)
    if name == "LSHIndex":
        assert (stats["n_projections"], stats["n_tables"]) == (10, 5)
        assert stats["total_buckets"] * stats["avg_bucket_size"] == pytest.approx(5 * 59)
    if name == "IVFIndex":
        assert stats["avg_cluster_size"] * 8 == 59
        assert [id_ for id_, _ in index.search(vectors[6], 1, n_probe=8)] == ["v6"]


@meaning
def test_the_database_with_each_index(capsys: pytest.CaptureFixture[str]) -> None:
    for name, found in DATABASE.test_comprehensive_vector_database().items():
        contents = [result.document.content for result in found["results"]]
        assert contents[0].startswith("Wind turbines")
        assert [result.rank for result in found["results"]] == [1, 2, 3]
        assert {result.document.metadata["category"] for result in found["filtered"]} == {"energy"}
        assert len(found["filtered"]) == 2
        assert found["first"].content == next(iter(DATABASE.DOCUMENTS))
        assert (found["deleted"], found["after"]) == ((True, False), None)
        assert [result.document.content for result in found["copied"]] == contents
        assert found["copied"][0].document.timestamp == found["results"][0].document.timestamp
        stats = found["stats"]["database_stats"]
        assert (stats["total_documents"], stats["total_searches"]) == (9, 2)
        assert found["stats"]["index_stats"]["type"].lower() == f"{name}index"
        assert found["logged"] == ["electricity from the wind"] * 2


def test_the_database_is_found_again_and_filters_by_any_key(tmp_path: Path) -> None:
    first = DATABASE.ComprehensiveVectorDatabase(str(tmp_path / "db"), "hashing:32")
    ids = first.add_documents(["tea", "tea"], [{"a.b": 1}, {"a.b": 2, "c\\": "x"}])
    assert len({*ids}) == 2
    first.close()
    again = DATABASE.ComprehensiveVectorDatabase(str(tmp_path / "db"), "hashing:32")
    assert [result.document.id for result in again.search("tea", 9, {"a.b": 2, "c\\": "x"})] == [ids[1]]
    assert again.get_document(ids[0]).metadata == {"a.b": 1}
    (tmp_path / "other.json").write_text('{"documents": [{"id": "a"}]}')
    with pytest.raises(ValueError, match="not written by export_data"):
        again.import_data(str(tmp_path / "other.json"))
    assert again.get_stats()["database_stats"]["total_documents"] == 2
    again.close()
    memory = DATABASE.ComprehensiveVectorDatabase(str(tmp_path / "no"), "hashing:32", enable_persistence=False)
    memory.add_documents(["tea"], ids=["t"])
    assert memory.search("tea")[0].document.id == "t"
    assert not (tmp_path / "no").exists()
    with pytest.raises(ValueError, match="not 'tree'"):
        DATABASE.ComprehensiveVectorDatabase(str(tmp_path / "no"), "hashing:32", index_type="tree")
