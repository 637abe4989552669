"""Encoders whose vectors are projected to another dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..contract import FloatMatrix, FloatVector, TokenCounter
from ..errors import InvalidArgument
from .base import TextEncoder
from .custom import CustomEncoder
from .image_base import ImageEncoder
from .projection import VERSION, Projection

if TYPE_CHECKING:
    from PIL.Image import Image


class Projected(TextEncoder):
    """Projects the vectors of `encoder` to `dim` dimensions; to more dimensions, cosines do not change.

    Args:
        encoder: an encoder, or any object with `encode(texts)`; names are resolved by the caller.
        dim: components per vector, at least 1.
    """

    def __init__(self, encoder: Any, dim: int) -> None:
        if isinstance(encoder, str):
            raise InvalidArgument(
                "Projected takes an encoder, not a name",
                name="encoder",
                value=encoder,
                remedy=f"Write resolve('projected:{dim}:{encoder}').",
            )
        inner = encoder if isinstance(encoder, TextEncoder) else CustomEncoder(encoder)
        self._encoder = inner
        self._projection = Projection(inner.dim, dim)
        self.name = f"projected:{dim}:{inner.name}"
        self.version = inner.version
        self.dim = dim
        self.fingerprint = f"projected/{VERSION}/{dim}/{inner.fingerprint}"
        self.declares_fingerprint = inner.declares_fingerprint
        self.device = inner.device
        self.query_differs = inner.query_differs

    def token_counter(self) -> TokenCounter | None:
        return self._encoder.token_counter()

    def _encode(self, texts: list[str]) -> FloatMatrix:
        return self._projection.apply(self._encoder.encode(texts))

    def _encode_query(self, texts: list[str]) -> FloatMatrix:
        return self._projection.apply(self._encoder.encode_query(texts))


class ProjectedImages(ImageEncoder):
    """Projects the vectors of an image encoder to `dim` dimensions.

    Args:
        encoder: an `ImageEncoder`.
        dim: components per vector, at least 1.
    """

    def __init__(self, encoder: ImageEncoder, dim: int) -> None:
        self._encoder = encoder
        self._projection = Projection(encoder.dim, dim)
        self.name = f"projected:{dim}:{encoder.name}"
        self.version = encoder.version
        self.dim = dim
        self.fingerprint = f"projected/{VERSION}/{dim}/{encoder.fingerprint}"
        self.device = encoder.device

    def _encode_image(self, image: Image) -> FloatVector:
        vector: FloatVector = self._projection.apply(self._encoder.encode_images([image]))[0]
        return vector
