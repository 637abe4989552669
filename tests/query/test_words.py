"""Keyword search finds every word of documents in fourteen languages where it occurs, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

import vicinal
from support.words import LANGUAGES, STEMMERS, check, documents


@pytest.mark.parametrize(
    ("language", "stems"), [*((one, "en") for one in LANGUAGES), *((one, one) for one in STEMMERS if one != "en")]
)
def test_keyword_search_finds_words_where_they_stand(language: str, stems: str) -> None:
    docs = documents(language)
    with vicinal.connect(":memory:") as db:
        collection = db.collection("texts", encoder="hashing:16", language=stems)
        collection.add(ids=list(map(str, range(len(docs)))), texts=docs)

        def find(docs: Sequence[str], word: str) -> list[int]:
            return [int(hit.id) for hit in collection.search(word, mode="keyword", k=len(docs))]

        findings = check(language, find, stems=stems)
    assert findings.rare > 80
    assert findings.missed == []
    assert findings.strangers == []
