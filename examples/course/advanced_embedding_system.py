"""Encodes each text only once, finds the nearest, and shows the vector space in numbers and as a map.

pip install 'vicinal[minilm,cli,viz]' && vicinal models add minilm
python examples/course/advanced_embedding_system.py     # the map is in embeddings.html
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

import vicinal
from vicinal.encoders import as_encoder
from vicinal.progress import progress
from vicinal.settings import encoder_named
from vicinal.visualize import plot_map, project, write

METRICS: Mapping[str, Any] = {"cosine": "cosine", "euclidean": "l2", "dot_product": "ip"}
PRECISION_AT = (1, 3, 5, 10)
TSNE_FROM = 10  # texts


@dataclass
class EmbeddingMetrics:
    """Statistics of the vectors of a model."""

    model_name: str
    dimension: int
    total_embeddings: int
    avg_magnitude: float
    std_magnitude: float
    sparsity_ratio: float
    timestamp: datetime


class AdvancedEmbeddingSystem:
    """An encoder with a cache on disk, and analyses of its vectors.

    Args:
        model_name: that of the course, which is the engine's MiniLM, or the name of another encoder of Vicinal:
            "hashing", "sentence-transformers:MODEL".
        cache_dir: the folder with the vectors of earlier runs, and the files of `save_embeddings`.
        enable_gpu: requests a GPU; MiniLM runs on the CPU, and `encoder.device` is the actual device.
    """

    def __init__(
        self,
        model_name: str = "sentence-transformers/all-MiniLM-L6-v2",
        cache_dir: str = "./embedding_cache",
        enable_gpu: bool = True,
    ) -> None:
        self.model_name = model_name
        self.cache_dir = Path(cache_dir)
        self.cache_dir.mkdir(parents=True, exist_ok=True)
        self.encoder = as_encoder(encoder_named(model_name))
        self.dimension = self.encoder.dim
        self.enable_gpu = enable_gpu
        self.embedding_times: list[float] = []
        self.cache_hits = 0
        self.cache_misses = 0
        self._database = vicinal.connect(self.cache_dir)
        # One row per text, with an id computed from the text, so no text is encoded twice, even in later runs. One
        # collection per model.
        model = blake2b(self.encoder.fingerprint.encode(), digest_size=16).hexdigest()
        self._known = self._database.collection(f"known-{model}", encoder=self.encoder)

    def encode_texts(
        self, texts: Sequence[str], batch_size: int = 32, show_progress: bool = True, normalize: bool = True
    ) -> np.ndarray:
        """Returns vectors of texts, float32, shape (len(texts), dimension).

        Args:
            batch_size: texts that are encoded at once.
            show_progress: shows a bar, on a terminal.
            normalize: False returns the vectors as the model produces them; those of MiniLM are normalized anyway.
        """
        start = time.perf_counter()
        ids = dict.fromkeys(_id(text) for text in texts)
        new = [text for text in dict.fromkeys(texts) if _id(text) not in self._known]
        self.cache_misses += len(new)
        self.cache_hits += len(texts) - len(new)
        with progress("Encoding", len(new) if show_progress else 0) as advance:
            for at in range(0, len(new), batch_size):
                batch = new[at : at + batch_size]
                self._known.upsert([_id(text) for text in batch], texts=batch)  # another process may do the same
                advance(len(batch))
        rows = {row.id: row.vector for row in self._known.get(list(ids), vectors=True)}
        vectors = np.array([rows[_id(text)] for text in texts], dtype=np.float32).reshape(len(texts), self.dimension)
        self.embedding_times.append(time.perf_counter() - start)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True) if normalize else vectors

    def find_similar(
        self, query: str, corpus_texts: Sequence[str], top_k: int = 5, similarity_metric: str = "cosine"
    ) -> list[tuple[str, float, int]]:
        """Returns the texts nearest to the query: text, similarity, and position in `corpus_texts`.

        Args:
            similarity_metric: "cosine", or "euclidean", whose similarity is 1 / (1 + distance).

        Raises:
            ValueError: another metric.
        """
        if similarity_metric not in ("cosine", "euclidean"):
            raise ValueError(f"similarity_metric is 'cosine' or 'euclidean', not {similarity_metric!r}")
        hits = self._nearest(query, corpus_texts, top_k, METRICS[similarity_metric])
        is_distance = similarity_metric == "euclidean"
        return [
            (corpus_texts[int(hit.id)], 1 / (1 + hit.distance) if is_distance else hit.score, int(hit.id))
            for hit in hits
        ]

    def analyze_embedding_space(self, texts: Sequence[str], labels: Sequence[str] | None = None) -> dict[str, Any]:
        """Returns lengths, zeros, and the share of variance in the first principal components; with labels, also their
        counts.

        From ten texts on, t-SNE coordinates are included.

        Raises:
            ValueError: there is no text.
        """
        if not texts:
            raise ValueError("there is no text whose vector could be looked at")
        vectors = self.encode_texts(texts).astype(np.float64)
        lengths = np.linalg.norm(vectors, axis=1)
        found: dict[str, Any] = {
            "total_embeddings": len(vectors),
            "dimension": self.dimension,
            "magnitude_stats": {
                "mean": float(lengths.mean()),
                "std": float(lengths.std()),
                "min": float(lengths.min()),
                "max": float(lengths.max()),
            },
            "sparsity_ratio": float(np.mean(vectors == 0)),
            "model_name": self.model_name,
            "metrics": EmbeddingMetrics(
                self.model_name,
                self.dimension,
                len(vectors),
                float(lengths.mean()),
                float(lengths.std()),
                float(np.mean(vectors == 0)),
                datetime.now(),
            ),
        }
        if len(vectors) > 1:
            spread = np.linalg.svd(vectors - vectors.mean(axis=0), compute_uv=False) ** 2
            shares = spread / max(spread.sum(), np.finfo(np.float64).tiny)  # all are 0 if all texts are equal
            found["pca_explained_variance"] = shares[: min(10, len(vectors) - 1)].tolist()
        if len(vectors) >= TSNE_FROM:
            found["tsne_embeddings"] = project(vectors, "tsne").points.tolist()
        if labels is not None:
            found["labels"] = {label: list(labels).count(label) for label in dict.fromkeys(labels)}
        return found

    def visualize_embeddings(
        self,
        texts: Sequence[str],
        labels: Sequence[str] | None = None,
        method: str = "tsne",
        save_path: str | None = None,
    ) -> Any:
        """Returns a plotly figure with a point for each text.

        Args:
            labels: one per text; each gets a colour and an entry in the legend.
            method: "pca", "tsne" or "umap".
            save_path: where to save it, as .html or as an image.
        """
        rows = self._collection(texts, "cosine", [{"label": label} for label in labels] if labels else None)
        figure = plot_map(rows, method=method, color="label" if labels else None, limit=max(2, len(texts)))
        if save_path:
            write(figure, save_path)
        return figure

    def benchmark_similarity_metrics(
        self, query: str, corpus: Sequence[str], ground_truth_indices: Sequence[int]
    ) -> dict[str, dict[str, float]]:
        """Returns for the first 1, 3, 5 and 10 texts of each metric the share of right ones."""
        right = set(ground_truth_indices)
        places = [k for k in PRECISION_AT if k <= len(corpus)]
        ranked = {
            name: [int(hit.id) for hit in self._nearest(query, corpus, max(places, default=1), metric)]
            for name, metric in METRICS.items()
        }
        return {f"precision@{k}": {name: len(right & set(ids[:k])) / k for name, ids in ranked.items()} for k in places}

    def save_embeddings(
        self,
        texts: Sequence[str],
        embeddings: np.ndarray,
        metadata: Mapping[str, Any] | None = None,
        filename: str = "embeddings.npz",
    ) -> str:
        """Writes texts, vectors and metadata as JSON to the cache folder; returns the path."""
        if len(texts) != len(embeddings):
            raise ValueError(f"{len(texts)} texts and {len(embeddings)} embeddings: each text needs its own")
        facts = {
            "texts": list(texts),
            "model_name": self.model_name,
            "dimension": self.dimension,
            "timestamp": datetime.now().isoformat(),
            "metadata": dict(metadata or {}),
        }
        path = self.cache_dir / filename
        np.savez_compressed(path, embeddings=np.asarray(embeddings), facts=np.array(json.dumps(facts)))
        return str(path)

    def load_embeddings(self, filename: str) -> tuple[list[str], np.ndarray, dict[str, Any]]:
        """Loads what `save_embeddings` wrote. Nothing in the file is executed: it contains numbers and JSON.

        Raises:
            FileNotFoundError: the file does not exist.
        """
        with np.load(self.cache_dir / filename, allow_pickle=False) as file:
            embeddings, facts = file["embeddings"], json.loads(str(file["facts"]))
        texts, own = facts.pop("texts"), facts.pop("metadata")
        return texts, embeddings, {**facts, **own}

    def get_performance_stats(self) -> dict[str, Any]:
        """Returns hits and misses of the cache, seconds of the calls, and the model."""
        asked, calls = self.cache_hits + self.cache_misses, len(self.embedding_times)
        seconds = sum(self.embedding_times)
        return {
            "cache_stats": {
                "hits": self.cache_hits,
                "misses": self.cache_misses,
                "hit_rate": self.cache_hits / asked if asked else 0.0,
            },
            "timing_stats": {
                "total_encoding_calls": calls,
                "avg_encoding_time": seconds / calls if calls else 0.0,
                "total_encoding_time": seconds,
            },
            "model_info": {"name": self.model_name, "dimension": self.dimension, "device": self.encoder.device},
        }

    def _nearest(self, query: str, corpus: Sequence[str], k: int, metric: Any) -> vicinal.Hits:
        return self._collection(corpus, metric).search(self.encode_texts([query])[0], k)

    def _collection(self, texts: Sequence[str], metric: Any, metadata: Any = None) -> vicinal.Collection:
        rows = vicinal.connect(":memory:").collection("texts", metric=metric, dimension=self.dimension)
        if texts:
            rows.add(range(len(texts)), texts=list(texts), vectors=self.encode_texts(texts), metadata=metadata)
        return rows


def _id(text: str) -> str:
    """Returns an id, which cannot be as long as a text. The encoder rejects values that are not texts."""
    return blake2b(text.encode(errors="surrogatepass"), digest_size=32).hexdigest()


TEXTS = {
    "A kitten sleeps in the laundry basket": "animals",
    "The cat naps among clean towels": "animals",
    "Neural networks learn from examples": "learning",
    "A model is trained on labelled data": "learning",
    "Rain is expected until Thursday": "weather",
    "Tomorrow will be cloudy with showers": "weather",
    "Knead the dough and let it rise": "baking",
    "The bread bakes for forty minutes": "baking",
    "Rows are stored in a table with an index": "databases",
    "A database finds records by their keys": "databases",
}


def test_advanced_embedding_system(
    model_name: str = "sentence-transformers/all-MiniLM-L6-v2", folder: str = ""
) -> dict[str, Any]:
    """Uses every feature once; returns what it found."""
    with tempfile.TemporaryDirectory() as scratch:
        system = AdvancedEmbeddingSystem(model_name, cache_dir=folder or scratch, enable_gpu=False)
        texts, labels = list(TEXTS), list(TEXTS.values())
        embeddings = system.encode_texts(texts)
        print(f"{len(embeddings)} vectors of {system.dimension} dimensions")
        query = "a sleeping cat"
        similar = system.find_similar(query, texts, top_k=3)
        for place, (text, similarity, _) in enumerate(similar, 1):
            print(f"{place}. {similarity:.3f} {text}")
        analysis = system.analyze_embedding_space(texts, labels)
        print("PCA, first three directions:", [f"{share:.1%}" for share in analysis["pca_explained_variance"][:3]])
        precision = system.benchmark_similarity_metrics(query, texts, [0, 1])
        print("precision@1:", precision["precision@1"])
        figure = system.visualize_embeddings(texts, labels, save_path=str(Path(folder) / "embeddings.html"))
        system.save_embeddings(texts, embeddings, {"purpose": "a trial"})
        loaded = system.load_embeddings("embeddings.npz")
        stats = system.get_performance_stats()
        print(f"{stats['cache_stats']['hit_rate']:.0%} of the texts came from the cache")
        system._database.close()
    return {
        "similar": similar,
        "analysis": analysis,
        "precision": precision,
        "figure": figure,
        "same": loaded[0] == texts and np.array_equal(loaded[1], embeddings),
        "loaded": loaded[2],
        "stats": stats,
    }


if __name__ == "__main__":
    test_advanced_embedding_system()
