"""No stored data affects a terminal, whatever prints it."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import vicinal
from vicinal.errors import InvalidArgument, VicinalError
from vicinal.types import LostRow, Problem, RepairReport, VerifyReport
from vicinal.visible import one_line, shortened, shown, visible, visible_json

# Clears the screen, sets the clipboard, a single byte for ESC [, changes the direction, breaks a line, rings the bell.
EVIL = "a\x1b[2J\x1b]52;c;cm0gLXJm\x07\x9b2J\u202egnp.exe\u2066\u2028\r\nVERDICT: ok\x7f\x00é日本\u200d👩\u200d💻"
NEEDED = "\u200c\u200d\u200e\u200f"


def acts(text: str, allowed: str = "\n") -> list[str]:
    """Returns the characters that affect a terminal, or are invisible."""
    return [
        one
        for one in text
        if one not in allowed + NEEDED and unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    ]


@given(st.text() | st.text(alphabet=EVIL + "\ud800"))
def test_nothing_acts(text: str) -> None:
    assert acts(visible(text), "") == []
    assert acts(visible(text, newlines=True)) == []
    assert visible(visible(text)) == visible(text)
    assert acts(one_line(text, 20), "") == []
    assert len(one_line(text, 20)) <= 20
    assert acts(shown(text), "") == []


@given(st.text(), st.dictionaries(st.text(), st.text()))
def test_json_means_the_same(text: str, value: Any) -> None:
    value["text"] = text
    for indent in (None, 2):
        written = visible_json(json.dumps(value, ensure_ascii=False, indent=indent))
        assert json.loads(written) == value
        assert acts(written) == []


def test_what_scripts_need_stays() -> None:
    for text in ("日本語　テキスト", "می‌خواهم", "👩‍💻", "a\u00a0b", "naïve"):
        assert visible(text) == text.replace("　", " ").replace("\u00a0", " ")


@given(st.text(min_size=1), st.integers(10, 50))
def test_a_long_text_keeps_its_ends(text: str, most: int) -> None:
    short = shortened(text, most)
    assert len(short) <= max(most, 0) or short == text
    assert short == text or (text.startswith(short.split("...")[0]) and text.endswith(short[-1]))


class Unshown:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize("value", ["x" * 10**6, b"x" * 10**6, 10**5_000, Unshown(), ["x" * 10**5], EVIL], ids=type)
def test_a_value_is_one_line(value: Any) -> None:
    assert len(shown(value)) <= 120
    assert acts(shown(value), "") == []


def test_errors_print_a_line_of_a_value() -> None:
    long = "x" * 100_000
    for error in (
        InvalidArgument(f"there is no {long!r}", value=long, place=f"row {long}", remedy=f"Did you mean {long!r}?"),
        InvalidArgument(f"{long} is not there", value=long),
        VicinalError(f"{long!r} with another value"),
    ):
        assert len(str(error)) < 1_500
        assert len(error.args[0]) <= 400
        assert str(error).isprintable()
    assert "ends so" in str(InvalidArgument(f"{long!r} begins, and this ends so", value=long))
    assert str(VicinalError("a\nb\x1b[2J")) == r"a b\x1b[2J."


@pytest.fixture
def evil(tmp_path: Path) -> vicinal.Collection:
    docs = vicinal.connect(tmp_path / "data").collection(EVIL, encoder="hashing")
    docs.add([EVIL, "plain"], texts=[EVIL, EVIL * 50], metadata=[{EVIL: EVIL}, {"k": [EVIL, {"d": EVIL}]}])
    return docs


def test_reprs(evil: vicinal.Collection) -> None:
    hits = evil.search(EVIL)
    named = LostRow(EVIL, 1, EVIL), Problem(EVIL, EVIL, EVIL)
    shown_ones: list[Any] = [
        evil,
        hits,
        *hits,
        *evil.get(),
        *evil.peek(),
        evil.stats(),
        evil.verify(),
        evil.search("q"),
    ]
    shown_ones += [*named, VerifyReport((named[1],), (named[1],), 1, 1), RepairReport(1, (named[0],), (EVIL,), EVIL)]
    shown_ones += [evil.search(EVIL, mode="hybrid"), evil.facets("k"), evil.distinct("k")]
    assert repr(evil.get(["plain"])[0]).count("\\\\x1b") == 0  # written out once
    for one in shown_ones:
        assert acts(repr(one)) == [], type(one)
        assert acts(str(one)) == [], type(one)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda c: c.get([EVIL], where={EVIL: 1}),
        lambda c: c.add([EVIL], texts=["x"]),
        lambda c: c.update(["new" + EVIL], texts=["x"]),
        lambda c: c.search("x", mode=EVIL),
        lambda c: c.search("x", **{EVIL: 1}),
        lambda c: c.search(id="no" + EVIL),
        lambda c: c.restore(EVIL),
    ],
)
def test_errors(evil: vicinal.Collection, wrong: Callable[[Any], Any]) -> None:
    with pytest.raises(VicinalError) as caught:
        wrong(evil)
    assert acts(str(caught.value), "") == []
