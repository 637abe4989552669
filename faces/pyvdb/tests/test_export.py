"""Exports of entries as training data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pyvdb import DistanceMetric, DocumentType, VectorDatabase
from support.pyvdb import Make, meta, unit


def test_training_data_is_everything_by_id(make: Make, tmp_path: Path, pictures: dict[str, Path]) -> None:
    db = make(metric=DistanceMetric.L2)
    db.add_text("gold \u2028 up", meta(type=DocumentType.ThreeMonthReport, asset="GOLD", gold_price=4431.2))
    db.add_vector(unit(1, 2), {"desk": "metals"})
    db.remove(db.add_text("gone", {}))
    db.add_image(pictures["RED"])
    out = tmp_path / "out.jsonl"
    out.write_text("old")
    db.export_training_data(str(out))
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").split("\n") if line]
    assert [line["id"] for line in lines] == [1, 2, 4]
    assert lines[0]["vector"] == pytest.approx(db.get_vector(1).tolist())
    del lines[0]["vector"]
    assert lines[0] == {
        "id": 1, "type": "3m_report", "date": "", "source": "", "asset": "GOLD", "bias": "",
        "gold_price": 4431.2, "text": "gold \u2028 up",
    }  # fmt: skip
    assert lines[1]["extra"] == {"desk": "metals"}
    assert lines[2]["type"] == "chart"
    assert "text" not in lines[2]


def test_an_export_that_fails_leaves_the_old_file(db: VectorDatabase, tmp_path: Path) -> None:
    db.add_text("gold", {})
    with pytest.raises(RuntimeError):
        db.export_training_data(tmp_path / "no" / "folder.jsonl")
    (tmp_path / "taken").mkdir()
    with pytest.raises(RuntimeError):
        db.export_training_data(tmp_path / "taken")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["db", "taken"]


def test_contrastive_pairs_and_triplets(make: Make, tmp_path: Path) -> None:
    db = make(dimension=256)
    texts = {
        "gold price climbs again": "GOLD", "gold price climbs": "GOLD", "silver price climbs": "SILVER",
        "silver slips": "SILVER", "copper": "COPPER", "nothing to say": "",
    }  # fmt: skip
    for text, asset in [*texts.items(), ("gold price climbs", "GOLD")]:
        db.add_text(text, {"asset": asset})
    out = tmp_path / "pairs.jsonl"
    assert db.export_contrastive_data(out) == 5
    pairs = [json.loads(line) for line in out.read_text().splitlines()]
    assert pairs[1] == {"anchor": "gold price climbs", "positive": "gold price climbs again", "label": "GOLD"}
    assert db.export_contrastive_data(out, triplets=True) == 5
    for line in out.read_text().splitlines():
        triplet = json.loads(line)
        assert texts[triplet["anchor"]] == texts[triplet["positive"]] == triplet["label"]
        assert triplet["anchor"] != triplet["positive"]
        assert texts[triplet["negative"]] not in (triplet["label"], "")
    assert json.loads(out.read_text().splitlines()[1])["negative"] == "silver price climbs"
    with pytest.raises(RuntimeError, match="there is no label 'colour'"):
        db.export_contrastive_data(out, "colour")
