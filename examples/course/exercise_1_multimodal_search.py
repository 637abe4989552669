"""A search engine for images and texts: a text finds images, and an image finds texts.

pip install 'vicinal[image]'
python examples/course/exercise_1_multimodal_search.py                  # a tiny model, trained on drawings
python examples/course/exercise_1_multimodal_search.py --model PATH     # CLIP; see multimodal_embeddings.py
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from multimodal_embeddings import CLIP, MultiModalEmbedding, model_of_arguments
from two_towers import COLOURS, SHAPES, draw

import vicinal
from vicinal.errors import InvalidImage, LimitExceeded


class MultiModalSearchEngine:
    """Images and texts in memory.

    Args:
        model_name: as for `MultiModalEmbedding`.
    """

    def __init__(self, collection_name: str = "multimodal_search", model_name: str = CLIP) -> None:
        self.model = MultiModalEmbedding(model_name)
        self.rows = vicinal.connect(":memory:").collection(collection_name)

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """Returns vectors, shape (len(texts), dim)."""
        return self.model.embed_text(texts)

    def encode_images(self, image_paths: Sequence[str]) -> np.ndarray:
        """Returns vectors, shape (len(image_paths), dim); InvalidImage names a file that is not an image."""
        return self.model.embed_images(image_paths)

    def add_images(self, image_paths: Sequence[str], descriptions: Sequence[str]) -> list[str]:
        """Stores images with descriptions; returns the ids. Files that are not images are reported and skipped."""
        if len(image_paths) != len(descriptions):
            raise ValueError(f"{len(image_paths)} pictures and {len(descriptions)} descriptions: each needs its own")
        vectors, metadata = [], []
        for path, description in zip(image_paths, descriptions):
            try:
                vectors.append(self.encode_images([path])[0])
            except (InvalidImage, LimitExceeded) as error:
                print(f"left out: {error}")
                continue
            metadata.append({"type": "image", "path": str(path), "description": description})
        return self._add("img", vectors, metadata)

    def add_texts(self, texts: Sequence[str], sources: Sequence[str]) -> list[str]:
        """Stores texts and their sources; returns the ids."""
        if len(texts) != len(sources):
            raise ValueError(f"{len(texts)} texts and {len(sources)} sources: each text needs its own")
        metadata = [{"type": "text", "content": text, "source": source} for text, source in zip(texts, sources)]
        return self._add("txt", list(self.encode_text(texts)), metadata)

    def search_by_text(self, query: str, n_results: int = 5) -> list[dict[str, Any]]:
        """Returns images and texts near a text: rank, similarity, type and metadata."""
        return self._search(self.encode_text([query])[0], n_results)

    def search_by_image(self, image_path: str, n_results: int = 5) -> list[dict[str, Any]]:
        """The same for an image."""
        return self._search(self.encode_images([image_path])[0], n_results)

    def _add(self, kind: str, vectors: list[np.ndarray], metadata: list[dict[str, Any]]) -> list[str]:
        ids = [f"{kind}_{uuid4().hex}" for _ in vectors]
        if ids:
            self.rows.add(ids, vectors=vectors, metadata=metadata)
        return ids

    def _search(self, vector: np.ndarray, k: int) -> list[dict[str, Any]]:
        hits = self.rows.search(vector, k) if self.rows else []
        return [
            {"rank": rank, "similarity": hit.score, "type": hit.metadata["type"], "metadata": hit.metadata}
            for rank, hit in enumerate(hits, 1)
        ]


def main(folder: Path, model_name: str = CLIP) -> dict[str, list[dict[str, Any]]]:
    """Draws images into a folder, stores them with texts, and searches in both directions."""
    engine, random = MultiModalSearchEngine(model_name=model_name), np.random.default_rng(11)
    print(f"The model is {engine.model.towers}.")
    paths, descriptions = [], []
    for colour in COLOURS:
        for shape in SHAPES:
            paths.append(str(folder / f"{colour}_{shape}.png"))
            draw(colour, shape, random).save(paths[-1])
            descriptions.append(f"{colour} {shape}")
    engine.add_images(paths, descriptions)
    engine.add_texts(["The flag shows a red cross", "A golden ball rolls by"], ["atlas", "diary"])
    new = folder / "new.png"
    draw("yellow", "circle", random).save(new)
    found = {
        "an emerald square": engine.search_by_text("an emerald square", 3),
        "a new picture of a yellow circle": engine.search_by_image(str(new), 3),
    }
    for query, results in found.items():
        print(f"{query}:")
        for result in results:
            about = result["metadata"].get("description") or result["metadata"]["content"]
            print(f"  {result['rank']}. {result['similarity']:.3f} {result['type']}: {about}")
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        main(Path(scratch), model_of_arguments())
