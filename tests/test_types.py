"""Hits, records and stats have a useful repr and compare as values."""

from __future__ import annotations

import copy
import json
import pickle
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from types import MappingProxyType
from typing import Any
from uuid import UUID

import numpy as np
import pytest

import vicinal
from vicinal import Hit, Hits, LegScore, Problem, PurgeReceipt, Record, RepairReport, VerifyReport
from vicinal.errors import MissingExtra
from vicinal.evaluate import Comparison, Report
from vicinal.evaluate.compare import Difference
from vicinal.metadata import dumps
from vicinal.types import LostRow


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


ID = UUID("00000000-0000-0000-0000-000000000007")
PRICE = Decimal("1.10")
EVERYTHING = {
    "when": datetime(2024, 5, 1, 12, 30, tzinfo=UTC),
    "day": date(2024, 5, 1),
    "price": PRICE,
    "id": ID,
    "big": 10**30,
    "list": [1, "two", None],
    "nested": {"a": {"b": True}},
}


def rich() -> Hits:
    legs = MappingProxyType({"dense": LegScore(1, 0.5), "keyword": LegScore(None, None)})
    made = [Hit(ID, 0.5, 0.5, "text", dumps(EVERYTHING), legs), Hit(7, 0.25, 0.75, None, "{}")]
    return Hits(made, "hybrid", 3)


def record() -> Record:
    vector = np.array([0.5, -1.5], dtype=np.float32)
    return Record(ID, "text", EVERYTHING, vector, datetime(2030, 1, 1, tzinfo=UTC), {3: 0.5})


def test_hits_give_their_columns() -> None:
    assert hits().texts == ["text 0", None, "text 2"]
    assert hits().metadata == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert hits().to_dict() == {
        "id": ["id 0", "id 1", "id 2"],
        "score": [1.0, 0.75, 0.5],
        "distance": [0.0, 0.25, 0.5],
        "text": ["text 0", None, "text 2"],
        "metadata": [{"n": 0}, {"n": 1}, {"n": 2}],
    }


def test_a_hit_is_a_dict() -> None:
    assert hits()[0].to_dict() == {"id": "id 0", "score": 1.0, "distance": 0.0, "text": "text 0", "metadata": {"n": 0}}
    assert rich().to_list()[0]["legs"] == {
        "dense": {"rank": 1, "score": 0.5},
        "keyword": {"rank": None, "score": None},
    }
    assert [hit.to_dict() for hit in rich()] == rich().to_list()


def test_json_has_all_types() -> None:
    first, second = json.loads(rich().to_json())
    assert first["metadata"] == {
        "when": "2024-05-01T12:30:00+00:00",
        "day": "2024-05-01",
        "price": "1.10",
        "id": str(ID),
        "big": 10**30,
        "list": [1, "two", None],
        "nested": {"a": {"b": True}},
    }
    assert (first["id"], second["id"], second["text"]) == (str(ID), 7, None)
    assert json.loads(rich()[0].to_json()) == first
    assert json.loads(record().to_json())["vector"] == [0.5, -1.5]
    assert json.loads(hits().to_json()) == hits().to_list()


def test_a_record_goes_back_in_as_a_row() -> None:
    given = record()
    with vicinal.connect(":memory:") as db:
        docs = db.collection("docs")
        docs.add(rows=[given.to_dict(), Record("b", None, {}).to_dict()])
        [kept, bare] = docs.get([ID, "b"], vectors=True)
    assert kept.to_dict() == given.to_dict()
    assert bare.to_dict() == {"id": "b", "text": None, "metadata": {}}


@pytest.mark.parametrize("read_first", [False, True])
@pytest.mark.parametrize(
    "again", [lambda value: pickle.loads(pickle.dumps(value)), copy.copy, copy.deepcopy], ids=["pickle", "copy", "deep"]
)
def test_hits_survive_pickle_and_copy(again: Callable[[Any], Any], read_first: bool) -> None:
    found = rich()
    if read_first:
        found[0].metadata["added"] = 1
    for value in (found, found[0], found[1], found[:1]):
        assert again(value) == value
    assert again(found).change == found.change
    assert again(found)[0].legs == found[0].legs
    assert again(record()).to_dict() == record().to_dict()


