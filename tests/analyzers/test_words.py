"""Every word of documents in fourteen languages is found in the documents that have it, and in no other."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import pytest

from support.keywords import BruteForce
from support.words import LANGUAGES, STEMMERS, STRINGS, check, documents
from vicinal.analyzers import analyzer


@functools.cache
def index(docs: tuple[str, ...], language: str) -> BruteForce:
    return BruteForce(analyzer("default", language), docs)


@pytest.mark.parametrize(
    ("language", "stems"), [*((one, "en") for one in LANGUAGES), *((one, one) for one in STEMMERS if one != "en")]
)
def test_words_are_found_where_they_stand(language: str, stems: str) -> None:
    def find(docs: Sequence[str], word: str) -> list[int]:
        return index(tuple(docs), stems).find(word)

    findings = check(language, find, stems=stems)
    assert len(documents(language)) >= 20
    assert len(findings.tried) > 100
    if language in STRINGS:
        assert {character for doc in documents(language) for character in doc if character.isalpha()} <= {
            *findings.tried
        }
    assert findings.rare > 80
    assert findings.missed == []
    assert findings.strangers == []


def test_the_check_sees_faults() -> None:
    assert check("en", lambda docs, word: []).missed
    assert check("en", lambda docs, word: list(range(len(docs)))).strangers
