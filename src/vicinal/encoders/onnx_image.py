"""Image towers in ONNX, such as that of CLIP: pixels in, one unit vector out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from ..contract import FloatMatrix, FloatVector
from .image_base import ImageEncoder
from .images import require_pillow
from .onnx_model import DTYPES, OnnxModel, told_device, unit_rows

if TYPE_CHECKING:
    from PIL.Image import Image

# Changes whenever the pixels that a model receives would.
VERSION = "1"

# Of CLIP (Radford et al., "Learning transferable visual models from natural language supervision", 2021): mean and
# standard deviation of red, green and blue over its training pictures.
_MEAN = np.array([0.48145466, 0.4578275, 0.40821073], dtype=np.float32)
_DEVIATION = np.array([0.26862954, 0.26130258, 0.27577711], dtype=np.float32)
_SIDE = 224

_FLOATS = ("tensor(float)", "tensor(float16)")


class OnnxImageEncoder(ImageEncoder):
    """The image tower of CLIP from an .onnx file.

    Its input is (1, 3, side, side), with side 224 if it is free; its first output is (1, dimensions).

    Args:
        model_path: the .onnx file.
        device: "cpu", "cuda" or "directml"; falls back to "cpu" with a warning if unavailable.
        num_threads: threads of onnxruntime; 0 lets it decide.

    Raises:
        MissingExtra: onnxruntime or Pillow is not installed.
        ModelUnavailable: the file does not exist or is not such a model.
    """

    def __init__(self, model_path: str | os.PathLike[str], *, device: str = "cpu", num_threads: int = 0) -> None:
        require_pillow()
        self._model = OnnxModel(model_path, device, num_threads)
        self.name = f"onnx:{self._model.path}"
        self._side = _side(self._model)
        weights = self._model.digest()
        self.fingerprint = f"onnx-image/{VERSION}/{weights}/{self._side}"
        self.version = weights[:12]
        self.device = told_device(self._model, device, self.name)
        self.dim = self._run(np.zeros((1, 3, self._side, self._side), dtype=np.float32)).shape[1]

    def _encode_image(self, image: Image) -> FloatVector:
        vector: FloatVector = unit_rows(self._run(preprocess(image, self._side)), self.name)[0]
        return vector

    def _run(self, pixels: FloatMatrix) -> FloatMatrix:
        given = self._model.inputs[0]
        output = self._model.run({given.name: pixels.astype(DTYPES[given.type], copy=False)})
        if output.ndim != 2 or len(output) != 1:
            raise self._model.error(
                f"the model's first output has shape {output.shape} for one picture",
                remedy="It must be (1, dimensions): export the tower with its projection.",
            )
        return output


def preprocess(image: Image, side: int) -> FloatMatrix:
    """Returns the central square of an RGB image, resized bilinearly and standardised: float32, (1, 3, side, side)."""
    from PIL.Image import Resampling

    width, height = image.size
    edge = min(width, height)
    left, top = (width - edge) // 2, (height - edge) // 2
    square = image.crop((left, top, left + edge, top + edge)).resize((side, side), Resampling.BILINEAR)
    pixels = (np.asarray(square, dtype=np.float32) / np.float32(255) - _MEAN) / _DEVIATION
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])


def _side(model: OnnxModel) -> int:
    """Returns the side of the square that the model expects."""
    given = model.inputs[0] if len(model.inputs) == 1 else None
    if given is None or given.type not in _FLOATS or not _is_square(given.shape):
        raise model.error(
            f"an image model takes one input of floats, (1, 3, side, side), this one {model.describe_inputs()}",
            remedy="Give the .onnx file of an image tower of CLIP.",
        )
    return next((size for size in given.shape[2:] if isinstance(size, int)), _SIDE)


def _is_square(shape: list[int | str | None]) -> bool:
    """Whether (1, 3, side, side) fits; a dimension that is not a number is free."""
    if len(shape) != 4:
        return False
    wanted = (1, 3, *[size for size in shape[2:] if isinstance(size, int)][:1] * 2)
    return all(not isinstance(size, int) or size == most for size, most in zip(shape, wanted))
