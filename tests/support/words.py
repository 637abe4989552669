"""The guarantees of keyword search for words in many languages: `check` tests every word of a set of documents.

Definitions of "a document has a word", derived from the texts themselves and not from an analyzer:

- as written: ignoring case, the word occurs in the document as a whole word, with or without hyphens and dots around
  it. In Chinese, Japanese and Thai, which do not separate words, it occurs as a string; in Korean also between spaces.
- in some form: a word of the document is the same without accents, or has the same stem; for names in programs, it has
  the same parts in sequence; for words joined by hyphens, any one of them.

A word that at most 3 documents have as written, or without accents, must find these, before all others. Any word finds
only documents that have it in some form, except for whole sentences of the scripts without spaces.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import snowballstemmer

TEXTS = Path(__file__).parents[1] / "texts"
LANGUAGES = ("ar", "de", "el", "en", "fr", "hi", "ja", "ko", "ru", "th", "tr", "vi", "zh", "code")
RARE = 3
# The longest strings tested as words, for scripts without spaces.
STRINGS = {"zh": 4, "ja": 5, "th": 6, "ko": 4}
STEMMERS = {
    "ar": "arabic",
    "de": "german",
    "el": "greek",
    "en": "english",
    "fr": "french",
    "hi": "hindi",
    "ru": "russian",
    "tr": "turkish",
}

Find = Callable[[Sequence[str], str], list[int]]


def documents(language: str) -> list[str]:
    return (TEXTS / f"{language}.txt").read_text(encoding="utf-8").splitlines()


@dataclass
class Findings:
    """The number of words tested, and the failures: (word, documents that have it, documents found)."""

    tried: list[str] = field(default_factory=list)
    rare: int = 0
    missed: list[tuple[str, list[int], list[int]]] = field(default_factory=list)
    strangers: list[tuple[str, list[int], list[int]]] = field(default_factory=list)


def check(language: str, find: Find, *, stems: str = "en") -> Findings:
    """Tries all words of a set.

    Args:
        language: one of `LANGUAGES`.
        find: positions of all documents that a query finds, best first.
        stems: the language by which `find` stems.
    """
    docs = documents(language)
    referee = Referee(language, docs, stems)
    findings = Findings()
    for word in referee.words():
        found = find(docs, word)
        findings.tried.append(word)
        for has in (referee.as_written(word), referee.between_others(word), referee.without_accents(word)):
            if 0 < len(has) <= RARE:
                findings.rare += 1
                if not has <= set(found[:RARE]):
                    findings.missed.append((word, sorted(has), found))
        sentence = len(word) > STRINGS.get(language, len(word))
        if not sentence and not set(found) <= referee.in_some_form(word):
            findings.strangers.append((word, sorted(referee.in_some_form(word)), found))
    return findings


class Referee:
    """Determines which documents of a set have a word."""

    def __init__(self, language: str, docs: Sequence[str], stems: str) -> None:
        self.language = language
        self.turkic = stems == "tr"
        self.docs = [self.lower(doc) for doc in docs]
        self.written = [set(_whole_words(doc)) for doc in self.docs]
        self.runs = [{run for word in words for run in re.split("[-.]", word)} for words in self.written]
        self.originals = [_parts(unicodedata.normalize("NFC", doc)) for doc in docs]
        self.stemmers = [snowballstemmer.stemmer(STEMMERS[stems])] if stems in STEMMERS else []
        self.forms = [[self.form(part) for part in parts] for parts in self.originals]

    def words(self) -> list[str]:
        """Returns all words of the set: split at spaces, split at everything but letters and digits, and strings."""
        words: dict[str, None] = {}
        for doc in documents(self.language):
            text = unicodedata.normalize("NFC", doc)
            words.update(dict.fromkeys(_whole_words(text)))
            words.update(dict.fromkeys(part for word in _whole_words(text) for part in _parts(word)))
            words.update(dict.fromkeys(_strings(text, STRINGS.get(self.language, 0))))
        return list(words)

    def lower(self, text: str) -> str:
        text = unicodedata.normalize("NFC", text)
        if self.turkic:
            text = text.replace("İ", "i").replace("I", "ı")
        return unicodedata.normalize("NFC", text.casefold())

    def form(self, part: str) -> frozenset[str]:
        """Returns the word, the word without accents, and their stems: words are forms of one if these overlap."""
        lower = self.lower(part)
        both = {lower, without_accents(lower)}
        return frozenset(both | {stemmer.stemWord(word) for stemmer in self.stemmers for word in both})

    def as_written(self, word: str) -> set[int]:
        lower = self.lower(word)
        if self.language in STRINGS:
            return {at for at, doc in enumerate(self.docs) if lower in doc}
        return {at for at, words in enumerate(self.written) if lower in words}

    def between_others(self, word: str) -> set[int]:
        """Returns documents where it is between characters other than letters and digits; in Korean also spaces."""
        lower = self.lower(word)
        return {at for at, runs in enumerate(self.runs) if lower in runs}

    def without_accents(self, word: str) -> set[int]:
        plain = without_accents(self.lower(word))
        if self.language in STRINGS:
            return self.as_written(word)
        return {at for at, words in enumerate(self.written) if plain in map(without_accents, words)}

    def in_some_form(self, word: str) -> set[int]:
        """Returns the documents in which forms of the parts of `word` occur in sequence."""
        strings = self.as_written(word) if self.language in STRINGS else set()
        if re.fullmatch(r"[^\W\d_]+(?:-[^\W\d_]+)+", word):
            return set.union(*map(self.in_some_form, word.split("-"))) | self.as_written(word)
        parts = [self.form(part) for part in _parts(unicodedata.normalize("NFC", word))]
        whole = {at for at, forms in enumerate(self.forms) if _in_a_row(parts, forms)}
        joined = self.form("".join(_parts(word)))
        compounds = {
            at for at, doc in enumerate(self.docs) if any(joined & self.form(chain) for chain in _whole_words(doc))
        }
        return strings | whole | compounds


def _in_a_row(parts: Sequence[frozenset[str]], forms: Sequence[frozenset[str]]) -> bool:
    starts = range(len(forms) - len(parts) + 1)
    return any(all(part & forms[start + offset] for offset, part in enumerate(parts)) for start in starts)


@functools.cache
def without_accents(word: str) -> str:
    """As a reader would write it who has no accents: marks of European scripts, Arabic and Vietnamese taken off.

    In Hindi without nukta, and with one sign for what is spoken through the nose.
    """
    if re.search("[\u0900-\u097f]", word):
        decomposed = unicodedata.normalize("NFD", word).replace("\u093c", "")
        return re.sub("\u0901|\u0928\u094d", "\u0902", decomposed)
    word = word.translate(str.maketrans("đıøłأإآىةё", "diolااايهе"))
    if re.search("[\u0600-\u06ff]", word):
        return re.sub("[\u064b-\u065f\u0670\u0640]", "", word)
    if re.search("[a-zà-ɏḀ-ỿά-ώἀ-῿]", word):
        decomposed = unicodedata.normalize("NFD", word)
        return "".join(character for character in decomposed if not unicodedata.combining(character))
    return "".join(str(unicodedata.decimal(character, character)) for character in word)


def _is_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNM" and character != "ʼ"


def _whole_words(text: str) -> Iterator[str]:
    """Yields the strings between spaces and punctuation; joiners within words are kept, apostrophes are not."""
    shape = "".join("w" if _is_word(c) else c if c in "_-." else " " for c in text)
    for found in re.finditer(r"w+(?:(?:_+|[-.])w+)*", shape):
        yield text[found.start() : found.end()]


def _parts(text: str) -> list[str]:
    """Returns words and parts of names, in sequence: getHTTPResponse is get, HTTP, Response."""
    words = "".join(c if _is_word(c) else " " for c in text)
    words = re.sub("(?<=[a-zà-ÿ])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", words)
    return re.sub(r"(?<=[^\W\d])(?=\d)|(?<=\d)(?=[^\W\d])", " ", words).split()


def _strings(text: str, longest: int) -> Iterator[str]:
    """Yields all strings of at most this many letters that do not begin with a combining mark."""
    runs = "".join(c if _is_word(c) else " " for c in text).split()
    for run in runs:
        for start, first in enumerate(run):
            if not unicodedata.category(first).startswith("M"):
                yield from (run[start : start + size] for size in range(1, min(longest, len(run) - start) + 1))
