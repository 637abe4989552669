"""Texts and images in one vector space: each finds the other.

    pip install 'vicinal[image]'
    python examples/course/multimodal_embeddings.py                  # a tiny model, trained on drawings in seconds
    python examples/course/multimodal_embeddings.py --model PATH     # CLIP

PATH is a folder with vision_model.onnx, text_model.onnx and tokenizer.json (`pip install 'vicinal[onnx,image]'`), or
one that transformers can load (`pip install transformers torch`). Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from two_towers import COLOURS, SHAPES, draw, trained_towers

import vicinal
from vicinal.encoders import ImageEncoder, OnnxImageEncoder, OnnxTextEncoder, TextEncoder
from vicinal.encoders.images import load_image

CLIP = "openai/clip-vit-base-patch32"
CLIP_TOKENS_MAX = 77
URL_SECONDS, URL_BYTES_MAX = 10.0, 20 * 2**20


class MultiModalEmbedding:
    """Two encoders with a common vector space.

    Args:
        model_name: the folder of a CLIP model. The default, the name of the course's model, stands for the tiny one
            here, since nothing is downloaded; `towers` is the model in use.
    """

    def __init__(self, model_name: str = "openai/clip-vit-base-patch32") -> None:
        self.model_name = model_name
        if Path(model_name).is_dir():
            self.towers = model_name
            self.text_tower, self.image_tower = _towers_in(Path(model_name))
        elif model_name == CLIP:
            self.towers = "a tiny two-tower model, trained here on drawings of coloured shapes; it knows nothing else"
            self.text_tower, self.image_tower = trained_towers()
        else:
            raise FileNotFoundError(f"there is no folder {model_name!r} with a CLIP model")

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        """Returns normalized vectors, float32, shape (len(texts), dim)."""
        return self.text_tower.encode(texts)

    def embed_images(self, images: Sequence[Any]) -> np.ndarray:
        """The same for images: paths, Pillow images, arrays, or URLs, which are fetched.

        Raises:
            InvalidImage: one cannot be decoded; the message names it.
            ValueError: the content of a URL is not an image, or too large.
        """
        return self.image_tower.encode_images([fetch_image(one) if _is_url(one) else one for one in images])

    def calculate_similarity(self, text_embeddings: np.ndarray, image_embeddings: np.ndarray) -> np.ndarray:
        """Returns the cosine of each text with each image, shape (texts, images)."""
        return np.asarray(np.asarray(text_embeddings) @ np.asarray(image_embeddings).T)

    def search_images_by_text(
        self,
        query_text: str,
        image_embeddings: np.ndarray,
        image_metadata: Sequence[Mapping[str, Any]],
        top_k: int = 5,
    ) -> list[dict[str, Any]]:
        """Returns the images nearest to the text: similarity, metadata and index, best first."""
        if len(image_embeddings) != len(image_metadata):
            raise ValueError(f"{len(image_embeddings)} pictures, but metadata of {len(image_metadata)}")
        if not len(image_embeddings):
            return []
        rows = vicinal.connect(":memory:").collection("pictures")
        rows.add(range(len(image_embeddings)), vectors=image_embeddings)
        hits = rows.search(self.embed_text([query_text])[0], top_k)
        return [
            {"similarity": hit.score, "metadata": image_metadata[int(hit.id)], "index": int(hit.id)} for hit in hits
        ]


def fetch_image(url: str) -> Image.Image:
    """Returns an image from the web; needs httpx. Redirects are not followed.

    Raises:
        ValueError: the response is not an image, or larger than 20 MiB.
        InvalidImage: it cannot be decoded.
        httpx.HTTPError: there is no response within ten seconds, or it is an error.
    """
    httpx = import_module("httpx")
    with (
        httpx.Client(timeout=URL_SECONDS, trust_env=False) as client,
        client.stream("GET", url) as answer,
    ):
        if answer.is_redirect:
            raise ValueError(f"{url} leads elsewhere, which is not followed")
        answer.raise_for_status()
        kind = answer.headers.get("content-type", "")
        if not kind.startswith("image/"):
            raise ValueError(f"{url} is not an image but {kind or 'of no stated type'}")
        content = bytearray()
        for part in answer.iter_bytes():
            content += part
            if len(content) > URL_BYTES_MAX:
                raise ValueError(f"{url} has more than {URL_BYTES_MAX:,} bytes")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "picture")
        path.write_bytes(content)
        return load_image(path)


def _is_url(image: Any) -> bool:
    return isinstance(image, str) and image.lower().startswith(("http://", "https://"))


def _towers_in(folder: Path) -> tuple[TextEncoder, ImageEncoder]:
    """Loads ONNX files as published, or the format of transformers."""
    for place in (folder, folder / "onnx"):
        if (place / "vision_model.onnx").is_file():
            text = OnnxTextEncoder(place / "text_model.onnx", folder / "tokenizer.json", max_tokens=CLIP_TOKENS_MAX)
            return text, OnnxImageEncoder(place / "vision_model.onnx")
    return _towers_of_transformers(folder)


def _towers_of_transformers(folder: Path) -> tuple[TextEncoder, ImageEncoder]:
    transformers, torch = import_module("transformers"), import_module("torch")
    model = transformers.CLIPModel.from_pretrained(str(folder), local_files_only=True).eval()
    processor = transformers.CLIPProcessor.from_pretrained(str(folder), local_files_only=True)

    tokens_max = model.config.text_config.max_position_embeddings

    def unit(features: Any) -> np.ndarray:
        rows = np.asarray(getattr(features, "pooler_output", features), dtype=np.float32)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))

    class Texts(TextEncoder):
        name, version, dim = f"clip-text:{folder}", "", model.config.projection_dim
        fingerprint = name

        def _encode(self, texts: list[str]) -> np.ndarray:
            given = processor(text=texts, return_tensors="pt", padding=True, truncation=True, max_length=tokens_max)
            with torch.no_grad():
                return unit(model.get_text_features(**given))

    class Images(ImageEncoder):
        name, version, dim = f"clip-image:{folder}", "", model.config.projection_dim
        fingerprint = name

        def _encode_image(self, image: Any) -> np.ndarray:
            with torch.no_grad():
                rows = unit(model.get_image_features(**processor(images=image, return_tensors="pt")))
            return np.asarray(rows[0])

    return Texts(), Images()


def model_of_arguments() -> str:
    """Returns the command line argument --model, or the default."""
    parser = argparse.ArgumentParser(description="Texts and pictures in one space.")
    parser.add_argument("--model", default=CLIP, help="folder of a CLIP model")
    return str(parser.parse_args().model)


def main(model_name: str = CLIP) -> list[dict[str, Any]]:
    """Draws sixteen images, searches them by a text, and returns the results."""
    embedding = MultiModalEmbedding(model_name)
    print(f"The model is {embedding.towers}.")
    random = np.random.default_rng(7)
    pairs = [(colour, shape) for colour in COLOURS for shape in SHAPES]
    images = embedding.embed_images([draw(colour, shape, random) for colour, shape in pairs])
    metadata = [{"filename": f"{colour}_{shape}.png", "description": f"{colour} {shape}"} for colour, shape in pairs]
    query = "a blue triangle"
    results = embedding.search_images_by_text(query, images, metadata, top_k=3)
    print(f"{query}:")
    for rank, result in enumerate(results, 1):
        print(f"{rank}. {result['similarity']:.3f} {result['metadata']['filename']}")
    texts = embedding.embed_text([f"a {one['description']}" for one in metadata])
    right = embedding.calculate_similarity(texts, images).argmax(axis=0) == np.arange(len(pairs))
    print(f"For {right.mean():.0%} of the pictures their own text is the nearest.")
    return results


if __name__ == "__main__":
    main(model_of_arguments())
