"""The base class of image encoders: pictures come as paths, Pillow images or arrays, and leave as vectors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract import FloatMatrix, FloatVector
from ..errors import InvalidArgument
from .images import load_image

if TYPE_CHECKING:
    from PIL.Image import Image


class ImageEncoder(ABC):
    """An encoder of pictures; a subclass only turns upright RGB images into vectors.

    Attributes:
        name: the name under which `resolve_image` finds it.
        version: version of the method or model.
        dim: components per vector.
        fingerprint: identity of method, weights and options; equal ones mean comparable vectors.
        device: where it runs.
    """

    name: str
    version: str
    dim: int
    fingerprint: str
    device: str = "cpu"

    def encode_images(self, images: Iterable[Any]) -> FloatMatrix:
        """Returns the vectors of `images`, float32, shape (len(images), dim), C-contiguous, none of them zero.

        Args:
            images: each a path, a Pillow image, or an array: uint8, or floats from 0 to 1, of shape
                (height, width), (height, width, 3) or (height, width, 4). Read one at a time.

        Raises:
            InvalidImage: an image does not exist or cannot be decoded; the error names it.
            LimitExceeded: an image has more pixels than `images.MAX_PIXELS`.
            MissingExtra: Pillow is not installed.
        """
        if isinstance(images, (str, bytes, bytearray)) or not isinstance(images, Iterable) or hasattr(images, "ndim"):
            raise InvalidArgument(
                f"images must be a list of images, not one {type(images).__name__}",
                name="images",
                value=images,
                remedy="Put it into a list: encode_images([image]).",
            )
        vectors = [self._encode_image(load_image(image, index)) for index, image in enumerate(images)]
        return np.stack(vectors) if vectors else np.empty((0, self.dim), dtype=np.float32)

    @abstractmethod
    def _encode_image(self, image: Image) -> FloatVector:
        """Returns the vector of an upright RGB image, float32, shape (dim,)."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} {self.version}: {self.dim} dimensions on {self.device}>"
