"""Hits, records and stats show themselves and compare as values."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import numpy as np
import pytest

import vicinal
from vicinal import Hit, Hits, Record
from vicinal.errors import MissingExtra


def hits(count: int = 3) -> Hits:
    made = [Hit(f"id {i}", 1 - i / 4, i / 4, None if i % 2 else f"text {i}", f'{{"n":{i}}}') for i in range(count)]
    return Hits(made, "cosine", 7)


def test_hits_are_a_sequence() -> None:
    found = hits()
    assert len(found) == 3
    assert found[0].id == "id 0"
    assert found[-1].id == "id 2"
    assert [hit.id for hit in found] == found.ids
    assert found.scores == [1.0, 0.75, 0.5]
    assert found[1] in found
    assert next(reversed(found)) == found[2]
    with pytest.raises(IndexError):
        found[3]


def test_a_slice_is_hits_too() -> None:
    part = hits()[1:]
    assert isinstance(part, Hits)
    assert (part.ids, part.metric, part.change) == (["id 1", "id 2"], "cosine", 7)


def test_hits_compare_by_what_they_hold() -> None:
    assert hits() == hits()
    assert hits() != hits(2)
    assert hits() != Hits(hits(), "l2", 7)
    assert hits() == Hits(hits(), "cosine", 8)  # another commit may give the same answer
    assert hits()[0] != Hit("id 0", 1.0, 0.0, "text 0", '{"n":1}')
    assert hits() != "hits"
    assert hits()[0] != "hit"


def test_metadata_is_decoded_once() -> None:
    hit = hits()[0]
    assert hit.metadata == {"n": 0}
    assert hit.metadata is hit.metadata


def test_hits_print_as_a_table() -> None:
    assert repr(hits(2)) == ("Hits(2, metric=cosine)\n    1    1.0000  'id 0'  text 0\n    2    0.7500  'id 1'  ")
    assert repr(hits(0)) == "Hits(none, metric=cosine)"
    assert repr(hits(25)).endswith("... and 5 more")
    assert repr(hits()[0]) == "Hit(id='id 0', score=1.0000, text='text 0')"


def test_html_escapes_what_users_stored() -> None:
    html = Hits([Hit("<id>", 1.0, 0.0, "<script>alert(1)</script>", "{}")], "ip", 1)._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "&lt;id&gt;" in html


def test_long_texts_are_cut_when_shown() -> None:
    shown = repr(Hit("a", 1.0, 0.0, "word " * 1000, "{}"))
    assert len(shown) < 120
    assert shown.endswith("...')")
    assert "\n" not in repr(Hit("a", 1.0, 0.0, "two\nlines", "{}"))


def test_a_record_shows_what_it_holds() -> None:
    record = Record("a", "text", {"n": 1}, np.zeros(3, dtype=np.float32), datetime(2030, 1, 1, tzinfo=UTC))
    assert repr(record) == (
        "Record(id='a', text='text', metadata={'n': 1}, vector=float32(3), expires_at=2030-01-01T00:00:00+00:00)"
    )
    with pytest.raises(AttributeError):
        record.text = "other"  # type: ignore[misc]


def test_to_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    frame = hits().to_pandas()
    assert list(frame.columns) == ["id", "score", "distance", "text", "metadata"]
    assert frame["id"].tolist() == ["id 0", "id 1", "id 2"]
    assert frame["metadata"].tolist() == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert isinstance(frame, pandas.DataFrame)


def test_without_pandas_the_error_is_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtra, match="pip install"):
        hits().to_pandas()


def test_the_package_offers_its_nouns() -> None:
    assert {"Collection", "Database", "Hit", "Hits", "Record", "Stats", "VicinalError", "connect"} <= set(
        vicinal.__all__
    )
    assert all(hasattr(vicinal, name) for name in vicinal.__all__)
