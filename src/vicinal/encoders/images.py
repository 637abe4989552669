"""Pictures in the form that encoders need: decoded, upright, RGB, transparency on white, first frame only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidImage, LimitExceeded, MissingExtra, VicinalError

if TYPE_CHECKING:
    from PIL.Image import Image

# A few kilobytes of PNG can require gigabytes of memory. 80 million pixels are 240 MB, more than cameras produce;
# Pillow itself warns from 89 million on.
MAX_PIXELS = 80_000_000
_TOO_LARGE = f"the image has more than {MAX_PIXELS:,} pixels"
_SMALLER = "Scale it down first."


# All are decoded by Pillow and its libraries alone. Of the others that Pillow reads, EPS would run Ghostscript on the
# file, and some only name the program that could decode them.
FORMATS = ("AVIF", "BMP", "DIB", "GIF", "ICO", "JPEG", "JPEG2000", "PCX", "PNG", "PPM", "TGA", "TIFF", "WEBP")


def require_pillow() -> None:
    """Raises `MissingExtra` unless Pillow can be imported."""
    if find_spec("PIL") is None:
        raise MissingExtra("pillow", "image", "encoding pictures")


def load_image(given: Any, index: int = 0) -> Image:
    """Returns `given` as an upright RGB image.

    Args:
        given: a path to a file in one of `FORMATS`, a Pillow image, or an array (see `ImageEncoder.encode_images`).
        index: its position in the call, for errors about pictures that have no path.

    Raises:
        InvalidImage: it does not exist, cannot be decoded, or is not an image.
        LimitExceeded: it has more than `MAX_PIXELS` pixels.
    """
    require_pillow()
    from PIL import Image

    if isinstance(given, (str, os.PathLike)):
        with _decoding(str(given)), Image.open(given, formats=_formats()) as image:
            return _upright_rgb(image)
    with _decoding(f"image {index}"):
        if isinstance(given, Image.Image):
            return _upright_rgb(given)
        if isinstance(given, np.ndarray):
            return _upright_rgb(Image.fromarray(_bytes_of(given)))
        raise InvalidImage(f"an image must be a path, a Pillow image or an array, not {type(given).__name__}")


def _formats() -> list[str]:
    """Those of `FORMATS` that this build of Pillow supports."""
    from PIL import Image

    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


@contextmanager
def _decoding(place: str) -> Iterator[None]:
    """Converts errors of decoders to ours, with the place. Decoders raise anything on bad bytes, so all are caught."""
    from PIL import Image

    try:
        yield
    except VicinalError as error:
        error.name, error.place = "images", place
        raise
    # A Pillow warning is raised as an error if the program configured warnings so.
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise LimitExceeded(_TOO_LARGE, name="images", place=place, remedy=_SMALLER) from error
    except FileNotFoundError as error:
        raise InvalidImage("there is no such image", name="images", place=place) from error
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InvalidImage(f"the image cannot be decoded ({reason})", name="images", place=place) from error


def _upright_rgb(image: Image) -> Image:
    from PIL import ImageOps

    width, height = image.size
    if not width or not height:
        raise InvalidImage("the image has no pixels", value=image.size)
    if width * height > MAX_PIXELS:
        raise LimitExceeded(_TOO_LARGE, value=image.size, remedy=_SMALLER)
    return _rgb(ImageOps.exif_transpose(image))


def _rgb(image: Image) -> Image:
    from PIL import Image

    if image.mode == "RGB" and "transparency" not in image.info:
        return image.copy()  # the caller may close its file, and its image is not ours
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        return Image.fromarray(_scaled(np.asarray(image))).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB")


def _scaled(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Converts 16-bit grey levels, or floats from 0 to 1, to 8 bits: Pillow would clip them at 255."""
    most = 1.0 if values.dtype.kind == "f" else 65535.0
    return np.rint(np.clip(values / most, 0.0, 1.0) * 255).astype(np.uint8)


def _bytes_of(array: NDArray[Any]) -> NDArray[np.uint8]:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim != 2 and (array.ndim != 3 or array.shape[2] not in (3, 4)):
        raise InvalidImage(
            f"an array of shape {array.shape} is not an image",
            value=array.shape,
            remedy="Give (height, width), (height, width, 3) or (height, width, 4).",
        )
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    if array.dtype.kind == "f" and (array.size == 0 or (array.min() >= 0 and array.max() <= 1)):
        return _scaled(array)
    raise InvalidImage(
        f"an array of {array.dtype} is not an image",
        value=array.dtype,
        remedy="Give uint8, or floats from 0 to 1 without NaN.",
    )
