"""Sources of settings, the format of `.env` files, and that no key is shown by accident."""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import os
import pickle
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vicinal.errors import InvalidArgument
from vicinal.settings import Secret, Settings, _BadLine, parse_env

KEY = "sk-very-secret-0123456789"
VARIABLES = [field.name.upper() for field in dataclasses.fields(Settings)]


@pytest.fixture(autouse=True)
def clean_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A separate folder, and none of our variables set, whatever the developer's shell exports."""
    monkeypatch.chdir(tmp_path)
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


def values_of(text: str) -> dict[str, str]:
    return {name: value.reveal() for name, (value, _) in parse_env(text).items()}


# --- where values come from ---


def test_the_defaults_are_those_of_the_course() -> None:
    settings = Settings.load()
    assert dataclasses.astuple(settings)[:5] == ("sentence-transformers/all-MiniLM-L6-v2", 384, 512, 50, 10)
    assert all(value is None for value in dataclasses.astuple(settings)[5:])


def test_an_argument_beats_the_environment_which_beats_the_file(
    clean_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clean_place / ".env").write_text("CHUNK_SIZE=100\nMAX_RESULTS=1\nVECTOR_DIMENSION=8\n")
    monkeypatch.setenv("CHUNK_SIZE", "200")
    monkeypatch.setenv("MAX_RESULTS", "2")
    settings = Settings.load(chunk_size=300)
    assert (settings.chunk_size, settings.max_results, settings.vector_dimension) == (300, 2, 8)


@pytest.mark.parametrize("unset", ["", "   ", "your_openai_api_key_here"])
def test_empty_values_and_placeholders_count_as_not_set(
    unset: str, clean_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clean_place / ".env").write_text(f"OPENAI_API_KEY={unset}\n")
    assert Settings.load().openai_api_key is None
    (clean_place / ".env").write_text(f"OPENAI_API_KEY={KEY}\n")
    monkeypatch.setenv("OPENAI_API_KEY", unset)
    assert Settings.load(openai_api_key="").openai_api_key == Secret(KEY)


def test_loading_leaves_the_environment_alone(clean_place: Path) -> None:
    (clean_place / ".env").write_text(f"OPENAI_API_KEY={KEY}\n")
    Settings.load()
    assert "OPENAI_API_KEY" not in os.environ


def test_only_the_default_file_may_be_missing(clean_place: Path) -> None:
    with pytest.raises(InvalidArgument, match="there is no file 'production"):
        Settings.load(env_file="production.env")
    (clean_place / ".env").mkdir()  # a virtual environment of that name
    assert Settings.load() == Settings()
    assert Settings.load(env_file=None) == Settings()


@pytest.mark.parametrize(
    ("model", "encoder"),
    [
        ("sentence-transformers/all-MiniLM-L6-v2", "minilm"),
        ("all-MiniLM-L6-v2", "minilm"),
        ("minilm", "minilm"),
        ("hashing:256", "hashing:256"),
        ("someone/else", "someone/else"),
    ],
)
def test_model_names_map_to_encoders(model: str, encoder: str) -> None:
    assert Settings(embedding_model=model).encoder == encoder


# --- what is refused ---


@pytest.mark.parametrize("bad", ["abc", "5.5", "0", "-3", "1e3", "1_000", "٣", "9" * 30])
def test_a_bad_number_names_variable_value_place_and_remedy(bad: str, clean_place: Path) -> None:
    (clean_place / ".env").write_text(f"# comment\nCHUNK_SIZE={bad}\n")
    with pytest.raises(InvalidArgument) as caught:
        Settings.load()
    message = str(caught.value)
    assert (caught.value.name, caught.value.value, caught.value.place) == ("CHUNK_SIZE", bad, ".env:2")
    assert ".env:2: CHUNK_SIZE must be a whole number" in message
    assert bad in message
    assert "such as 512" in message


