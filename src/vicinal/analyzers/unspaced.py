"""Scripts without spaces between words: single characters and pairs, in texts and queries.

A document is indexed by every letter and every pair of neighbours. A query word in these scripts is found where its
characters occur in a row: in scripts without word boundaries, that is what containing the word means.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Final

from .base import Placed
from .characters import HAN_AND_KANA, HANGUL, KATAKANA, SOUTH_EAST_ASIAN, classes, is_mark

# How much of a query is one word: five Han characters, eight Hangul syllables, sixteen Thai letters. A foreign word in
# katakana, or in letters, counts as two characters. Anything longer is a sentence, and is searched for in pieces.
WORD_MAX: Final = 80
KATAKANA_COST: Final = 32
SPACED_COST: Final = 32
_HAN_COST: Final = 16
_HANGUL_COST: Final = 10
_LETTER_COST: Final = 5
_KATAKANA_RUN_MAX: Final = 32
# Pieces of a sentence: a pair of characters is significant in Han, but not in Thai.
_HAN_WINDOW: Final = 2
_LETTER_WINDOW: Final = 4

_HAN = tuple(block for block in HAN_AND_KANA if block not in KATAKANA)
_BLOCKS: Final = {"katakana": KATAKANA, "hangul": HANGUL, "letters": SOUTH_EAST_ASIAN, "han": _HAN}
_KINDS: Final = tuple(_BLOCKS)


def is_hangul(character: str) -> bool:
    return any(low <= ord(character) <= high for low, high in HANGUL)


def is_unspaced(character: str) -> bool:
    """Whether a word that begins with this is split into characters. False for digits of these scripts."""
    return ord(character) >= SOUTH_EAST_ASIAN[0][0] and _begins().match(character) is not None


@functools.cache
def _begins() -> re.Pattern[str]:
    return re.compile(f"[{classes().run}{classes().hangul}{classes().marks}]")


def pairs(run: str, *, whole: bool) -> Iterator[tuple[str, int]]:
    """The terms of a run: each character except combining ones, and each pair of neighbours.

    Args:
        whole: False omits the last character, which is only there to follow the one before.
    """
    last = len(run) - 1
    for offset, character in enumerate(run):
        if (whole or offset < last or last == 0) and not is_mark(character):
            yield character, offset
        if offset < last:
            yield run[offset : offset + 2], offset


def asked(run: str) -> Placed:
    """The terms that a document contains exactly where it contains the run."""
    if len(run) == 1:
        return ((run, 0),)
    return tuple((run[offset : offset + 2], offset) for offset in range(len(run) - 1))


@functools.cache
def _stretches() -> re.Pattern[str]:
    """One group per writing system, in the order of `_BLOCKS`. Marks belong to the character before them."""
    insides = ("".join(f"{chr(low)}-{chr(high)}" for low, high in blocks) for blocks in _BLOCKS.values())
    return re.compile("|".join(f"([{inside}]+)" for inside in insides))


def stretches(run: str) -> Iterator[tuple[str, str]]:
    """The run, cut where the writing system changes: (kind, text). Characters of no kind stay with the part before."""
    found = [match for match in _stretches().finditer(run) if not is_mark(match[0][0])]
    for match, following in zip(found, [*found[1:], None]):
        end = len(run) if following is None else following.start()
        yield _KINDS[(match.lastindex or 1) - 1], run[match.start() : end]


def cost(run: str) -> int:
    """The share of `WORD_MAX` that a run takes."""
    each = {"han": _HAN_COST, "hangul": _HANGUL_COST, "letters": _LETTER_COST}
    return sum(
        min(KATAKANA_COST, _HAN_COST * len(text)) if kind == "katakana" else each[kind] * len(text)
        for kind, text in stretches(run)
    )


def pieces(run: str) -> Iterator[str]:
    """What to search for if a run is too long for one word, or if no document contains it."""
    for kind, text in stretches(run):
        window = _LETTER_WINDOW if kind == "letters" else _HAN_WINDOW
        if len(text) <= window or (kind == "katakana" and len(text) <= _KATAKANA_RUN_MAX):
            yield text
        else:
            starts = (start for start in range(len(text) - window + 1) if not is_mark(text[start]))
            yield from (text[start : start + window] for start in starts)
