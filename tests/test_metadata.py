"""Metadata of plain values takes a short way, which gives what the long one gives."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vicinal import metadata
from vicinal.errors import VicinalError
from vicinal.metadata import dumps, loads

values = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.dates()
    | st.lists(st.integers(0, 3), max_size=2)
    | st.dictionaries(st.sampled_from(["x", "$x"]), st.integers(0, 3), max_size=1)
)
dicts = st.dictionaries(st.sampled_from(["a", "$a", '"$', "é", ""]) | st.text(max_size=3), values, max_size=4)


@given(dicts)
@example({"$a": 1})
@example({"a": '"$int"'})
@example({"a": 10**5000})
@example({"a": float("nan")})
@example({"a": "\ud800"})
def test_both_ways_write_the_same(given_metadata: dict[str, Any]) -> None:
    def outcome() -> tuple[str, str]:
        try:
            return "written", dumps(given_metadata)
        except VicinalError as error:
            return type(error).__name__, str(error)

    short = outcome()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metadata, "_is_plain", lambda _: False)
        assert outcome() == short


@given(dicts)
def test_both_ways_read_the_same(given_metadata: dict[str, Any]) -> None:
    try:
        text = dumps(given_metadata)
    except VicinalError:
        return
    assert loads(text) == metadata._decode(text)
