"""Image encoders by name: "descriptor", "onnx:model.onnx", "projected:512:descriptor"."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import EncoderNotFound, InvalidArgument
from .descriptor import ImageDescriptor
from .image_base import ImageEncoder
from .onnx_image import OnnxImageEncoder
from .projected import ProjectedImages
from .registry import check_nesting, split_projected


def _make_descriptor(option: str) -> ImageEncoder:
    if option:
        raise InvalidArgument(
            f"image encoder 'descriptor' takes no option, but got {option!r}",
            name="encoder",
            remedy="Write 'descriptor'.",
        )
    return ImageDescriptor()


def _make_projected(option: str) -> ImageEncoder:
    dim, inner = split_projected(option)
    return ProjectedImages(resolve_image(inner), dim)


_FACTORIES: dict[str, Callable[[str], ImageEncoder]] = {
    "descriptor": _make_descriptor,
    "onnx": OnnxImageEncoder,
    "projected": _make_projected,
}


def resolve_image(spec: str) -> ImageEncoder:
    """Returns the image encoder of this name, in the form of its attribute `name`.

    Raises:
        EncoderNotFound: no image encoder has this name.
    """
    if not isinstance(spec, str):
        raise InvalidArgument("an encoder's name must be a str", name="encoder", value=spec)
    check_nesting(spec)
    name, _, option = spec.partition(":")
    factory = _FACTORIES.get(name)
    if factory is None:
        raise EncoderNotFound(
            f"there is no image encoder {name!r}",
            name="encoder",
            value=spec,
            remedy=f"Known are {', '.join(sorted(_FACTORIES))}.",
        )
    return factory(option)
