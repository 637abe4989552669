"""The base class of the built-in encoders: it rejects invalid texts and reports the device."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from ..contract import FloatMatrix, TokenCounter
from ..errors import InvalidArgument, InvalidText
from ..inputs.unicode import check_unicode
from ..warn import warn_user


class TextEncoder(ABC):
    """An encoder that validates its texts; a subclass only turns valid ones into vectors.

    Subclasses set the four attributes of the `Encoder` contract, and `device`, in their `__init__`.

    Attributes:
        declares_fingerprint: False if the fingerprint cannot distinguish two models of one class.
        query_differs: whether a query gets a different vector than the same text would, as with models that put a
            prefix
            before each; a subclass that sets it implements `_encode_query`.
    """

    name: str
    version: str
    dim: int
    fingerprint: str
    device: str = "cpu"
    declares_fingerprint: bool = True
    query_differs: bool = False

    def encode(self, texts: Sequence[str]) -> FloatMatrix:
        """Returns the vectors of `texts`, float32, shape (len(texts), dim), C-contiguous."""
        checked = check_texts(texts)
        return self._encode(checked) if checked else self._nothing()

    def encode_query(self, texts: Sequence[str]) -> FloatMatrix:
        """Returns query vectors for finding texts that answer `texts`; for most models the same as `encode`."""
        checked = check_texts(texts)
        return self._encode_query(checked) if checked else self._nothing()

    def token_counter(self) -> TokenCounter | None:
        """A counter of the model's tokens, or None if they are unknown."""
        return self if isinstance(self, TokenCounter) else None

    @abstractmethod
    def _encode(self, texts: list[str]) -> FloatMatrix:
        """Returns the vectors of `texts`: at least one text, each encodable as UTF-8."""

    def _encode_query(self, texts: list[str]) -> FloatMatrix:
        """Like `_encode`, for queries."""
        return self._encode(texts)

    def _nothing(self) -> FloatMatrix:
        return np.empty((0, self.dim), dtype=np.float32)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} {self.version}: {self.dim} dimensions on {self.device}>"


def check_texts(texts: Sequence[str]) -> list[str]:
    """Returns `texts` as a list, or raises an error that names the first item that is not a text."""
    # A str is also a sequence of str: without this check each character would get a vector.
    if isinstance(texts, (str, bytes)):
        raise InvalidArgument(
            f"texts must be a list of str, not one {type(texts).__name__}",
            name="texts",
            value=texts,
            remedy="Put it into a list: encode([text]).",
        )
    try:
        items = list(texts)
    except TypeError:
        raise InvalidArgument(
            f"texts must be a list of str, not {type(texts).__name__}", name="texts", value=texts
        ) from None
    for index, text in enumerate(items):
        _check_text(index, text)
    return items


def _check_text(index: int, text: object) -> None:
    if not isinstance(text, str):
        raise InvalidText(
            f"a text must be a str, not {type(text).__name__}",
            name="texts",
            value=text,
            place=f"text {index}",
            remedy="Convert it to str, or leave the row without a text.",
        )
    check_unicode(text, "the text", "texts", f"text {index}", error=InvalidText)


def cpu_only(device: str, name: str) -> str:
    """Returns the device of an encoder that only runs on the CPU; warns if another device was requested."""
    if device != "cpu":
        warn_user(
            f"encoder {name!r} runs on the CPU only; device={device!r} is not available to it",
            RuntimeWarning,
        )
    return "cpu"
