"""Which characters form words: letters, digits and marks of all scripts, and which scripts have no spaces."""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

# Letters by category, but used as apostrophes, which separate words: primes, turned commas, half rings, saltillo.
APOSTROPHES: Final = "\u02b9-\u02bf\u02c8\u02ca\u02cb\u02ee\ua78b\ua78c\u07f4\u07f5\u0374"

# Invisible, so they are ignored: soft hyphen, joiners, direction marks, variation selectors, tatweel; and skin tones,
# which change an emoji no more than its style does.
IGNORED: Final = re.compile(
    "[\u00ad\u034f\u0640\u061c\u180b-\u180f\u200c-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff"
    "\U0001f3fb-\U0001f3ff\U000e0000-\U000e0fff]+"
)

# Scripts without spaces between words, as ranges of code points. Hangul has spaces between phrases, not between words,
# and is separate because its runs are short.
HANGUL: Final = ((0x1100, 0x11FF), (0x3131, 0x318E), (0xA960, 0xA97C), (0xAC00, 0xD7FB))
KATAKANA: Final = ((0x30A1, 0x30FA), (0x30FC, 0x30FF), (0x31F0, 0x31FF), (0x1AFF0, 0x1B000), (0x1B164, 0x1B167))
HAN_AND_KANA: Final = (
    (0x3005, 0x3007),
    (0x3021, 0x3029),
    (0x3031, 0x3035),
    (0x3038, 0x303C),
    (0x3041, 0x309F),
    (0x3105, 0x312F),
    (0x31A0, 0x31BF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xA000, 0xA48C),
    (0xF900, 0xFAFF),
    (0x1B001, 0x1B163),
    (0x20000, 0x3FFFD),
    *KATAKANA,
)
SOUTH_EAST_ASIAN: Final = (
    (0x0E01, 0x0E4E),  # Thai
    (0x0E81, 0x0ECF),  # Lao
    (0x0EDC, 0x0EDF),
    (0x1000, 0x103F),  # Myanmar
    (0x1050, 0x108F),
    (0x109A, 0x109F),
    (0x1780, 0x17DD),  # Khmer
    (0x1950, 0x197F),  # Tai Le, New Tai Lue, Tai Tham
    (0x1980, 0x19CF),
    (0x1A20, 0x1A7F),
    (0xA9E0, 0xA9EF),  # Myanmar, extended
    (0xA9FA, 0xA9FE),
    (0xAA60, 0xAA7F),
    (0xAA80, 0xAADF),  # Tai Viet
)
HANGUL_RUN_MAX = 64
"""A longer run without a space is split into several raw words, and the pair across a split is not found."""

_MARKS_LAST = 0x1FFFF
JOINERS: Final = "-._:\u2010"

PIECES_MAX: Final = 64
"""A chain of this many pieces is not a name: only its pieces are indexed. A longer one is several raw words."""

# Part of names such as C++, C#, g++ and C++17, but not of a++b or page#section.
MARKS_OF_NAMES: Final = ("++", "#")
_MARKED: Final = r"(?:(?<=[^\W\d_])(?:(?:\+\+|\#)(?!\w)|\+\+(?=[0-9])))?"

# Emoji, and the symbols that share their blocks. The newest may be missing from this Python's Unicode data.
EMOJI: Final = (
    "\u231a-\u231b\u23e9-\u23fa\u25fd-\u25fe\u2600-\u27bf\u2b05-\u2b55"
    "\U0001f000-\U0001f0ff\U0001f170-\U0001f1e5\U0001f200-\U0001faff"
)
_FLAGS: Final = "\U0001f1e6-\U0001f1ff"  # two letters of a country code

# A raw word may contain joiners of any kind; `identifiers` looks at them once for each distinct word.
_ASCII = re.compile(rf"[A-Za-z0-9]+(?:[{JOINERS}]+[A-Za-z0-9]+){{0,{PIECES_MAX - 1}}}{_MARKED}")


# NFKC decomposes the vowel am of Thai and Lao, which readers see as one letter.
_AM = re.compile("ํ([่-๋]?)า")
_LAO_AM = re.compile("ໍ([່-໋]?)າ")


def normalise(text: str) -> str:
    """NFKC without invisible characters. Half-width forms, ligatures and the like become plain letters."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", IGNORED.sub("", text)).replace("♯", "#")
    if "ํ" in text:
        text = _AM.sub("\\1ำ", text)
    return _LAO_AM.sub("\\1ຳ", text) if "ໍ" in text else text


@functools.cache
def is_mark(character: str) -> bool:
    """Whether the character combines with the one before it."""
    return unicodedata.category(character)[0] == "M"


def ranges(codes: Iterable[int]) -> str:
    """Ascending code points as the content of a regular expression's character class."""
    found: list[list[int]] = []
    for code in codes:
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return "".join(f"{re.escape(chr(low))}-{re.escape(chr(high))}" for low, high in found)


def _letters(blocks: Iterable[tuple[int, int]]) -> Iterator[int]:
    """Letters and number letters of blocks; for large blocks all code points, assigned or not."""
    for low, high in sorted(blocks):
        for code in range(low, high + 1):
            if high - low > 1000 or unicodedata.category(chr(code)) in ("Lo", "Lm", "Nl"):
                yield code


class Classes:
    """Contents of character classes, computed from the Unicode data of this Python on first use."""

    def __init__(self) -> None:
        self.hangul = ranges(_letters(HANGUL))
        self.run = ranges(_letters((*HAN_AND_KANA, *SOUTH_EAST_ASIAN)))
        self.marks = ranges(code for code in range(0x300, _MARKS_LAST) if is_mark(chr(code)))
        # Letters and digits of all scripts with spaces.
        self.spaced = rf"^\W_{APOSTROPHES}{self.hangul}{self.run}"
        piece = rf"[{self.spaced}]+(?:[{self.marks}]+[{self.spaced}]*)*"
        self.piece = piece
        self.words = rf"{piece}(?:[{JOINERS}]+{piece}){{0,{PIECES_MAX - 1}}}"
        self.eojeol = rf"[{self.hangul}][{self.hangul}{self.marks}]{{0,{HANGUL_RUN_MAX - 1}}}"
        self.unspaced = rf"[{self.run}](?:[{self.run}]+|[{self.marks}]+)*"


@functools.cache
def classes() -> Classes:
    return Classes()


@functools.cache
def tokens() -> re.Pattern[str]:
    """Finds words with spaces (and joiners inside), runs of Hangul, emoji, and, as group 1, runs without spaces."""
    found = classes()
    return re.compile(rf"{found.words}{_MARKED}|{found.eojeol}|({found.unspaced})|[{_FLAGS}]{{2}}|[{EMOJI}]")


def split(text: str) -> list[str]:
    """Raw words. For a run of an unspaced script: each character together with the one that follows it."""
    if text.isascii():
        return _ASCII.findall(text)
    words: list[str] = []
    for found in tokens().finditer(normalise(text)):
        word = found[0]
        if found[1] is None:
            words.append(word)
        else:
            words.extend(paired(word))
    return words


def paired(run: str) -> list[str]:
    """Each character with the one that follows it, and the last one alone."""
    return [*map("".join, itertools.pairwise(run)), run[-1]]
