"""Stemmers: both libraries return the same stems, in threads too."""

from __future__ import annotations

import gzip
import importlib.util
import json
import random
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vicinal.analyzers import languages, stemming
from vicinal.analyzers.stemming import _ALGORITHMS, native, plain, stemmer

WORDNET = Path(__file__).parents[3] / "shared/data/wordnet/texts.jsonl.gz"

LETTERS = {
    "Latin": "abcdefghijklmnoprstuvyzàáâäåãçčèéêëěğíîïıłñńóôöőøõśšßúûüýžœæ",
    "Cyrillic": "абвгдежзийклмнопрстуфхцчшщъыьэюяёђћџљњ",
    "Greek": "αβγδεζηθικλμνξοπρστυφχψωάέήίόύώς",
    "Arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهويةىأإآؤئپچگ",
    "Devanagari": "अआइईउऊएऐओऔकखगघचछजझटठडढतथदधनपफबभमयरलवशषसह"
    "\u093e\u093f\u0940\u0941\u0942\u0947\u0948\u094b\u094c\u094d\u0902",
    "Tamil": "அஆஇஈகஙசஞடணதநபமயரலவழளறன\u0bbe\u0bbf\u0bc0\u0bc1\u0bc8\u0bcd",
    "Armenian": "աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցփքօֆ",
    "Hebrew": "אבגדהוזחטיכלמנסעפצקרשתךםןףץ",
}
ENDINGS = (
    "ing ed ly s es ies tional ization fulness ment ement ations heit keit lich ungen eur euse amente azione imento "
    "ими ого ами ость ующий ίζω εις ους ات ون ها ने ों ियाँ கள்"
)


@pytest.mark.parametrize("language", sorted(_ALGORITHMS))
def test_both_libraries_stem_alike(language: str) -> None:
    pytest.importorskip("Stemmer")
    found = stemmer(language)
    if found.algorithm == "none":
        pytest.skip("this version of Snowball has no such stemmer")
    other = plain(found.algorithm)
    assert other is not None
    draw = random.Random(language)
    for _ in range(2_000):
        letters = LETTERS[draw.choice(list(LETTERS))]
        word = "".join(draw.choices(letters, k=draw.randint(1, 12))) + draw.choice(["", *ENDINGS.split()])
        assert found(word) == (other(word) or word if found._fits(word) else word)


@pytest.mark.slow
def test_both_libraries_stem_the_words_of_wordnet_alike() -> None:
    pytest.importorskip("Stemmer")
    if not WORDNET.exists():
        pytest.skip("the WordNet texts are not beside the repository")
    with gzip.open(WORDNET, "rt", encoding="utf-8") as lines:
        words = sorted({word for line in lines for word in re.findall("[a-z]+", json.loads(line)["text"].lower())})
    assert len(words) > 50_000
    found, other = native("english"), plain("english")
    assert found is not None
    assert other is not None
    assert list(map(found, words)) == list(map(other, words))


def test_stems_of_many_threads_are_right() -> None:
    found = stemming.Stemmer("english", "a-z", plain("english") or str)
    words = [
        f"{start}{ending}" for start in ("connect", "relat", "hop", "nation") for ending in ENDINGS.split()[:10]
    ] * 20
    expected = list(map(found, words))
    with ThreadPoolExecutor(4) as pool:
        assert all(stems == expected for stems in pool.map(lambda _: list(map(found, words)), range(4)))


def test_without_either_library_nothing_is_stemmed() -> None:
    assert plain("klingon") is None
    assert stemmer("vi")("running") == "running"


def test_the_languages_of_the_core_are_there() -> None:
    assert {"ar", "de", "el", "en", "es", "fr", "hi", "ru", "tr"} <= set(languages())
    assert importlib.util.find_spec("snowballstemmer") is not None