def test_a_bad_number_in_the_environment_or_an_argument_is_placed_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MAX_RESULTS", "many")
    with pytest.raises(InvalidArgument, match="environment variable MAX_RESULTS"):
        Settings.load()
    for wrong in (True, 2.0, [10]):
        with pytest.raises(InvalidArgument, match="argument max_results"):
            Settings.load(max_results=wrong)
        with pytest.raises(InvalidArgument, match="argument max_results"):
            Settings(max_results=wrong)  # type: ignore[arg-type]


def test_the_overlap_must_be_smaller_than_the_chunk(clean_place: Path) -> None:
    (clean_place / ".env").write_text("\nCHUNK_OVERLAP=512\n")
    with pytest.raises(InvalidArgument, match=r"\.env:2: CHUNK_OVERLAP \(512\) must be smaller"):
        Settings.load()
    with pytest.raises(InvalidArgument, match="must be smaller"):
        Settings(chunk_size=50)
    assert Settings.load(chunk_size=1024).chunk_overlap == 512


def test_an_unknown_setting_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InvalidArgument, match="Did you mean chunk_size"):
        Settings.load(chunksize=3)
    with pytest.raises(InvalidArgument, match="Settings are: embedding_model"):
        Settings.load(xyzzy=3)


def test_an_address_with_a_password_in_it_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="QDRANT_API_KEY") as caught:
        Settings.load(qdrant_url=f"https://me:{KEY}@host:6333")
    assert KEY not in str(caught.value)


# --- the .env format ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("A=1", {"A": "1"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("  # comment\n\n\t\nA=1\n", {"A": "1"}),
        ("export A=1\nexport\tB=2", {"A": "1", "B": "2"}),
        ("export=1", {"export": "1"}),
        ("A = spaced out  ", {"A": "spaced out"}),
        ("A=one # comment", {"A": "one"}),
        ("A=one#two", {"A": "one#two"}),
        ("A=#fff", {"A": "#fff"}),
        ("A= # put your key here", {"A": ""}),
        ("A=", {"A": ""}),
        ("A=\nB=2", {"A": "", "B": "2"}),
        ("A", {}),
        ("A=b=c==", {"A": "b=c=="}),
        ("A='it # is' # so", {"A": "it # is"}),
        ('A="it # is"', {"A": "it # is"}),
        (r"A='a\nb'", {"A": r"a\nb"}),
        (r'A="a\nb\t\"c\" \\ \d"', {"A": 'a\nb\t"c" \\ \\d'}),
        ('A="two\nlines"\nB=3', {"A": "two\nlines", "B": "3"}),
        ("A='two\nlines'", {"A": "two\nlines"}),
        ("A=don't", {"A": "don't"}),
        ("A=$HOME/${B}", {"A": "$HOME/${B}"}),
        ('A="$HOME"', {"A": "$HOME"}),
        ("A=1\nA=2", {"A": "2"}),
        ("a.b-c=1", {"a.b-c": "1"}),
        ("A=größe ✓", {"A": "größe ✓"}),
        ("A=one\x0btwo\u2028three", {"A": "one\x0btwo\u2028three"}),
    ],
)
def test_env_text(text: str, expected: dict[str, str]) -> None:
    assert values_of(text) == expected


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("A=1\n= 2", 2, "does not begin with a name"),
        ("1A=2", 1, "does not begin with a name"),
        ("A=1\nB='open", 2, "a quote is not closed"),
        ('A="x\ny"\nB="open', 3, "a quote is not closed"),
        ("A='x' y", 1, "text follows the quoted value of A"),
        ("A secret", 1, "text follows the name of A"),
        ("A: 1", 1, "text follows the name of A"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(text: str, line: int, reason: str, clean_place: Path) -> None:
    (clean_place / ".env").write_text(text)
    with pytest.raises(InvalidArgument, match=reason) as caught:
        Settings.load()
    assert caught.value.place == f".env:{line}"


def test_a_byte_order_mark_is_skipped_and_other_encodings_are_refused(clean_place: Path) -> None:
    (clean_place / ".env").write_bytes(b"\xef\xbb\xbfMAX_RESULTS=3\n")
    assert Settings.load().max_results == 3
    (clean_place / ".env").write_bytes("MAX_RESULTS=3".encode("utf-16"))
    with pytest.raises(InvalidArgument, match="not UTF-8"):
        Settings.load()


@given(st.dictionaries(st.from_regex(r"[A-Z_]{1,8}", fullmatch=True), st.text().filter(lambda t: "\r" not in t)))
def test_double_quoted_values_come_back_as_written(values: dict[str, str]) -> None:
    def quoted(value: str) -> str:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    text = "\n".join(f"{name}={quoted(value)}" for name, value in values.items())
    assert values_of(text) == values


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_env(text)
    except _BadLine as bad:
        line = bad.number
    else:
        line = 1
    assert 1 <= line <= text.count("\n") + 1


# --- keys stay hidden ---


def everything_printed_about(value: Any) -> str:
    """Returns all printed, logged and serialized forms of a value."""
    record = logging.LogRecord("n", logging.INFO, "p", 1, "%s %r", (value, value), None)
    return f"{value} {value!r} {value!s:>9} {value:>9} {value!s} {[value]} %s %r" % (value, value) + record.getMessage()


def test_a_secret_is_shown_only_by_reveal() -> None:
    secret = Secret(KEY)
    assert secret.reveal() == KEY
    assert KEY not in everything_printed_about(secret)
    assert not hasattr(secret, "__dict__")
    assert secret == Secret(KEY)
    assert secret != Secret("other")
    assert secret != KEY
    assert len({secret, Secret(KEY)}) == 1
    assert copy.deepcopy(secret) is secret
    assert copy.copy(secret) is secret
    assert not Secret("")
    with pytest.raises(TypeError):
        json.dumps(secret)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_is_not_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Secret(KEY), protocol)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Settings(openai_api_key=Secret(KEY)), protocol)


