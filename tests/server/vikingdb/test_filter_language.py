"""Filters match as specified, compared with a reference implementation that is independent of the engine."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import vicinal
from vicinal.server import ServerSettings
from vicinal.server.vikingdb.catalogue import Catalogue
from vicinal.server.vikingdb.control_plane import Body, ControlPlane
from vicinal.server.vikingdb.data_plane import DataPlane, RequestContext
from vicinal.server.vikingdb.models import Models
from vicinal.server.vikingdb.requests import Aggregate, SearchByRandom, SearchByScalar, Write

ROWS = 40
OF = {"collection_name": "c", "index_name": "i"}
NOBODY = RequestContext(None, None, b"")
DEFAULTS = {"n": 0, "x": 0.0, "s": "", "b": False, "ls": [], "li": []}
INSTANTS = ("2024-01-01T00:00Z", "2024-01-01T01:00:00+01:00", "2024-01-01T00:00:00.5Z", "2023-12-31T23:59:59Z")
POINTS = ("0,0", "0.001,0", "0,0.002", "10,50", "-179.999,0", "179.999,0", "0,90")
WORDS = ("", "a", "ab", "b", "\u00e9", "\u5317\u4eac", "A")
numbers = st.one_of(st.integers(-3, 3), st.sampled_from([-1.5, 0.5, 2.25]))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "n": st.integers(-3, 3),
    "x": numbers,
    "s": st.sampled_from(WORDS),
    "b": st.booleans(),
    "ls": st.lists(st.sampled_from(WORDS), max_size=3),
    "li": st.lists(st.integers(-2, 2), max_size=3),
    "t": st.sampled_from(INSTANTS),
    "g": st.sampled_from(POINTS),
}
TYPES = {"n": "int64", "x": "float32", "s": "string", "b": "bool", "ls": "list<string>", "li": "list<int64>",
         "t": "date_time", "g": "geo_point"}  # fmt: skip
OPS = ("must", "must_not", "range", "range_out", "disc", "time_range", "geo_range", "prefix", "contains")


def bounds(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(["gt", "gte", "lt", "lte"]), values, min_size=1, max_size=2)


@st.composite
def leaves(draw: st.DrawFn, ops: tuple[str, ...] = OPS) -> dict[str, Any]:
    op = draw(st.sampled_from(ops))
    if op in ("must", "must_not"):
        field = draw(st.sampled_from(["n", "s", "b", "ls", "li"]))
        one = {"n": "n", "s": "s", "b": "b", "ls": "s", "li": "n"}[field]
        return {"op": op, "field": field, "conds": draw(st.lists(VALUES[one], min_size=1, max_size=3))}
    if op in ("range", "range_out"):
        return {"op": op, "field": draw(st.sampled_from(["n", "x"])), **draw(bounds(numbers))}
    if op == "disc":
        center = [draw(numbers), draw(numbers)]
        return {"op": "range", "field": ["n", "x"], "center": center, "radius": draw(st.sampled_from([0, 1, 2.5]))}
    if op == "time_range":
        return {"op": op, "field": "t", **draw(bounds(VALUES["t"]))}
    if op == "geo_range":
        radius = draw(st.sampled_from(["0m", "150m", "5km", "20000km"]))
        return {"op": op, "field": "g", "center": draw(VALUES["g"]), "radius": radius}
    return {"op": op, "field": "s", {"prefix": "prefix", "contains": "substring"}[op]: draw(VALUES["s"])}


trees = st.recursive(
    leaves(),
    lambda inner: st.fixed_dictionaries(
        {"op": st.sampled_from(["and", "or"]), "conds": st.lists(inner, min_size=1, max_size=3)}
    ),
    max_leaves=5,
)


def filters(op: str) -> st.SearchStrategy[dict[str, Any]]:
    """Returns filters with a condition of this kind, alone or among others."""
    leaf = leaves((op,))
    among = st.builds(
        lambda kind, *conds: {"op": kind, "conds": list(conds)}, st.sampled_from(["and", "or"]), leaf, trees
    )
    return st.one_of(leaf, among)


def rows_of(random: Random) -> list[dict[str, Any]]:
    """Returns rows with any value, or none, in each field."""
    numbers, words, instants, points = range(-3, 4), WORDS, INSTANTS, POINTS
    choices: dict[str, Any] = {
        "n": lambda: random.choice(numbers),
        "x": lambda: random.choice([-1.5, 0.5, 2.25, *numbers]),
        "s": lambda: random.choice(words),
        "b": lambda: random.random() < 0.5,
        "ls": lambda: random.choices(words, k=random.randrange(3)),
        "li": lambda: random.choices(range(-2, 3), k=random.randrange(3)),
        "t": lambda: random.choice(instants),
        "g": lambda: random.choice(points),
    }
    return [{name: draw() for name, draw in choices.items() if random.random() < 0.8} for _ in range(ROWS)]


def passes(row: dict[str, Any], node: dict[str, Any]) -> bool:
    """The reference implementation."""
    op, field = node["op"], node.get("field")
    if op in ("and", "or"):
        return (all if op == "and" else any)(passes(row, one) for one in node["conds"])
    if op == "must_not":
        return not passes(row, {**node, "op": "must"})
    if isinstance(field, list):
        return math.hypot(*(row[name] - middle for name, middle in zip(field, node["center"]))) <= node["radius"]
    value = row.get(field)
    if value is None:
        return False
    if op == "must":
        return any(
            same(one, other) for one in (value if isinstance(value, list) else [value]) for other in node["conds"]
        )
    if op == "prefix":
        return bool(value.startswith(node["prefix"]))
    if op == "contains":
        return node["substring"] in value
    if op == "geo_range":
        return metres(value, node["center"]) <= float(node["radius"].rstrip("km")) * (
            1000 if "k" in node["radius"] else 1
        )
    given = {name: node[name] for name in ("gt", "gte", "lt", "lte") if name in node}
    if op == "time_range":
        value, given = datetime.fromisoformat(value), {name: datetime.fromisoformat(one) for name, one in given.items()}
    holds = [HOLDS[name](value, bound) for name, bound in given.items()]
    if op != "range_out":
        return all(holds)
    lower = [bound for name, bound in given.items() if name[0] == "g"]
    upper = [bound for name, bound in given.items() if name[0] == "l"]
    return any(holds) if lower and upper and max(lower) > min(upper) else not all(holds)


HOLDS = {
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
}


def same(one: Any, other: Any) -> bool:
    """True does not equal 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def metres(one: str, other: str) -> float:
    """Haversine, on a sphere of the Earth's mean radius."""
    (lon, lat), (lon2, lat2) = ([math.radians(float(part)) for part in point.split(",")] for point in (one, other))
    half = math.sin((lat2 - lat) / 2) ** 2 + math.cos(lat) * math.cos(lat2) * math.sin((lon2 - lon) / 2) ** 2
    return 2 * 6_371_000 * math.asin(min(1, math.sqrt(half)))


