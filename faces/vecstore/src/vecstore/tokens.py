"""Tokens of filter expressions, with their positions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

KEYWORDS: Final = frozenset({"AND", "OR", "NOT", "IN", "CONTAINS", "STARTSWITH"})
END: Final = "end"
_SPACE: Final = re.compile(r"\s*+")
_SIGN: Final = re.compile(r"[!<>]=|[=<>()\[\],]")
_NUMBER: Final = re.compile(r"-?[0-9.]*+")
_WORD: Final = re.compile(r"\w++")
_STRINGS: Final = {
    quote: re.compile(rf"{quote}([^{quote}\\]*+(?:\\.[^{quote}\\]*+)*+){quote}", re.DOTALL) for quote in "'\""
}
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}
_DIGITS: Final = frozenset("0123456789")


class Token(NamedTuple):
    """One token. A tuple for speed: a list of ids has as many tokens as ids.

    Attributes:
        kind: "word", "number", "string", or the sign or keyword itself; "end" after the last.
        text: as it was written.
        value: of a number or string.
        column: of its first character, counted from 1.
    """

    kind: str
    text: str
    column: int
    value: Any = None

    def __str__(self) -> str:
        return "the end" if self.kind == END else f"{self.text!r:.60} in column {self.column}"


def tokens(text: str) -> Iterator[Token]:
    """Yields the tokens of an expression, the last one of kind "end".

    Raises:
        ValueError: an unclosed string, an invalid number, or a character that the language does not have.
    """
    at = 0
    while True:
        at = _after(_SPACE, text, at)
        if at == len(text):
            yield Token(END, "", at + 1)
            return
        token = _token(text, at)
        yield token
        at += len(token.text)


def _token(text: str, at: int) -> Token:
    first = text[at]
    if first in _STRINGS:
        return _string(text, at)
    if first in _DIGITS or first == "-":
        return _number(text, at)
    if first.isalpha() or first == "_":
        word = text[at : _end_of_name(text, at)]
        return Token(word.upper() if word.upper() in KEYWORDS else "word", word, at + 1)
    sign = _SIGN.match(text, at)
    if sign is None:
        raise ValueError(f"unexpected token {first!r} in column {at + 1}")
    return Token(sign[0], sign[0], at + 1)


def _string(text: str, at: int) -> Token:
    found = _STRINGS[text[at]].match(text, at)
    if found is None:
        raise ValueError(f"unclosed string, which begins in column {at + 1}")
    value = found[1]
    if "\\" in value:  # any other escape keeps its backslash
        value = _ESCAPED.sub(lambda escape: _ESCAPES.get(escape[1], escape[0]), value)
    return Token("string", found[0], at + 1, value)


def _number(text: str, at: int) -> Token:
    written = text[at : _after(_NUMBER, text, at)]
    digits = written.removeprefix("-")
    if digits.count(".") > 1 or digits[:1] not in _DIGITS:
        raise ValueError(f"invalid number {written!r:.60} in column {at + 1}")
    whole, _, fraction = digits.partition(".")
    try:
        value: int | float = float(written) if fraction.strip("0") else int(f"-{whole}" if written[0] == "-" else whole)
    except ValueError:  # more digits than Python reads
        raise ValueError(f"invalid number in column {at + 1}: it has {len(whole)} digits") from None
    return Token("number", written, at + 1, value)


def _end_of_name(text: str, at: int) -> int:
    """Returns the position after letters, digits, "_", and the combining marks of many scripts."""
    while at < len(text):
        end = _after(_WORD, text, at)
        while end < len(text) and unicodedata.category(text[end]).startswith("M"):
            end += 1
        if end == at:
            break
        at = end
    return at


def _after(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return at if found is None else found.end()
