"""Plain metadata takes a fast path, with the same result as the slow one."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vicinal import metadata
from vicinal.errors import VicinalError
from vicinal.indexes.kernels import _native
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


def nested(depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(depth - 1):
        found = {"a": found}
    return found


dicts = st.dictionaries(st.sampled_from(["a", "$a", '"$', "é", ""]) | st.text(max_size=3), values, max_size=4)


def never(_: object) -> None:
    """Forces the slow path for everything."""


WAYS = [metadata.plain_json] if _native is None else [metadata.plain_json, _native.core.plain_json]


@given(dicts)
@example({"$a": 1})
@example({"a": '"$int"'})
@example({"a": 10**5000})
@example({"a": float("nan")})
@example({"a": "\ud800"})
@example({"a": "".join(map(chr, range(256)))})
@example({"a": [2**63 - 1, -(2**63), 2**63, 1e22, 1e-7, 0.1, -0.0, True, None]})
@example({"a": {}, "b": [], "c": ((), {"": {"$": 1}})})
@example(nested(31))
@example(nested(64))
@example(nested(65))
def test_every_way_writes_the_same(given_metadata: dict[str, Any]) -> None:
    def outcome(way: Callable[[Any], str | None]) -> tuple[str, str]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(metadata, "_plain_json", way)
            try:
                return "written", dumps(given_metadata)
            except VicinalError as error:
                return type(error).__name__, str(error)

    expected = outcome(never)
    assert [outcome(way) for way in WAYS] == [expected] * len(WAYS)


@pytest.mark.parametrize("way", WAYS)
def test_what_is_not_plain_is_left_to_others(way: Callable[[Any], str | None]) -> None:
    class Own(dict[str, Any]):
        pass

    class Text(str):
        pass

    for other in (Own(a=1), {Text("a"): 1}, {"a": Text("b")}, {1: 2}, [], None, {"a": date(2024, 5, 1)}):
        assert way(other) is None
    assert way({"a": 1, "b": [1.5, "é"] if way is not metadata.plain_json else "é"}) is not None


@given(dicts)
def test_both_ways_read_the_same(given_metadata: dict[str, Any]) -> None:
    try:
        text = dumps(given_metadata)
    except VicinalError:
        return
    assert loads(text) == metadata._DECODER.decode(text)


def test_blanks_around_it_are_read_and_anything_else_is_refused() -> None:
    assert loads(' {"a":1}\n') == {"a": 1}
    for text in ('{"a":1}{', '{"a":1} 2', "x", "", '{"a":'):
        with pytest.raises(json.JSONDecodeError) as found:
            loads(text)
        with pytest.raises(json.JSONDecodeError) as expected:
            json.loads(text)
        assert str(found.value) == str(expected.value)
