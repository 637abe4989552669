"""The default analyzer, word by word."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vicinal.analyzers import Analyzer, Group, analyzer, joined
from vicinal.analyzers.default import STEMS, SURFACE

ENGLISH = analyzer("default")


def stems(text: str, by: Analyzer = ENGLISH) -> list[tuple[str, int]]:
    return sorted(joined(by, text)[STEMS], key=lambda placed: (placed[1], placed[0]))


def stem_terms(text: str, by: Analyzer = ENGLISH) -> set[str]:
    return {term for term, _ in joined(by, text)[STEMS]}


def surface(text: str) -> list[str]:
    return [term for term, _ in joined(ENGLISH, text)[SURFACE]]


def test_words_are_stemmed_in_one_field_and_kept_in_the_other() -> None:
    assert joined(ENGLISH, "Running horses, 42!") == (
        (("run", 0), ("hors", 1), ("42", 2)),
        (("running", 0), ("horses", 1), ("42", 2)),
    )


@pytest.mark.parametrize("apostrophe", ["'", "’", "ʼ", "ʻ", "‘", "＇", "`", "´", "ʹ", "‛", "′"])
def test_apostrophes_separate(apostrophe: str) -> None:
    assert surface(f"don{apostrophe}t") == ["don", "t"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("café", "CAFÉ"),
        ("café", "cafe\u0301"),
        ("ﬁre", "FIRE"),
        ("Straße", "STRASSE"),
        ("Ｗｉｄｅ", "wide"),
        ("co\u00adoperate", "cooperate"),
        ("ΟΔΟΣ", "οδος"),
        ("می\u200cروم", "میروم"),
        ("كتــاب", "كتاب"),
        ("ｶﾞ", "ガ"),
        ("한", "\u1112\u1161\u11ab"),
    ],
)
def test_written_differently_but_the_same(one: str, other: str) -> None:
    assert joined(ENGLISH, one) == joined(ENGLISH, other)


@pytest.mark.parametrize(
    ("accented", "plain"),
    [
        ("café", "cafe"),
        ("Đặng", "dang"),
        ("Łódź", "lodz"),
        ("smørrebrød", "smorrebrod"),
        ("Αθήνα", "ΑΘΗΝΑ"),
        ("ёлка", "елка"),
        ("за\u0301мок", "замок"),
        ("كِتَاب", "كتاب"),
        ("أحمد", "احمد"),
        ("مدرسة", "مدرسه"),
        ("שָׁלוֹם", "שלום"),
        ("İzmir", "izmir"),
        ("ışık", "isik"),
        ("٢٠٢٤", "2024"),
        ("२०२४", "2024"),
    ],
)
def test_the_plain_form_finds_the_accented_one_and_the_other_way_round(accented: str, plain: str) -> None:
    assert stem_terms(plain) <= stem_terms(accented)
    asked = {group.terms for word in ENGLISH.query(accented) for group in word.groups if group.field == STEMS}
    assert any({term for term, _ in terms} <= stem_terms(plain) for terms in asked)


@pytest.mark.parametrize("pair", ["мой мои", "их їх", "हिन्दी हनद", "かき がき", "คำ คา", "กา กำ"])
def test_marks_that_make_another_letter_stay(pair: str) -> None:
    one, other = pair.split()
    assert stem_terms(one) != stem_terms(other)


def test_an_exact_accent_counts_more() -> None:
    (word,) = ENGLISH.query("café")
    assert word.groups == (
        Group(STEMS, (("café", 0),), 0.5),
        Group(STEMS, (("cafe", 0),), 0.5),
        Group(SURFACE, (("café", 0),)),
    )


@pytest.mark.parametrize(
    ("written", "placed"),
    [
        ("getUser", [("get", 0), ("getus", 0), ("user", 1)]),
        ("HTTPResponse", [("http", 0), ("httprespons", 0), ("respons", 1)]),
        ("snake_case", [("snake", 0), ("snake_case", 0), ("case", 1)]),
        ("kebab-case", [("kebab", 0), ("kebab-case", 0), ("case", 1)]),
        ("os.path", [("os", 0), ("os.path", 0), ("path", 1)]),
        ("std::sort", [("std", 0), ("std::sort", 0), ("sort", 1)]),
        ("utf8", [("utf", 0), ("utf8", 0), ("8", 1)]),
        ("3.14", [("3", 0), ("3.14", 0), ("14", 1)]),
        ("__init__", [("init", 0)]),
        ("URLs", [("url", 0)]),
        ("end.", [("end", 0)]),
        ("a--b", [("a", 0), ("b", 1)]),
        ("wait...what", [("wait", 0), ("what", 1)]),
        ("один_ДваТри", [("один", 0), ("один_дватри", 0), ("два", 1), ("дватри", 1), ("три", 2)]),
    ],
)
def test_compounds_hold_the_whole_and_the_parts(written: str, placed: list[tuple[str, int]]) -> None:
    assert stems(written) == placed


def test_encoded_bytes_are_one_word() -> None:
    assert surface("ZmlybVg5eUpQa0xtTm9QcVJzVHVWd1h5") == ["zmlybvg5eupqa0xttm9qcvjzvhvwd1h5"]


def test_a_compound_is_found_whole_or_by_its_parts_in_a_row() -> None:
    (word,) = ENGLISH.query("getHTTPResponse")
    assert [group.terms for group in word.groups] == [
        (("gethttprespons", 0),),
        (("gethttpresponse", 0),),
        (("get", 0), ("http", 1), ("respons", 2)),
    ]
    assert [part.text for part in word.otherwise] == ["get", "HTTP", "Response"]


def test_words_with_hyphens_are_also_words_alone() -> None:
    assert [word.text for word in ENGLISH.query("boundary-layer flow")] == [
        "boundary-layer",
        "boundary",
        "layer",
        "flow",
    ]
    assert [word.text for word in ENGLISH.query("2024-05-01 user_id utf-8")] == ["2024-05-01", "user_id", "utf-8"]


def test_short_words_have_no_stem() -> None:
    assert stem_terms("ads", ENGLISH) == {"ads"}
    assert stem_terms("की", analyzer("default", "hi")) == {"की"}


@pytest.mark.parametrize("run", ["東京都", "คำไทย", "ພາສາ", "ខ្មែរ", "မြန်မာ", "カタカナ"])
def test_runs_without_spaces_hold_characters_and_pairs(run: str) -> None:
    normal = unicodedata.normalize("NFC", run)
    singles = {(c, i) for i, c in enumerate(normal) if not unicodedata.category(c).startswith("M")}
    pairs = {(normal[i : i + 2], i) for i in range(len(normal) - 1)}
    assert set(stems(run)) == singles | pairs


def test_korean_also_holds_what_stands_between_spaces() -> None:
    assert stems("학교에 나는")[:3] == [("학", 0), ("학교", 0), ("교", 1)]
    assert surface("학교에 나는") == ["학교에", "나는"]


def test_a_query_word_of_such_a_script_is_one_group() -> None:
    (word,) = ENGLISH.query("東京都")
    assert word.groups == (Group(STEMS, (("東京", 0), ("京都", 1))),)
    (word,) = ENGLISH.query("東")
    assert word.groups == (Group(STEMS, (("東", 0),)),)


def test_what_touches_is_one_word() -> None:
    (word,) = ENGLISH.query("第3章")
    assert word.groups == (Group(STEMS, (("第", 0), ("3", 1), ("章", 2))),)


def test_a_sentence_without_spaces_is_looked_for_in_pieces() -> None:
    assert [word.text for word in ENGLISH.query("我想知道东京天气")][:3] == ["我想", "想知", "知道"]
    assert [word.text for word in ENGLISH.query("プログラミング言語の歴史")] == [
        "プログラミング",
        "言語",
        "語の",
        "の歴",
        "歴史",
    ]
    assert [word.text for word in ENGLISH.query("プログラミング言語")] == ["プログラミング言語"]


def test_a_phrase_is_one_group_over_all_its_words() -> None:
    word = ENGLISH.phrase("The getUser calls 東京!")
    assert word is not None
    assert word.groups == (Group(STEMS, (("the", 0), ("get", 1), ("user", 2), ("call", 3), ("東京", 4))),)
    assert ENGLISH.phrase(" ... ") is None


def test_the_language_chooses_the_stemmer_and_only_its_script_is_stemmed() -> None:
    assert stem_terms("книгами") == {"книгами"}
    assert stem_terms("книгами", analyzer("default", "ru")) == {"книг"}
    assert stem_terms("running", analyzer("default", "ru")) == {"running"}
    assert stem_terms("running", analyzer("default", "zh")) == {"running"}


def test_turkish_has_two_letters_i() -> None:
    turkish = analyzer("default", "tr")
    assert joined(turkish, "ISI")[SURFACE] == (("ısı", 0),)
    assert joined(turkish, "İSİ")[SURFACE] == (("isi", 0),)


def test_fingerprints_tell_analyzers_apart() -> None:
    prints = {analyzer("default", language).fingerprint for language in ("en", "de", "tr", "az", "zh")}
    assert len(prints) == 5
    assert analyzer("default").fingerprint == ENGLISH.fingerprint
    assert unicodedata.unidata_version in ENGLISH.fingerprint


def test_a_very_long_word_is_found_and_costs_little() -> None:
    long = "x" * 1_000_000
    assert stems(long) != stems(long + "x")
    assert all(len(term) <= 100 for term in stem_terms(long))
    (word,) = ENGLISH.query(long)
    assert {word.groups[0].terms[0][0]} == stem_terms(long)


def test_a_run_of_any_length_is_made_of_short_raw_words() -> None:
    assert max(map(len, ENGLISH.split("漢字" * 10_000 + "한글" * 10_000))) <= 64


@given(st.text() | st.text("aA9_-.:' éßıİ東京ーカ가각กิ้ําकि\u0301\u200d\u200c👩‍🚀\ud800ʼ½ﷺŉ"))
@example("\ud800")
@example("👩‍🚀")
@example("ि")
@pytest.mark.parametrize("language", ["en", "tr", "ar", "hi", "sr"])
def test_any_text_is_analysed(language: str, text: str) -> None:
    found = analyzer("default", language)
    fields = joined(found, text)
    assert fields == joined(found, text)
    words = found.split(text)
    length = sum(found.terms(word).width for word in words)
    assert all(term and 0 <= at < length for field in fields for term, at in field)
    for word in words:
        terms = found.terms(word)
        assert terms == found.terms(word)
        assert all(len(set(field)) == len(field) for field in terms.fields)
    for word in (*found.query(text), *filter(None, [found.phrase(text)])):
        assert word.groups
        assert len(set(word.groups)) == len(word.groups)
        assert all(group.terms and group.terms[0][1] == 0 and group.weight > 0 for group in word.groups)


@given(st.text("aAbB9_-.: 'é東京ーカ가각กิ้ํा"))
def test_each_word_of_a_text_is_found_in_it(text: str) -> None:
    """Queries and documents are analyzed alike: every word, and the phrase of the whole text."""
    fields = [set(field) for field in joined(ENGLISH, text)]
    length = max((at for field in fields for _, at in field), default=0)

    def has(group: Group) -> bool:
        field = fields[group.field]
        return any(all((term, start + at) in field for term, at in group.terms) for start in range(length + 1))

    for word in ENGLISH.query(text):
        assert any(map(has, word.groups)), word
    phrase = ENGLISH.phrase(text)
    assert phrase is None or all(map(has, phrase.groups))