def test_a_deep_copy_shares_nothing() -> None:
    found = rich()
    copied = copy.deepcopy(found)
    copied[0].metadata["list"].append(3)
    assert found[0].metadata["list"] == [1, "two", None]


def test_to_pandas_has_a_column_a_key() -> None:
    pandas = pytest.importorskip("pandas")
    made = [
        Hit("a", 1.0, 0.0, "one", dumps({"n": 1, "score": "a key of the user", "mixed": 1, "yes": True})),
        Hit("b", 0.5, 0.5, None, dumps({"day": date(2024, 5, 1), "mixed": "two"})),
    ]
    frame = Hits(made, "cosine", 1).to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    keys = ["n", "metadata.score", "mixed", "yes", "day"]
    assert list(frame.columns) == ["id", "score", "distance", "text", *keys]
    assert frame["score"].tolist() == [1.0, 0.5]
    assert frame["n"].tolist() == [1, pandas.NA]  # a whole number still
    assert frame["yes"].tolist() == [True, pandas.NA]
    assert frame["mixed"].tolist() == [1, "two"]
    assert frame["day"].tolist() == [None, date(2024, 5, 1)]
    assert list(hits(0).to_pandas().columns) == ["id", "score", "distance", "text"]


@pytest.mark.parametrize("kind", ["arrow", "polars"])
def test_to_arrow_and_polars_have_types(kind: str) -> None:
    library = pytest.importorskip({"arrow": "pyarrow", "polars": "polars"}[kind])
    made = [
        Hit(
            "a", 1.0, 0.0, "one", dumps({"n": 1, "x": 1, "mixed": 1, "id": ID, "tags": ["a"], "price": Decimal("1.10")})
        ),
        Hit("b", 0.5, 0.5, None, dumps({"x": 0.5, "mixed": "two", "big": 10**30, "day": date(2024, 5, 1)})),
        Hit("c", 0.5, 0.5, None, dumps({"when": datetime(2024, 5, 1, tzinfo=UTC), "tags": [1, "b"], "clock": 1})),
    ]
    found = Hits(made, "cosine", 1)
    table = found.to_arrow() if kind == "arrow" else found.to_polars()
    assert isinstance(table, library.Table if kind == "arrow" else library.DataFrame)
    rows = table.to_pylist() if kind == "arrow" else table.to_dicts()
    by_key = {name: [row[name] for row in rows] for name in rows[0]}
    assert by_key["id"] == ["a", "b", "c"]
    assert by_key["metadata.id"] == [str(ID), None, None]
    assert by_key["n"] == [1, None, None]
    assert by_key["x"] == [1.0, 0.5, None]
    assert by_key["mixed"] == ["1", "two", None]
    assert by_key["big"] == [None, str(10**30), None] or by_key["big"] == [None, 10**30, None]
    assert by_key["price"] == [Decimal("1.10"), None, None]
    assert by_key["day"] == [None, date(2024, 5, 1), None]
    assert by_key["when"][2] == datetime(2024, 5, 1, tzinfo=UTC)
    assert by_key["tags"] == ['["a"]', None, '[1,"b"]']
    # UUIDs and numbers among the ids
    mixed = rich().to_arrow() if kind == "arrow" else rich().to_polars()
    assert list(mixed["id"].to_pylist() if kind == "arrow" else mixed["id"]) == [f'{{"$uuid":"{ID}"}}', "7"]


