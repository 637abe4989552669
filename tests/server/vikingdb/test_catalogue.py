"""Concurrent changes of a collection's declaration: each through a separate catalogue, as in two workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import vicinal
from support.viking import COLLECTION, INDEX
from vicinal.errors import VicinalError
from vicinal.server.settings import ServerSettings
from vicinal.server.vikingdb.catalogue import Catalogue
from vicinal.server.vikingdb.control_plane import Body, ControlPlane
from vicinal.server.vikingdb.memory.catalogue import MemoryCatalogue
from vicinal.server.vikingdb.models import Models


def _body(**given: Any) -> Body:
    return msgspec.convert({"CollectionName": "docs", **given}, Body)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def planes(path: Path) -> Iterator[tuple[ControlPlane, ControlPlane]]:
    settings = ServerSettings(path=str(path))
    with vicinal.connect(path) as one, vicinal.connect(path) as other:
        made = [
            ControlPlane(settings, Catalogue(database, Models(settings)), Models(settings)) for database in (one, other)
        ]
        made[0].create_collection(_body(**COLLECTION), None)
        made[0].create_index(_body(**INDEX), None)
        yield made[0], made[1]


@pytest.fixture
def meanwhile(planes: tuple[ControlPlane, ControlPlane], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes the second plane do something after the first has read what it is about to change."""

    def arrange(work: Callable[[], Any]) -> None:
        entry, found = planes[0]._catalogue.entry, list[int]()

        def read_and_be_overtaken(*arguments: Any) -> Any:
            result = entry(*arguments)
            if not found:
                found.append(1)
                work()
            return result

        monkeypatch.setattr(planes[0]._catalogue, "entry", read_and_be_overtaken)

    return arrange


def _field(name: str) -> dict[str, str]:
    return {"FieldName": name, "FieldType": "int64"}


def test_two_updates_of_a_collection_both_count(
    planes: tuple[ControlPlane, ControlPlane], meanwhile: Callable[..., None]
) -> None:
    first, second = planes
    meanwhile(lambda: second.update_collection(_body(Fields=[_field("theirs")], Description="theirs"), None))
    first.update_collection(_body(Fields=[_field("ours")], DelProtection=True), None)
    told = second.get_collection(_body(), None)
    assert [field["FieldName"] for field in told["Fields"]][-2:] == ["theirs", "ours"]
    assert (told["Description"], told["DelProtection"]) == ("theirs", True)


def test_two_updates_of_an_index_both_count(
    planes: tuple[ControlPlane, ControlPlane], meanwhile: Callable[..., None]
) -> None:
    first, second = planes
    meanwhile(lambda: second.update_index(_body(IndexName="i", Description="theirs"), None))
    first.update_index(_body(IndexName="i", CpuQuota=4), None)
    told = second.get_index(_body(IndexName="i"), None)
    assert (told["Description"], told["CpuQuota"]) == ("theirs", 4)


def test_an_update_of_a_collection_that_went_meanwhile_finds_none(
    planes: tuple[ControlPlane, ControlPlane], meanwhile: Callable[..., None]
) -> None:
    first, second = planes

    def drop() -> None:
        second.delete_index(_body(IndexName="i"), None)
        second.delete_collection(_body(), None)

    meanwhile(drop)
    with pytest.raises(VicinalError, match="there is no collection"):
        first.update_collection(_body(Description="ours"), None)


def test_a_description_of_memories_keeps_what_another_told(path: Path) -> None:
    settings = ServerSettings(path=str(path))
    with vicinal.connect(path) as one, vicinal.connect(path) as other:
        first, second = (MemoryCatalogue(database, Models(settings), None) for database in (one, other))
        first.create("kept", None, [], [], {}, None)
        entry = first.entry("kept", None, None, None)
        second.change(second.entry("kept", None, None, None), {"theirs": 1})
        first.change(entry, {"description": "ours"})
        note = second.entry("kept", None, None, None).note
        assert (note["theirs"], note["description"]) == (1, "ours")
