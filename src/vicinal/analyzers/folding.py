"""Folding of equivalent letters: case, compatibility forms, accents, digits of all scripts.

Accents are removed from Latin and Greek letters, and stress marks from Cyrillic ones, where they are reading aids.
They are kept where they form a different letter: Cyrillic short i, vowel signs of India and Thailand, voiced kana.
Nukta and nasal signs of Hindi are folded as in Lucene's HindiNormalizer, but not its rules for vowels, which would make
words such as "of" and "that" equal.
Source: L. S. Larkey et al., "Hindi CLIR in thirty days", ACM TALIP 2(2), 2003.
"""

from __future__ import annotations

import unicodedata
from typing import Final

# Letters with a stroke and the like have no decomposition in Unicode; these are the usual Latin substitutes.
_LATIN = {
    "æ": "ae",
    "œ": "oe",
    "ø": "o",
    "đ": "d",
    "ð": "d",
    "ħ": "h",
    "ı": "i",
    "ĸ": "k",
    "ł": "l",
    "ŋ": "n",
    "ŧ": "t",
    "þ": "th",
    "ƀ": "b",
    "ƶ": "z",
    "ɨ": "i",
    "ʉ": "u",
}
_CYRILLIC = {"ё": "е", "ѐ": "е", "ѝ": "и"}
# The usual folding: alef with hamza or madda, final yeh, teh marbuta; Persian yeh and keheh become the Arabic ones.
_ARABIC = {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ة": "ه", "ک": "ك"}

# Hindi: nukta, which is also part of precomposed letters, and candrabindu, written for anusvara.
_DEVANAGARI: Final = {
    "\u093c": "",
    "\u0929": "\u0928",
    "\u0931": "\u0930",
    "\u0934": "\u0933",
    "\u0901": "\u0902",
}
_ACCENTED: Final = ((0xC0, 0x24F), (0x370, 0x3FF), (0x1E00, 0x1FFF))
# Accents that belong to no script, vowel points of Arabic and Hebrew, Koranic marks.
_DROPPED: Final = (
    (0x300, 0x36F),
    (0x483, 0x487),
    (0x591, 0x5BD),
    (0x5BF, 0x5BF),
    (0x5C1, 0x5C2),
    (0x5C4, 0x5C5),
    (0x5C7, 0x5C7),
    (0x610, 0x61A),
    (0x64B, 0x65F),
    (0x670, 0x670),
    (0x6D6, 0x6DC),
    (0x6DF, 0x6E8),
    (0x6EA, 0x6ED),
    (0x8D3, 0x8FF),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20F0),
    (0xFE20, 0xFE2F),
)


def _within(code: int, blocks: tuple[tuple[int, int], ...]) -> bool:
    return any(low <= code <= high for low, high in blocks)


class _Folds(dict[int, str]):
    """What each character folds to, computed on first use."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        folded = character
        if _within(code, _DROPPED):
            folded = ""
        elif _within(code, _ACCENTED):
            folded = unicodedata.normalize("NFD", character)[0]
        elif (digit := unicodedata.decimal(character, None)) is not None:
            folded = str(digit)
        self[code] = folded
        return folded


_folds = _Folds(
    {ord(letter): plain for table in (_LATIN, _CYRILLIC, _ARABIC, _DEVANAGARI) for letter, plain in table.items()}
)

TURKIC: Final = ("tr", "az")


def lowered(word: str, language: str) -> str:
    """The word in lower case for comparison: full case folding of NFKC, with accents.

    Turkish and Azerbaijani have two letters i, dotted and dotless, in both cases.
    """
    if language in TURKIC:
        word = word.replace("İ", "i").replace("I", "ı")
    if word.isascii():
        return word.lower()
    return unicodedata.normalize("NFKC", word.casefold())


def folded(lower: str) -> str:
    """The result of `lowered` without accents. Empty if it consists of marks only."""
    if lower.isascii():
        return lower
    # A dead n before another consonant is also written as anusvara.
    return lower.replace("\u0928\u094d", "\u0902").translate(_folds)