@pytest.mark.parametrize("library", ["pandas", "pyarrow", "polars"])
def test_without_the_library_the_error_is_the_install_line(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    extra = {"pyarrow": "parquet"}.get(library, library)
    with pytest.raises(MissingExtra, match=rf"pip install 'vicinal\[{extra}\]'"):
        getattr(hits(), f"to_{library.removeprefix('py')}")()


HOSTILE = '<script>alert(1)</script>\x1b]52;c;aGk=\x07\u202e & "quoted"'


def shown_in_notebooks() -> dict[str, Any]:
    when = datetime(2024, 5, 1, tzinfo=UTC)
    problem = Problem(HOSTILE, HOSTILE, HOSTILE)
    return {
        "hits": Hits([Hit(HOSTILE, 1.0, 0.0, HOSTILE, dumps({HOSTILE: HOSTILE}))], HOSTILE, 1),
        "hit": Hit(HOSTILE, 1.0, 0.0, HOSTILE, dumps({HOSTILE: [HOSTILE]})),
        "record": Record(HOSTILE, HOSTILE, {HOSTILE: HOSTILE}, np.zeros(2, dtype=np.float32), when),
        "verify": VerifyReport((problem,) * 30, (problem,), 1, 1),
        "repair": RepairReport(1, (LostRow(HOSTILE, 1, HOSTILE),), (HOSTILE,), HOSTILE),
        "purge": PurgeReceipt(HOSTILE, when, 1, 2, 1, True, (HOSTILE,), (HOSTILE,), HOSTILE),
        "comparison": Comparison(
            HOSTILE,
            HOSTILE,
            (Difference(HOSTILE, 0.5, 0.5, 0.0, 0.0, {HOSTILE: 0.0}),),
            0.95,
            10,
            0,
            "bca",
            (HOSTILE,),
        ),
        "evaluation": Report({HOSTILE: HOSTILE}, {HOSTILE: {HOSTILE: 0.5}}, (HOSTILE,)),
    }


@pytest.mark.parametrize("name", shown_in_notebooks())
def test_notebooks_show_it_escaped(name: str) -> None:
    check_html(shown_in_notebooks()[name]._repr_html_())


def test_notebooks_show_collections_and_databases_escaped() -> None:
    with vicinal.connect(":memory:") as db:
        docs = db.collection(HOSTILE)
        docs.add(texts=["a"], ids=["a"], vectors=[[1, 0]])
        for shown in (db, docs, docs.stats()):
            check_html(shown._repr_html_())
        assert "1" in docs._repr_html_()
        db.drop(HOSTILE)
        check_html(docs._repr_html_())  # which says so
    check_html(db._repr_html_())


def check_html(html: str) -> None:
    """Checks that it is well-formed, and that no part of `HOSTILE` is left that affects a browser or a terminal."""
    assert "&lt;script&gt;" in html or "closed" in html or ":memory:" in html
    assert "<script" not in html
    assert html.isprintable()
    parser = Balanced()
    parser.feed(html)
    parser.close()
    assert parser.open == []


class Balanced(HTMLParser):
    """Tracks which elements are open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        assert tag in {"div", "strong", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "span", "code", "br"}
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_long_hits_are_cut_in_notebooks() -> None:
    html = hits(25)._repr_html_()
    assert html.count("<tr>") == 21
    assert "and 5 more" in html
    assert len(Hits([Hit("a", 1.0, 0.0, "word " * 10_000, "{}")], "ip", 1)._repr_html_()) < 2000


def test_the_package_offers_its_nouns() -> None:
    assert {"Collection", "Database", "Hit", "Hits", "Record", "Stats", "VicinalError", "connect"} <= set(
        vicinal.__all__
    )
    assert all(hasattr(vicinal, name) for name in vicinal.__all__)


def test_ints_of_more_digits_than_python_prints_are_shown() -> None:
    docs = vicinal.connect(":memory:").collection("docs")
    number = 10**6000
    docs.add(["a"], vectors=[[1.0, 0.0]], metadata=[{"n": number, "list": [number], "dict": {"x": number}, "m": 7}])
    [record], found = docs.get(["a"]), docs.search([1, 0])
    written = json.loads(record.to_json())["metadata"]
    assert written == {"n": hex(number), "list": [hex(number)], "dict": {"x": hex(number)}, "m": 7}
    assert json.loads(found.to_json())[0]["metadata"] == json.loads(found[0].to_json())["metadata"] == written
    assert f"'list': [{hex(number)}]" in repr(record)
    for html in (record._repr_html_(), found._repr_html_(), found[0]._repr_html_()):
        assert "0x" in html


def test_json_writes_an_infinite_score_as_text() -> None:
    found = Hits([Hit("a", -np.inf, np.inf, None, "{}")], "l2", 0)
    [written] = json.loads(found.to_json(), parse_constant=pytest.fail)
    assert (written["score"], written["distance"]) == ("-Infinity", "Infinity")
