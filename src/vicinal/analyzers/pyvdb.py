"""The analyzer specified by pyvdb: short words and stop words are dropped, Porter stems, four options."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable
from typing import Final

from ..errors import InvalidArgument
from .base import Terms
from .characters import APOSTROPHES, classes
from .plain import DROPPED, PlainAnalyzer
from .stemming import by_algorithm

_STOP_WORDS = """
    a an and are as at be but by for from has have he in is it its of on that the they this to was were will with
"""
STOP_WORDS: Final = frozenset(_STOP_WORDS.split())
_ASCII = re.compile(r"[A-Za-z0-9_-]+")


@functools.cache
def _words() -> re.Pattern[str]:
    """Its specification covers ASCII only; here, letters, digits and marks of all scripts count as well."""
    word = rf"[^\W{APOSTROPHES}]"
    return re.compile(rf"(?:{word}|-)(?:(?:{word}|-)+|[{classes().marks}]+)*")


class PyvdbAnalyzer(PlainAnalyzer):
    """Words of letters, digits, `-` and `_`, in lower case, stemmed by Porter's algorithm (1980).

    A dropped word leaves no gap: it counts neither towards the length of a document nor towards distances.

    Args:
        language: only stored: the rules are the same for all languages.
        case_sensitive: keep case; stop words are then dropped only in lower case.
        min_term_length: the minimum number of characters of a word, before stemming.
        stop_words: True for the 29 of the specification, False for none, or the words themselves.
        stemming: whether to stem.
    """

    name = "pyvdb"

    def __init__(
        self,
        language: str = "en",
        *,
        case_sensitive: bool = False,
        min_term_length: int = 2,
        stop_words: bool | Iterable[str] = True,
        stemming: bool = True,
    ) -> None:
        super().__init__(language)
        if isinstance(min_term_length, bool) or not isinstance(min_term_length, int) or min_term_length < 0:
            raise InvalidArgument(
                f"min_term_length must be a whole number of at least 0, not {min_term_length!r}",
                name="min_term_length",
                value=min_term_length,
            )
        self._case_sensitive = bool(case_sensitive)
        self._least = min_term_length
        self._stop_words = _as_stop_words(stop_words)
        self._stem = by_algorithm("porter") if stemming else None

    @property
    def fingerprint(self) -> str:
        options = {
            "case_sensitive": self._case_sensitive,
            "min_term_length": self._least,
            "stop_words": sorted(self._stop_words),
        }
        stems = "none" if self._stem is None else self._stem.fingerprint
        return f"{super().fingerprint} stems={stems} {json.dumps(options, ensure_ascii=False)}"

    def split(self, text: str) -> list[str]:
        return (_ASCII if text.isascii() else _words()).findall(text)

    def terms(self, word: str) -> Terms:
        if not self._case_sensitive:
            word = word.lower()
        if not word or len(word) < self._least or word in self._stop_words:
            return DROPPED
        return super().terms(word if self._stem is None else self._stem(word))


def _as_stop_words(given: bool | Iterable[str]) -> frozenset[str]:
    if isinstance(given, bool):
        return STOP_WORDS if given else frozenset()
    words = [given] if isinstance(given, str) else list(given)
    if isinstance(given, str) or not all(isinstance(word, str) for word in words):
        raise InvalidArgument("stop_words must be True, False or a collection of str", name="stop_words", value=given)
    return frozenset(words)
