"""Splits by the tokens of the model that will read the chunks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any

from ...encoders import as_encoder, resolve
from ...errors import InvalidArgument
from ...inputs.calls import for_users
from ..chunk import Chunk
from .base import TextSplitter
from .breaks import separators
from .cut import Cutter
from .measure import Tokens
from .recursive import SEPARATORS

__all__ = ["Count", "TokenTextSplitter", "token_measure"]

Count = Callable[[list[str]], Sequence[int]]

# Units are what WordPiece models tokenise separately (`BertPreTokenizer`): words, and each mark and each ideograph. A
# word of more than 100 characters is one unknown token to them, so a long one is counted in parts.
_UNIT_CHARS_MAX = 100
_IDEOGRAPHS = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002ceaf\U0002f800-\U0002fa1f"
# Characters that such models delete do not separate words, though Python counts some of them as white space.
_DELETED = "\x1c-\x1f\x85"
_MARKS = r"!-/:-@\[-`{-~\u2010-\u2027\u3001-\u303f"
_LETTER = rf"[^\W_{_IDEOGRAPHS}]|[^\s\w{_MARKS}]|[{_DELETED}]"
_UNIT = re.compile(rf"(?:{_LETTER}){{1,{_UNIT_CHARS_MAX}}}|\S")
_WORD = re.compile(r"\S+")
# Units whose tokens are counted together: bounds memory for long texts.
_UNITS_PER_WINDOW = 1 << 16


@for_users
class TokenTextSplitter(TextSplitter):
    """Packs paragraphs, else lines, sentences, words into chunks of at most `chunk_size` tokens.

    Each chunk but the first repeats as many whole words of the previous one as fit into `chunk_overlap` tokens.

    Args:
        encoder: the encoder whose tokens are counted: the name or the object used by the collection.
        chunk_size: tokens per chunk; by default all that the encoder reads of a text.
        count: instead of an encoder: returns the number of tokens of each text of a list. White space must count
            nothing, and a text at most as much as the sum of its words.

    Raises:
        InvalidArgument: the encoder does not count tokens, or reads fewer than `chunk_size`.
    """

    def __init__(
        self,
        encoder: Any = None,
        chunk_size: int | None = None,
        chunk_overlap: int = 0,
        *,
        count: Count | None = None,
    ) -> None:
        self._count, most = _counter(encoder) if count is None else (count, None)
        self._unit = _UNIT if count is None else _WORD
        if chunk_size is None and most is None:
            raise InvalidArgument(
                "with count= a chunk_size is needed", name="chunk_size", remedy="Pass chunk_size=256."
            )
        super().__init__(most if chunk_size is None else chunk_size, chunk_overlap)  # type: ignore[arg-type]  # not both None
        if most is not None and self.chunk_size > most:
            raise InvalidArgument(
                f"chunk_size is {self.chunk_size}, but the encoder reads only {most} tokens of a text",
                name="chunk_size",
                value=chunk_size,
                remedy=f"Leave it out for {most}.",
            )

    def _split(self, text: str) -> list[Chunk]:
        measure = token_measure(text, self._count, self.chunk_size, self._unit)
        cutter = Cutter(text, measure, self.chunk_size, self.chunk_overlap)
        return cutter.chunks(0, len(text), separators(text, SEPARATORS))


def token_measure(text: str, count: Count, size: int, unit: re.Pattern[str] = _UNIT) -> Tokens:
    """Measures `text` in the tokens that `count` counts; no divisible unit is larger than `size`."""
    starts: list[int] = []
    ends: list[int] = []
    counts: list[int] = []
    known: dict[str, int] = {}
    for spans in _windows(unit, text):
        units = [text[start:end] for start, end in spans]
        new = list({part for part in units if part not in known})
        known.update(zip(new, count(new), strict=True))
        for (start, end), part in zip(spans, units):
            # A part of a word is separate: together with the next it may count more than each.
            pieces = [(end, known[part])] if known[part] <= size else _parts(text, start, end, count, size)
            for piece_end, tokens in pieces:
                starts.append(start)
                ends.append(piece_end)
                counts.append(tokens)
                start = piece_end
    return Tokens(starts, ends, [0, *accumulate(counts)])


def _parts(text: str, start: int, end: int, count: Count, size: int) -> Iterator[tuple[int, int]]:
    """Ends of the parts of a word that is too long alone; each part is as long as fits and fills a chunk."""
    length = size
    while start < end:
        length = min(2 * length, end - start)
        while length > 1 and count([text[start : start + length]])[0] > size:
            length //= 2
        start += length
        yield start, size


def _windows(unit: re.Pattern[str], text: str) -> Iterator[list[tuple[int, int]]]:
    spans: list[tuple[int, int]] = []
    for found in unit.finditer(text):
        spans.append(found.span())
        if len(spans) == _UNITS_PER_WINDOW:
            yield spans
            spans = []
    yield spans


def _counter(encoder: Any) -> tuple[Count, int]:
    if encoder is None:
        raise InvalidArgument(
            "no encoder was given whose tokens to count", name="encoder", remedy="Pass encoder='minilm', or count=."
        )
    found = resolve(encoder) if isinstance(encoder, str) else as_encoder(encoder)
    counter = found.token_counter()
    if counter is None:
        raise InvalidArgument(
            f"encoder {found.name!r} does not tell its tokens",
            name="encoder",
            value=encoder,
            remedy="Pass count=, or split by characters with RecursiveCharacterTextSplitter.",
        )
    return counter.count_tokens, counter.max_tokens
