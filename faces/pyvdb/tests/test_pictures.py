"""Images: stored, found by similarity, and kept apart from texts."""

from __future__ import annotations

from pathlib import Path

import pytest

import pyvdb
from pyvdb import DocumentType, VectorDatabase
from support.pyvdb import Make, meta


def test_similar_pictures_are_neighbours_and_texts_are_not_among_them(make: Make, pictures: dict[str, Path]) -> None:
    db = make(dimension=512)
    db.add_text("a red picture", {})
    ids = {name: db.add_image(path) for name, path in pictures.items()}
    assert [result.id for result in db.query_image(pictures["RED"])] == [ids["RED"], ids["ROSE"], ids["GREEN"]]
    assert [result.id for result in db.search("a red picture")] == [1]
    again = pyvdb.open_database(db.config().path)
    assert again.query_image(str(pictures["ROSE"]))[0].id == ids["ROSE"]
    assert again.query_image(pictures["ROSE"])[0].distance == pytest.approx(0, abs=1e-6)


def test_metadata_of_pictures_is_filled_where_it_is_unset(db: VectorDatabase, pictures: dict[str, Path]) -> None:
    path = str(pictures["RED"])
    plain = db.get_metadata(db.add_image(path))
    assert (plain.type, plain.source_file, plain.asset, plain.date) == (DocumentType.Chart, path, "RED", "")
    told = db.get_metadata(db.add_image(path, meta(type=DocumentType.WeeklyRundown, source_file="s", asset="X")))
    assert (told.type, told.source_file, told.asset) == (DocumentType.WeeklyRundown, "s", "X")
    partly = db.get_metadata(db.add_image(path, {"date": "2026-01-08"}))
    assert (partly.type, partly.source_file, partly.asset) == (DocumentType.Chart, path, "")
    assert db.add_images(list(pictures.values())) == [4, 5, 6]
    assert db.find_by_asset("GREEN") == [6]


def test_what_is_no_picture_is_told_and_changes_nothing(
    db: VectorDatabase, tmp_path: Path, pictures: dict[str, Path]
) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnot really")
    for path in ("absent.png", tmp_path / "broken.png", tmp_path):
        with pytest.raises(RuntimeError, match="image"):
            db.add_image(path)
        with pytest.raises(RuntimeError):
            db.add_images([pictures["RED"], path])
        with pytest.raises(RuntimeError):
            db.query_image(path)
    assert len(db) == 0
