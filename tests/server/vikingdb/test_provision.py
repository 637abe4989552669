"""What a provisioning file creates before the server starts to serve."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import vicinal
from vicinal.errors import InvalidArgument
from vicinal.server import ServerSettings
from vicinal.server.vikingdb.provision import provision

FILMS: dict[str, Any] = {
    "CollectionName": "films",
    "Fields": [
        {"FieldName": "id", "FieldType": "int64", "IsPrimaryKey": True},
        {"FieldName": "plot", "FieldType": "text"},
    ],
    "Vectorize": {"Dense": {"ModelName": "bge-m3", "Dim": 8, "TextField": "plot"}},
    "Indexes": [{"IndexName": "i", "VectorIndex": {"IndexType": "flat", "Distance": "cosine"}}],
    "Rows": [{"id": 1, "plot": "nobody hears"}, {"id": 2, "plot": "a war"}],
}
PLAN = {"Models": {"bge-m3": "hashing:8"}, "Collections": [FILMS]}


def provisioned(folder: Path, plan: Any, name: str = "plan.json", **settings: Any) -> ServerSettings:
    path = folder / name
    path.write_text(plan if isinstance(plan, str) else json.dumps(plan), encoding="utf-8")
    return provision(ServerSettings(path=str(folder / "data"), provision=str(path), **settings))


def ids(folder: Path) -> list[Any]:
    with vicinal.connect(folder / "data") as db:
        return [record.id for record in db.collection("films").peek(10)]


def test_a_file_is_made_once_and_what_was_deleted_stays_so(tmp_path: Path) -> None:
    assert provisioned(tmp_path, PLAN).models == ("bge-m3=hashing:8",)
    assert ids(tmp_path) == [1, 2]
    provisioned(tmp_path, PLAN)
    assert ids(tmp_path) == [1, 2]
    for gone in ([1], [2]):
        with vicinal.connect(tmp_path / "data") as db:
            db.collection("films").delete(gone)
        provisioned(tmp_path, PLAN)
        assert ids(tmp_path) == [n for n in (1, 2) if n > gone[0]]


def test_what_lacks_is_added_where_a_start_was_cut_off(tmp_path: Path) -> None:
    provisioned(tmp_path, {**PLAN, "Collections": [{**FILMS, "Indexes": [], "Rows": []}]})
    provisioned(tmp_path, PLAN)
    assert ids(tmp_path) == [1, 2]


def test_models_of_the_settings_come_first(tmp_path: Path) -> None:
    settings = provisioned(tmp_path, PLAN, models=("bge-m3=hashing:4", "other=hashing:2"))
    assert settings.models == ("bge-m3=hashing:4", "other=hashing:2")


def test_a_file_in_toml(tmp_path: Path) -> None:
    plan = "[[Collections]]\nCollectionName = 'films'\nFields = [{ FieldName = 'v', FieldType = 'vector', Dim = 4 }]"
    assert provisioned(tmp_path, plan, "plan.toml").models == ()
    assert ids(tmp_path) == []


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "Expected `object`"),
        ({"Collection": []}, "unknown field `Collection`"),
        ({"Collections": [{**FILMS, "Rowz": []}]}, "unknown field `Rowz`"),
        ({"Collections": [{"Fields": []}]}, "CollectionName"),
        ({"Collections": [FILMS]}, "bge-m3"),
        ({**PLAN, "Models": {"bge-m3": "no-such-encoder"}}, "films.*no-such-encoder"),
        ({**PLAN, "Models": {"bge-m3": ""}}, "NAME=ENCODER"),
        ({**PLAN, "Collections": [{**FILMS, "CollectionName": "../x"}]}, "../x"),
        ({**PLAN, "Collections": [{**FILMS, "Rows": [{"id": 0}]}]}, "films"),
        ({**PLAN, "Collections": [{**FILMS, "Rows": [{"id": 1, "plot": "x", "no": 1}]}]}, "films.*'no'"),
    ],
)
def test_what_cannot_be_is_refused_with_the_place(tmp_path: Path, plan: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message) as caught:
        provisioned(tmp_path, plan)
    assert "plan.json" in str(caught.value) or caught.value.name == "models"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="cannot be read"):
        provision(ServerSettings(path=str(tmp_path), provision=str(tmp_path / "absent.toml")))


def test_a_collection_of_other_programs_is_left_alone(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path / "data") as db:
        db.collection("films", dimension=8).add(["mine"], vectors=[[1.0] * 8])
    with pytest.raises(InvalidArgument, match="not made through this protocol"):
        provisioned(tmp_path, PLAN)
    assert ids(tmp_path) == ["mine"]
