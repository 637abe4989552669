"""Names in programs and emoji are words; Hindi is found in every spelling."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import vicinal
from vicinal.analyzers import analyzer, joined
from vicinal.analyzers.folding import folded, lowered
from vicinal.rag.highlight import marks

TEXTS = {
    "cpp": "Templates in C++ are powerful",
    "cpp17": "C++17 has structured bindings",
    "cs": "LINQ is a part of C#",
    "c": "Pointers in C are powerful",
    "objc": "Objective-C++ mixes both",
    "gpp": "compile it with g++",
    "fs": "F♯ is functional",
    "fire": "what a match 🔥",
    "fires": "🔥🔥 hot",
    "thumb": "agreed 👍🏽",
    "flag": "from 🇩🇪 with ❤️",
    "new": "🫨 shaking",
    "sum": "a++b, page#section, issue #5",
}


@pytest.fixture(scope="module")
def docs() -> Iterator[vicinal.Collection]:
    with vicinal.connect(":memory:") as db:
        made = db.collection("docs")
        made.add(list(TEXTS), texts=list(TEXTS.values()))
        yield made


@pytest.mark.parametrize(
    ("query", "first", "others"),
    [
        ("C++", {"cpp", "cpp17", "objc"}, set()),
        ("c++", {"cpp", "cpp17", "objc"}, set()),
        ("C#", {"cs"}, set()),
        ("C♯", {"cs"}, set()),
        ("C", {"c"}, {"cpp", "cpp17", "cs", "objc"}),
        ("Objective-C++", {"objc"}, {"cpp", "cpp17"}),
        ("g++", {"gpp"}, set()),
        ("F#", {"fs"}, set()),
        ("J#", set(), set()),
        ("🔥", {"fire", "fires"}, set()),
        ("👍", {"thumb"}, set()),
        ("👍🏿", {"thumb"}, set()),
        ("🇩🇪", {"flag"}, set()),
        ("❤", {"flag"}, set()),
        ("🫨", {"new"}, set()),
        ("💧", set(), set()),
    ],
)
@pytest.mark.parametrize("syntax", ["plain", "operators"])
def test_a_name_is_found_by_itself(
    docs: vicinal.Collection, query: str, first: set[str], others: set[str], syntax: str
) -> None:
    found = docs.search(query, mode="keyword", k=99, syntax=syntax).ids
    assert set(found[: len(first)]) == first
    assert set(found[len(first) :]) == others


def test_a_name_that_no_text_has_is_looked_for_by_its_letters() -> None:
    with vicinal.connect(":memory:") as db:
        plain = db.collection("plain")
        plain.add(["c", "d"], texts=["Pointers in C", "Ranges in D"])
        assert plain.search("C++", mode="keyword").ids == ["c"]


def test_names_stand_in_phrases_and_are_required_and_excluded(docs: vicinal.Collection) -> None:
    def found(query: str) -> list[str]:
        return [str(id_) for id_ in docs.search(query, mode="keyword", k=99, syntax="operators").ids]

    assert found('"in C++ are"') == ["cpp"]
    assert found('"in C are"') == ["c", "cpp"]  # a phrase goes by stems
    assert sorted(found("+C++ powerful")) == ["cpp", "cpp17", "objc"]
    assert found("powerful -C++") == ["c"]
    assert found("match +🔥") == ["fire", "fires"]


def test_what_is_no_name_is_taken_apart_as_before() -> None:
    surface = joined(analyzer("default"), TEXTS["sum"])[1]
    assert [term for term, _ in surface] == ["a", "b", "page", "section", "issue", "5"]


def test_other_analyzers_keep_the_rules_of_other_programs() -> None:
    for name in ("standard", "zh", "simple", "pyvdb"):
        assert all(mark not in term for term, _ in joined(analyzer(name), "C++ 🔥")[0] for mark in "+🔥")


def test_names_and_emoji_are_marked() -> None:
    for text, question, marked in (("in C++ and C", "C++", "C++"), ("so 🔥 now", "🔥", "🔥")):
        assert [text[start:end] for start, end in marks(text, question)] == [marked]


# Pairs that Lucene's HindiNormalizer makes equal: anusvara and dead n, candrabindu, nukta in both its forms.
HINDI = [
    ("हिन्दी", "हिंदी"),
    ("चाँद", "चांद"),
    ("ज़मीन", "जमीन"),
    ("\u095bमीन", "जमीन"),
    ("\u0929म", "नम"),
    ("अँगरेज़ी", "अंगरेजी"),
    ("संबन्ध", "संबंध"),
    ("फ़िल्म", "फिल्म"),
]


@pytest.mark.parametrize(("one", "other"), HINDI)
def test_hindi_is_found_however_it_is_spelt(one: str, other: str) -> None:
    assert folded(lowered(one, "hi")) == folded(lowered(other, "hi"))
    for language in ("hi", "en"):
        with vicinal.connect(":memory:") as db:
            docs = db.collection("docs", language=language)
            docs.add(["one", "other"], texts=[f"यह {one} है", f"यह {other} है"])
            for query, exact in ((one, "one"), (other, "other")):
                found = docs.search(query, mode="keyword").ids
                assert sorted(map(str, found)) == ["one", "other"]
                assert found[0] == exact


def test_words_of_hindi_that_differ_in_a_vowel_are_two() -> None:
    assert folded("की") != folded("कि")
