"""Pictures in requests, as base64. The server never downloads anything."""

from __future__ import annotations

import base64
import binascii
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from .answers import invalid

__all__ = ["opened"]

_INLINE: Final = re.compile(r"(?:data:image/[a-zA-Z0-9.+\-]{1,40};base64,|base64://)")


@contextmanager
def opened(image: Any) -> Iterator[str]:
    """The path of a file with the picture, which exists within the block.

    Raises:
        Refusal: the picture is not within the request.
    """
    found = _INLINE.match(image) if isinstance(image, str) else None
    if found is None:
        raise invalid(
            "an image must be within the request",
            "image",
            image,
            "Write 'data:image/png;base64,...'; the server fetches none from an address.",
        )
    try:
        content = base64.b64decode(image[found.end() :], validate=True)
    except (binascii.Error, ValueError):
        raise invalid("the picture is not base64", "image") from None
    with tempfile.NamedTemporaryFile(prefix="vicinal-picture-") as file:
        file.write(content)
        file.flush()
        yield file.name
