"""Models trained with a prefix before each text and another before each query, such as E5 and BGE."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote

from ..contract import FloatMatrix, TokenCounter
from ..errors import InvalidArgument
from .base import TextEncoder
from .custom import CustomEncoder


class Prefixed(TextEncoder):
    """Encodes texts and queries with a prefix each, using `encoder`.

    The publisher of the model specifies the prefixes: for E5 they are "passage: " and "query: ".

    Args:
        encoder: an encoder, or any object with `encode(texts)`; names are resolved by the caller.
        text: prefix of each text.
        query: prefix of each query.
    """

    def __init__(self, encoder: Any, *, text: str = "", query: str = "") -> None:
        inner = encoder if isinstance(encoder, TextEncoder) else CustomEncoder(encoder)
        self._encoder = inner
        self._text = text
        self._query = query
        option = f"{quote(text, safe='')}:{quote(query, safe='')}"
        self.name = f"prefixed:{option}:{inner.name}"
        self.version = inner.version
        self.dim = inner.dim
        self.fingerprint = f"prefixed/{option}/{inner.fingerprint}"
        self.declares_fingerprint = inner.declares_fingerprint
        self.device = inner.device
        self.query_differs = text != query or inner.query_differs

    def token_counter(self) -> TokenCounter | None:
        return self._encoder.token_counter()

    def _encode(self, texts: list[str]) -> FloatMatrix:
        return self._encoder.encode([self._text + text for text in texts])

    def _encode_query(self, texts: list[str]) -> FloatMatrix:
        return self._encoder.encode_query([self._query + text for text in texts])


def split_prefixed(option: str) -> tuple[str, str, str]:
    """The two prefixes and the inner encoder's name in "passage%3A%20:query%3A%20:onnx:model.onnx"."""
    parts = option.split(":", 2)
    if len(parts) < 3 or not parts[2]:
        raise InvalidArgument(
            f"the option of encoder 'prefixed' is two prefixes and an encoder, not {option!r:.80}",
            name="encoder",
            value=option,
            remedy="Write Prefixed(encoder, text='passage: ', query='query: '), from vicinal.encoders.",
        )
    return unquote(parts[0]), unquote(parts[1]), parts[2]
