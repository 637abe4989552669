"""The words of a passage that match a question, and the range that contains most of them."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from ..analyzers import Analyzer, QueryWord, analyzer
from ..analyzers.characters import EMOJI

__all__ = ["best_stretch", "marks"]

Spans = list[tuple[int, int]]

_WORD = re.compile(rf"\w+(?:['\u2019]\w+)*(?:(?:\+\+|#)(?!\w))?|[{EMOJI}]")
# Scripts without spaces, whose terms are characters and pairs rather than words.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
# Words of every question: marking them would hide the others. They are marked only if there are no others.
_COMMON = frozenset(
    {
        "a", "about", "an", "and", "any", "are", "as", "at", "be", "by", "can", "did", "do", "does", "for", "from",
        "has", "have", "how", "i", "if", "in", "is", "it", "its", "me", "my", "of", "on", "or", "should", "so", "that",
        "the", "their", "there", "these", "they", "this", "to", "was", "we", "were", "what", "when", "where", "which",
        "who", "why", "will", "with", "would", "you", "your",
    }
)  # fmt: skip


def marks(text: str, question: str, language: str = "en") -> Spans:
    """Returns the spans of `text` that match words of `question`, in any form equated by keyword search; ascending."""
    analysis = analyzer("default", language=language)
    words = [word for word in analysis.query(question) if word.text.lower() not in _COMMON]
    wanted = _terms(words or analysis.query(question))
    if not wanted:
        return []
    spans = []
    for found in _WORD.finditer(text):
        if _UNSPACED.search(found[0]):
            spans += _runs(found, wanted)
        elif _terms_of(analysis, found[0]) & wanted:
            spans.append(found.span())
    return spans


def best_stretch(text: str, spans: Sequence[tuple[int, int]], length: int) -> tuple[int, int]:
    """Returns the range of about `length` characters with the most different marked words, the first if several do."""
    if len(text) <= length:
        return 0, len(text)
    best, most = 0, 0
    starts = [start for start, _ in spans]
    for start in starts:
        first = max(0, start - length // 4)
        near = spans[bisect_left(starts, first) : bisect_right(starts, first + length)]
        inside = {text[a:b].lower() for a, b in near if b <= first + length}
        if len(inside) > most:
            best, most = first, len(inside)
    first = 0 if best == 0 else text.find(" ", best, best + 20) + 1 or best
    last = first + length
    blank = text.rfind(" ", last - 20, last)
    return first, len(text) if last >= len(text) else blank if blank > first else last


def _terms(words: Iterable[QueryWord]) -> set[str]:
    terms = {term for word in words for group in word.groups for term, _ in group.terms}
    # Single letters are left over from words such as "don't".
    return {term for term in terms if len(term) > 1 or not term.isascii()} or terms


def _terms_of(analysis: Analyzer, word: str) -> set[str]:
    raw = analysis.split(word)
    return {term for part in raw for placed in analysis.terms(part).fields for term, _ in placed}


def _runs(found: re.Match[str], wanted: set[str]) -> Spans:
    """Longest stretches of a run of characters whose pairs are all wanted, or single ones."""
    run, offset = found[0], found.start()
    hit = [False] * len(run)
    for size in (2, 1):
        for at in range(len(run) - size + 1):
            if run[at : at + size] in wanted and (size == 2 or not any(hit)):
                hit[at : at + size] = [True] * size
    return [(offset + m.start(), offset + m.end()) for m in re.finditer("1+", "".join("01"[h] for h in hit))]
