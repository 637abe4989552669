"""Snowball stemmers by language: PyStemmer if it is installed, otherwise snowballstemmer, which has the same stems."""

from __future__ import annotations

import functools
import hashlib
import importlib
import re
import sys
from collections.abc import Callable
from typing import Final

from ..locks import new_lock

_LATIN: Final = "a-zß-ʯ\u0300-\u036fḀ-ỿ"
_CYRILLIC: Final = "Ѐ-ԯ"
_ARABIC: Final = "\u0600-\u06ff"
_DEVANAGARI: Final = "\u0900-\u097f"

# ISO 639-1 code; name of the algorithm; letters other than Latin ones.
_ALGORITHMS: Final[dict[str, tuple[str, str]]] = {
    "ar": ("arabic", _ARABIC),
    "ca": ("catalan", _LATIN),
    "cs": ("czech", _LATIN),
    "da": ("danish", _LATIN),
    "de": ("german", _LATIN),
    "el": ("greek", "\u0370-\u03ff\u1f00-\u1fff"),
    "en": ("english", _LATIN),
    "eo": ("esperanto", _LATIN),
    "es": ("spanish", _LATIN),
    "et": ("estonian", _LATIN),
    "eu": ("basque", _LATIN),
    "fa": ("persian", _ARABIC),
    "fi": ("finnish", _LATIN),
    "fr": ("french", _LATIN),
    "ga": ("irish", _LATIN),
    "hi": ("hindi", _DEVANAGARI),
    "hu": ("hungarian", _LATIN),
    "hy": ("armenian", "\u0530-\u058f"),
    "id": ("indonesian", _LATIN),
    "it": ("italian", _LATIN),
    "lt": ("lithuanian", _LATIN),
    "nb": ("norwegian", _LATIN),
    "ne": ("nepali", _DEVANAGARI),
    "nl": ("dutch", _LATIN),
    "nn": ("norwegian", _LATIN),
    "no": ("norwegian", _LATIN),
    "pl": ("polish", _LATIN),
    "pt": ("portuguese", _LATIN),
    "ro": ("romanian", _LATIN),
    "ru": ("russian", _CYRILLIC),
    "sr": ("serbian", _LATIN + _CYRILLIC),
    "st": ("sesotho", _LATIN),
    "sv": ("swedish", _LATIN),
    "ta": ("tamil", "\u0b80-\u0bff"),
    "tr": ("turkish", _LATIN),
    "yi": ("yiddish", "\u0590-\u05ff"),
}

# Words whose stems distinguish variants of an algorithm, in addition to the version that it reports.
_PROBE: Final = (
    "running flies happily generously relational skies dying succeeding news arsenal organization universities "
    "häuser haeuser straßen freundlichkeit vorsätze continuellement élevées majestés chevaux corriendo rápidamente "
    "canciones lavorando velocemente programação corredores koirien taloissa springande husene kitaplarımızdan "
    "házakban miestams domovima книгами бегающий красивейший кућама βιβλιων ανθρωποι τρεχοντας "
    "الكتاب والمدرسون يكتبون लड़कियों किताबें चलाना գրքերի புத்தகங்கள் ביכער"
)


class Stemmer:
    """The stemmer of one language, for words in its script; other words are unchanged. Thread-safe.

    Attributes:
        algorithm: its name in Snowball, or "none".
        ascii: a faster version of calling the stemmer, only for words of the letters a to z.
        fingerprint: the algorithm and its stems of some words.
    """

    def __init__(self, algorithm: str, letters: str, stem: Callable[[str], str]) -> None:
        self.algorithm = algorithm
        self._fits = re.compile(f"[{letters}]+").fullmatch
        self._stem = stem
        self.ascii = stem if self._fits("a") else _same
        self.fingerprint = f"{algorithm}:{self._behaviour()}"

    def __call__(self, word: str) -> str:
        """The stem of a lower-case word; never empty."""
        return word if self._fits(word) is None else self._stem(word) or word

    def _behaviour(self) -> str:
        stems = " ".join(map(self._stem, _PROBE.split()))
        return hashlib.blake2b(stems.encode(), digest_size=6).hexdigest()


class NoStemmer(Stemmer):
    """For languages that have no stemmer or need none."""

    def __init__(self) -> None:
        self.algorithm = self.fingerprint = "none"
        self.ascii = _same

    def __call__(self, word: str) -> str:
        return word


def _same(word: str) -> str:
    return word


def _alone(stem: Callable[[str], str]) -> Callable[[str], str]:
    """`stem`, restricted to one thread at a time: Snowball's programs store the current word in an object."""
    lock = new_lock()

    def guarded(word: str) -> str:
        with lock:
            return stem(word)

    return guarded


def native(algorithm: str) -> Callable[[str], str] | None:
    """PyStemmer's stemmer without its cache: the caller caches words."""
    try:
        stem: Callable[[str], str] = importlib.import_module("Stemmer").Stemmer(algorithm, 0).stemWord
    except (ImportError, KeyError):
        return None
    # It holds the GIL, if there is one, while it works.
    return stem if getattr(sys, "_is_gil_enabled", lambda: True)() else _alone(stem)


def plain(algorithm: str) -> Callable[[str], str] | None:
    """snowballstemmer's pure Python version; its own `stemmer()` would use PyStemmer."""
    try:
        module = importlib.import_module(f"snowballstemmer.{algorithm}_stemmer")
    except ImportError:
        return None
    return _alone(getattr(module, f"{algorithm.capitalize()}Stemmer")().stemWord)


@functools.cache
def stemmer(language: str) -> Stemmer:
    """The stemmer of a language, by its code; one that changes nothing if Snowball has none."""
    algorithm, letters = _ALGORITHMS.get(language, ("", ""))
    return by_algorithm(algorithm, letters) if algorithm else NoStemmer()


@functools.cache
def by_algorithm(algorithm: str, letters: str = _LATIN) -> Stemmer:
    found = native(algorithm) or plain(algorithm)
    return NoStemmer() if found is None else Stemmer(algorithm, letters, found)


def languages() -> tuple[str, ...]:
    """Codes of the languages that have a stemmer."""
    return tuple(code for code in _ALGORITHMS if stemmer(code).algorithm != "none")
