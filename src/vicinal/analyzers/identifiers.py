"""The parts of identifiers and other compound words.

A compound is a chain of pieces with single joiners: snake_case, kebab-case, dotted.names, C++::scopes. Each piece may
contain smaller parts: camelCase, HTTPResponse, utf8.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import NamedTuple

from .characters import JOINERS

_COMPOUND = re.compile(rf"[^{JOINERS}]+(?:(?:_+|[-.\u2010]|::)[^{JOINERS}]+)*")
_HYPHENATED = re.compile(r"[^_.:]+")
_DIGIT = re.compile(r"\d")
_PIECES = re.compile(rf"[^{JOINERS}]+")
# Upper case, lower case and digits, split as a person would read them: "HTTPResponse", "URLs", "iPhone4".
_PARTS = re.compile("[A-Z]{2,}s(?![a-z])|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
# Encoded bytes alternate more often than names do.
_PARTS_MAX = 16
_NUMBERS_MAX = 2


class Compound(NamedTuple):
    """A word as written, its pieces, and the parts of each piece; an undivided piece is its own only part."""

    text: str
    pieces: tuple[str, ...]
    parts: tuple[tuple[str, ...], ...]

    @property
    def is_hyphenated(self) -> bool:
        """Whether it consists of hyphenated words, as in "boundary-layer", rather than a name or a number."""
        plain = all(len(parts) == 1 and not _DIGIT.search(parts[0]) for parts in self.parts)
        return plain and len(self.pieces) > 1 and _HYPHENATED.fullmatch(self.text) is not None

    @property
    def width(self) -> int:
        """The number of words that it reads as."""
        return sum(map(len, self.parts))


def compounds(word: str) -> list[Compound]:
    """The compounds in a raw word. Two joiners in a row separate, except in snake_case."""
    return [_compound(found) for found in _COMPOUND.findall(word)]


def _compound(text: str) -> Compound:
    pieces = tuple(_PIECES.findall(text))
    return Compound(text, pieces, tuple(map(parts, pieces)))


def parts(piece: str) -> tuple[str, ...]:
    """`("get", "HTTP", "Response")`; a word without inner boundaries is its only part.

    Boundaries are between lower and upper case, between capitals and a word, and between letters and digits.
    """
    if piece.isdecimal() or (piece.isalpha() and (piece.islower() or piece.isupper() or piece.istitle())):
        return (piece,)
    shape = piece if piece.isascii() else "".join(map(_shape, piece))
    found = [(match.start(), match.end()) for match in islice(_PARTS.finditer(shape), _PARTS_MAX + 1)]
    numbers = sum(shape[start].isdigit() for start, _ in found)
    if len(found) > _PARTS_MAX or numbers > _NUMBERS_MAX:
        return (piece,)
    return tuple(piece[start:end] for start, end in found)


def _shape(character: str) -> str:
    if character.isdecimal():
        return "0"
    return "A" if character.isupper() else "a"
