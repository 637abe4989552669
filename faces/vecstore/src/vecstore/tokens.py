"""Tokens of filter expressions, each with the place where it stands."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

KEYWORDS: Final = frozenset({"AND", "OR", "NOT", "IN", "CONTAINS", "STARTSWITH"})
END: Final = "end"
_SIGNS: Final = ("!=", ">=", "<=", "=", ">", "<", "(", ")", "[", "]", ",")
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}
_DIGITS: Final = frozenset("0123456789")


@dataclass(frozen=True, slots=True)
class Token:
    """One token.

    Attributes:
        kind: "word", "number", "string", or the sign or the keyword itself; "end" after the last.
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
    """The tokens of an expression, at last one of kind "end".

    Raises:
        ValueError: an unclosed string, a number that is none, a character that the language does not have.
    """
    at = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at == len(text):
            yield Token(END, "", at + 1)
            return
        token = _token(text, at)
        yield token
        at += len(token.text)


def _token(text: str, at: int) -> Token:
    first = text[at]
    if first in "'\"":
        return _string(text, at)
    if first in _DIGITS or first == "-":
        return _number(text, at)
    if first.isalpha() or first == "_":
        word = text[at : _end(text, at, _is_in_name)]
        return Token(word.upper() if word.upper() in KEYWORDS else "word", word, at + 1)
    for sign in _SIGNS:
        if text.startswith(sign, at):
            return Token(sign, sign, at + 1)
    raise ValueError(f"unexpected token {first!r} in column {at + 1}")


def _string(text: str, at: int) -> Token:
    quote, parts, here = text[at], [], at + 1
    while here < len(text) and text[here] != quote:
        if text[here] == "\\" and here + 1 < len(text):
            parts.append(_ESCAPES.get(text[here + 1], text[here : here + 2]))
            here += 2
        else:
            parts.append(text[here])
            here += 1
    if here >= len(text):
        raise ValueError(f"unclosed string, which begins in column {at + 1}")
    return Token("string", text[at : here + 1], at + 1, "".join(parts))


def _number(text: str, at: int) -> Token:
    written = text[at : _end(text, at + 1, lambda character: character in _DIGITS or character == ".")]
    digits = written.removeprefix("-")
    if digits.count(".") > 1 or digits[:1] not in _DIGITS:
        raise ValueError(f"invalid number {written!r:.60} in column {at + 1}")
    whole, _, fraction = digits.partition(".")
    try:
        value: int | float = float(written) if fraction.strip("0") else int(whole)
    except ValueError:  # more digits than Python reads
        raise ValueError(f"invalid number in column {at + 1}: it has {len(whole)} digits") from None
    negative: Literal[-1, 1] = -1 if written[0] == "-" and isinstance(value, int) else 1
    return Token("number", written, at + 1, negative * value)


def _is_in_name(character: str) -> bool:
    return character.isalnum() or character == "_" or unicodedata.category(character).startswith("M")


def _end(text: str, start: int, belongs: Any) -> int:
    end = start
    while end < len(text) and belongs(text[end]):
        end += 1
    return end
