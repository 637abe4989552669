"""Splits between sentences."""

from __future__ import annotations

import re

from ...inputs.calls import for_users
from ..chunk import Chunk
from .base import TextSplitter
from .breaks import ListedBreaks, separators
from .cut import Cutter
from .measure import CharactersOfSentences

__all__ = ["SentenceTextSplitter", "sentence_ends"]

# A sentence ends with its mark, closing quotes or brackets, and white space; in scripts without blanks with the mark. A
# blank line ends anything. Nothing is scanned twice, so that a million full stops take no longer than other text.
_END = re.compile(
    r"""(?P<stop>(?<![.!?\u2026\u0964\u061f\u06d4])[.!?\u2026\u0964\u061f\u06d4]++["'\u2019\u201d\u00bb)\]]*+\s+)"""
    r"""|[\u3002\uff01\uff1f\uff0e]+[\u300d\u300f\u201d\u2019\uff09]*\s*"""
    r"""|\n[ \t\r]*\n\s*"""
)
# A full stop after these does not end a sentence.
_ABBREVIATIONS = frozenset(
    {
        "al", "approx", "apr", "art", "aug", "bd", "bzw", "ca", "cf", "chap", "co", "corp", "dec",
        "dept", "dr", "ed", "eds", "eg", "esp", "est", "etc", "feb", "fig", "figs", "gen", "gov",
        "inc", "jan", "jr", "jul", "jun", "ltd", "mar", "max", "min", "mr", "mrs", "ms", "mt",
        "nos", "nov", "nr", "oct", "op", "pp", "prof", "rep", "rev", "sec", "sen", "sep", "sept",
        "sr", "st", "vgl", "vol", "vs",
    }
)  # fmt: skip
_WORD_BEFORE = re.compile(r"(\w+(?:\.\w)*)$")
_WORD_CHARS_MAX = 12


def sentence_ends(text: str) -> list[int]:
    """Returns where sentences end, including the white space after them; ascending, without the end of the text."""
    ends = [found.end() for found in _END.finditer(text) if _ends_sentence(text, found)]
    if ends and ends[-1] == len(text):
        ends.pop()
    return ends


def _ends_sentence(text: str, found: re.Match[str]) -> bool:
    stop = found["stop"]
    if stop is None or not stop.startswith(".") or stop.startswith("..") or stop.count("\n") > 1:
        return True
    if text[found.end() : found.end() + 1].islower():
        return False
    before = _WORD_BEFORE.search(text, max(0, found.start() - _WORD_CHARS_MAX), found.start())
    if before is None:
        return True
    word = before[1]
    # An initial, "e.g.", or an abbreviation.
    return not (word[-2:-1] == "." or (len(word) == 1 and word.isupper()) or word.lower() in _ABBREVIATIONS)


@for_users
class SentenceTextSplitter(TextSplitter):
    """Packs whole sentences into chunks of at most `chunk_size` characters.

    A sentence that is too long is cut between words. Each chunk but the first repeats as many whole sentences of the
    previous one as fit into `chunk_overlap` characters, which may be none.
    """

    def _split(self, text: str) -> list[Chunk]:
        ends = sentence_ends(text)
        cutter = Cutter(text, CharactersOfSentences(ends), self.chunk_size, self.chunk_overlap)
        return cutter.chunks(0, len(text), [ListedBreaks(ends), *separators(text, ("\n", " "))])