class Planes:
    """The planes of a database in a folder, without a server."""

    def __init__(self, folder: str, database: Any) -> None:
        server = ServerSettings(path=folder)
        models = Models(server)
        catalogue = Catalogue(database, models)
        self.data = DataPlane(server, catalogue, models)
        control = ControlPlane(server, catalogue, models)
        fields = [{"FieldName": name, "FieldType": kind} for name, kind in TYPES.items()]
        key = {"FieldName": "id", "FieldType": "int64", "IsPrimaryKey": True}
        vector = {"FieldName": "v", "FieldType": "vector", "Dim": 1}
        made = {"CollectionName": "c", "Fields": [key, vector, *fields]}
        control.create_collection(msgspec.convert(made, Body), None)
        index = {"IndexType": "flat", "Distance": "ip"}
        control.create_index(
            msgspec.convert({"CollectionName": "c", "IndexName": "i", "VectorIndex": index}, Body), None
        )

    def store(self, rows: list[dict[str, Any]]) -> None:
        data = [{"id": i, "v": [i], **row} for i, row in enumerate(rows, 1)]
        self.data.upsert(msgspec.convert({**OF, "data": data}, Write), NOBODY)

    def found(self, given: dict[str, Any], model: type[Any] = SearchByRandom, **more: Any) -> list[int]:
        result = self.data.search(msgspec.convert({**OF, "filter": given, "limit": 100, **more}, model), NOBODY)
        return [hit["id"] for hit in result["data"]]


@pytest.fixture(scope="module")
def planes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planes]:
    folder = tmp_path_factory.mktemp("filters")
    with vicinal.connect(folder) as database:
        yield Planes(str(folder), database)


@pytest.mark.parametrize("op", OPS)
@given(st.data())
@settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # the filter that fails is shown, and short
    suppress_health_check=list(HealthCheck),
)
def test_a_filter_finds_what_a_scan_finds(planes: Planes, op: str, data: st.DataObject) -> None:
    rows = rows_of(Random(data.draw(st.integers(0, 10**6))))
    planes.store(rows)
    whole = [{**DEFAULTS, **row} for row in rows]
    for node in data.draw(st.lists(filters(op), min_size=4, max_size=4)):
        expected = [i for i, row in enumerate(whole, 1) if passes(row, node)]
        assert sorted(planes.found(node)) == expected, node
        by_number = planes.found(node, SearchByScalar, field="n", order="asc")
        assert sorted(by_number) == expected
        numbers = [whole[i - 1]["n"] for i in by_number]
        assert numbers == sorted(numbers)
        count = planes.data.aggregate(msgspec.convert({**OF, "op": "count", "filter": node}, Aggregate), NOBODY)
        assert count["agg"]["__TOTAL__"] == len(expected)