def test_settings_do_not_show_keys(clean_place: Path) -> None:
    (clean_place / ".env").write_text(f"COHERE_API_KEY={KEY}\nQDRANT_API_KEY='{KEY}'\n")
    settings = Settings.load(openai_api_key=KEY)
    assert settings.openai_api_key == settings.cohere_api_key == settings.qdrant_api_key == Secret(KEY)
    for shown in (settings, dataclasses.asdict(settings), dataclasses.astuple(settings)):
        assert KEY not in f"{shown} {shown!r}"
    assert KEY not in repr(dataclasses.replace(settings, max_results=3))


def test_a_key_given_to_the_constructor_is_hidden_too() -> None:
    settings = Settings(openai_api_key=KEY)  # type: ignore[arg-type]
    assert settings.openai_api_key == Secret(KEY)


@pytest.mark.parametrize(
    "text",
    [f"OPENAI_API_KEY={KEY}\nCHUNK_SIZE=x", f"OPENAI_API_KEY {KEY}", f"OPENAI_API_KEY='{KEY}", f"'{KEY}'"],
)
def test_no_key_is_in_a_traceback_even_with_its_variables(text: str, clean_place: Path) -> None:
    (clean_place / ".env").write_text(text)
    before = sys.exception()  # after thousands of tests in one process some library has left one behind
    with pytest.raises(InvalidArgument) as caught:
        Settings.load(cohere_api_key=KEY)
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    from_ours = [frame for frame in report.stack if Path(frame.filename).name == "settings.py"]
    assert from_ours
    assert not any(KEY in value for frame in from_ours for value in (frame.locals or {}).values())
    assert caught.value.__context__ is before
    assert KEY not in f"{caught.value}{caught.value!r}{vars(caught.value)}"


def test_a_key_that_is_no_text_is_refused_without_being_shown() -> None:
    with pytest.raises(InvalidArgument, match="OPENAI_API_KEY must be a non-empty text") as caught:
        Settings.load(openai_api_key=KEY.encode())
    assert KEY not in f"{caught.value}{vars(caught.value)}"
