"""The analyzers of other programs, by the examples of their documentation, and properties of all analyzers."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vicinal.analyzers import Analyzer, analyzer, joined, names
from vicinal.errors import InvalidArgument


def words(by: Analyzer, text: str) -> list[str]:
    return [term for term, _ in joined(by, text)[0]]


def bm25(by: Analyzer, texts: list[str], query: str, k1: float, b: float, plus: float) -> list[float]:
    """Scores by the formula, with `plus` inside the logarithm."""
    counts = [Counter(words(by, text)) for text in texts]
    average = sum(map(Counter.total, counts)) / len(texts)
    scores = [0.0] * len(texts)
    for asked in by.query(query):
        ((term, _),) = asked.groups[0].terms
        df = sum(term in found for found in counts)
        if df == 0:
            continue
        idf = math.log((len(texts) - df + 0.5) / (df + 0.5) + plus)
        for at, found in enumerate(counts):
            norm = k1 * (1 - b + b * found.total() / average)
            scores[at] += idf * found[term] * (k1 + 1) / (found[term] + norm)
    return scores


def test_pyvdb_words() -> None:
    pyvdb = analyzer("pyvdb", stemming=False)
    assert words(pyvdb, "The 10-year cost $4,200, don't a I") == ["10-year", "cost", "200", "don"]
    assert words(analyzer("pyvdb", stemming=False, min_term_length=1), "cost $4,200") == ["cost", "4", "200"]
    assert words(pyvdb, "snake_case Größe हिन्दी or not") == ["snake_case", "größe", "हिन्दी", "or", "not"]
    assert words(analyzer("pyvdb"), "prices learning string strings") == ["price", "learn", "string", "string"]


def test_pyvdb_options() -> None:
    assert words(analyzer("pyvdb", case_sensitive=True, stemming=False), "The the THE Gold") == ["The", "THE", "Gold"]
    assert words(analyzer("pyvdb", stop_words=False, stemming=False), "the gold") == ["the", "gold"]
    assert words(analyzer("pyvdb", stop_words=["gold"], stemming=False), "the gold") == ["the"]
    assert words(analyzer("pyvdb", min_term_length=0), "x") == ["x"]
    options = [{}, {"case_sensitive": True}, {"min_term_length": 3}, {"stop_words": False}, {"stemming": False}]
    assert len({analyzer("pyvdb", **found).fingerprint for found in options}) == 5


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"min_term_length": -1}, "min_term_length"),
        ({"min_term_length": True}, "min_term_length"),
        ({"min_term_length": 2.0}, "min_term_length"),
        ({"stop_words": "the"}, "stop_words"),
        ({"stop_words": [1]}, "stop_words"),
    ],
)
def test_pyvdb_refuses(options: dict[str, object], name: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        analyzer("pyvdb", **options)
    assert caught.value.name == name


SEED = ["Machine learning is a subset of AI", "Deep learning uses neural networks"]
METALS = [
    "Copper futures climb after mine strike",
    "Lead and zinc futures slip",
    "Copper scrap futures trade flat as copper demand cools",
    "Port data shows copper stock build",
    "Zinc smelter restarts",
]


@pytest.mark.parametrize("stemming", [True, False])
def test_pyvdb_reference_values(stemming: bool) -> None:
    """Lengths and scores computed by hand for these texts; dropped words do not count."""
    pyvdb = analyzer("pyvdb", stemming=stemming)
    assert [len(words(pyvdb, text)) for text in METALS] == [6, 4, 8, 6, 3]
    assert [sum(pyvdb.terms(word).width for word in pyvdb.split(text)) for text in METALS] == [6, 4, 8, 6, 3]
    assert bm25(pyvdb, SEED, "machine learning", 1.2, 0.75, 1) == pytest.approx([0.91716, 0.17439], abs=1e-5)
    assert bm25(pyvdb, METALS, "copper futures", 1.2, 0.75, 1) == pytest.approx(
        [1.03112, 0.60295, 1.10303, 0.51556, 0], abs=1e-5
    )


def test_vecstore_words() -> None:
    vecstore = analyzer("vecstore")
    assert words(vecstore, "Don't SNAKE_case, the naïve—e-mail") == [
        "don",
        "t",
        "snake",
        "case",
        "the",
        "naïve—e",
        "mail",
    ]
    assert words(vecstore, "a\u00a0b\u3000c\u2028d\x1ce") == ["a", "b", "c", "d\x1ce"]


def test_vecstore_reference_values() -> None:
    texts = [
        "the quick brown fox jumps high",
        "the lazy dog sleeps all day",
        "quick brown dog runs fast",
        "a cat and mouse play together",
        "the bird flies over the tree",
        "rabbits hop in the garden",
    ]
    vecstore = analyzer("vecstore")
    assert bm25(vecstore, texts, "quick dog", 1.2, 0.75, 0) == pytest.approx(
        [0.573974, 0.573974, 1.235012, 0, 0, 0], abs=1e-6
    )
    assert bm25(vecstore, texts, "the", 1.2, 0.75, 0) == pytest.approx(
        [-0.573974, -0.573974, 0, 0, -0.795053, -0.617506], abs=1e-6
    )
    assert len(vecstore.query("the the")) == 2


def test_course_words() -> None:
    assert words(analyzer("course"), "Don't stop: snake_case, café\tMP3\nX-ray") == [
        "dont",
        "stop",
        "snakecase",
        "caf",
        "mp3",
        "xray",
    ]


def test_whitespace_and_simple_words() -> None:
    assert words(analyzer("whitespace"), " A b.c\tÉ\u3000x ") == ["A", "b.c", "É", "x"]
    assert words(analyzer("simple"), "Don't mp3 snake_case Été") == ["don", "t", "mp", "snake", "case", "été"]


def test_standard_words() -> None:
    standard = analyzer("standard")
    assert words(standard, "The 東京タワー e-mail O'Neil É 한국어 कि กิ") == (
        ["the", *"東京タワー", "e", "mail", "o", "neil", "é", *"한국어", "कि", *"กิ"]
    )
    (word,) = standard.query("東京")
    assert word.groups[0].terms == (("東", 0), ("京", 1))
    phrase = standard.phrase("Big 東京")
    assert phrase is not None
    assert phrase.groups[0].terms == (("big", 0), ("東", 1), ("京", 2))


def test_zh_words() -> None:
    zh = analyzer("zh")
    assert joined(zh, "Big 数据库") == ((("big", 0), ("数", 1), ("数据", 1), ("据", 2), ("据库", 2), ("库", 3)),)
    (word,) = zh.query("数据库")
    assert word.groups[0].terms == (("数据", 0), ("据库", 1))
    assert [piece.text for piece in zh.query("如何学习数据库")] == ["如何", "何学", "学习", "习数", "数据", "据库"]


def test_names() -> None:
    assert names() == ("default", "standard", "zh", "whitespace", "simple", "pyvdb", "vecstore", "course")
    assert [analyzer(name).name for name in names()] == list(names())
    assert len({analyzer(name).fingerprint for name in names()}) == len(names())


@pytest.mark.parametrize(
    ("name", "remedy"), [("defualt", "Did you mean 'default'?"), ("lucene", "There are"), (None, "There are")]
)
def test_unknown_names(name: str, remedy: str) -> None:
    with pytest.raises(InvalidArgument, match=remedy):
        analyzer(name)


@pytest.mark.parametrize("language", [None, "", "EN", "en-US", ["en"], b"en"])
def test_languages_are_codes(language: str) -> None:
    with pytest.raises(InvalidArgument, match="a language is a code"):
        analyzer("default", language)


def test_unknown_options() -> None:
    with pytest.raises(InvalidArgument, match="Did you mean 'stemming'"):
        analyzer("pyvdb", stemmin=True)
    with pytest.raises(InvalidArgument, match="has no option 'stemming'"):
        analyzer("default", stemming=True)


UNITS = [
    "a",
    "漢字",
    "กิน",
    "a-",
    "aA",
    "a1",
    "e\u0301",
    "\u0301",
    "한글",
    "._",
    "a::",
    "👩\u200d🚀",
    "ﷺ",
    "\ud800",
    "İI",
    "漢a",
    "_a",
]


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("unit", UNITS)
def test_monotonous_texts_cost_no_more_than_others(name: str, unit: str) -> None:
    """Nothing grows faster than the text: neither raw words, nor what one of them expands to, nor recursion."""
    by = analyzer(name)
    raw = by.split(unit * 20_000)
    assert sum(map(len, raw)) <= 2 * 18 * len(unit) * 20_000
    for word in set(raw):
        terms = by.terms(word)
        assert sum(map(len, terms.fields)) <= 1_000
        assert sum(len(term) for field in terms.fields for term, _ in field) <= 2_000
    assert len(by.query(unit * 2_000)) <= 18 * len(unit) * 2_000


@pytest.mark.parametrize("name", names())
@given(st.text() | st.text("aA9_-. 'é東京ーカ가각กิ้ํाकि\u0301\u200dʼ½ﷺ\ud800"))
def test_any_text_by_any_analyzer(name: str, text: str) -> None:
    """Nothing raises, no term is empty, and every word of a text is found in it."""
    by = analyzer(name)
    fields = [set(field) for field in joined(by, text)]
    assert len(fields) == len(by.fields)
    assert all(term for field in fields for term, _ in field)
    length = sum(by.terms(word).width for word in by.split(text))
    assert all(0 <= at < length for field in fields for _, at in field)
    phrase = by.phrase(text)
    for word in (*by.query(text), *([phrase] if phrase else [])):
        assert all(group.terms and group.terms[0][1] == 0 for group in word.groups)
        assert any(
            all((term, start + at) in fields[group.field] for term, at in group.terms)
            for group in word.groups
            for start in range(length)
        ), word
