"""Encoders from model files: chosen when the database is created, found again after moving, never mixed."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import pyvdb
from support.pyvdb import Make

pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
from support import onnx_models  # it needs onnx

WORDS = ["gold", "silver", "price", "falls"]


@pytest.fixture
def text_model(tmp_path: Path) -> dict[str, str]:
    """A model of 16 dimensions in which the vector of a text is the mean of the vectors of its words."""
    folder = tmp_path / "model"
    folder.mkdir()
    lines = onnx_models.vocabulary(folder / "words.txt", WORDS)
    onnx_models.embedding(folder / "text.onnx", len(lines))
    return {"text_model_path": str(folder / "text.onnx"), "vocab_path": str(folder / "words.txt")}


@pytest.fixture
def image_model(tmp_path: Path) -> str:
    onnx_models.tower(tmp_path / "tower.onnx")
    return str(tmp_path / "tower.onnx")


@pytest.mark.parametrize("dimension", [16, 24, 8])
@pytest.mark.parametrize("metric", list(pyvdb.DistanceMetric))
def test_text_models_serve_every_dimension_and_metric(
    make: Make, text_model: dict[str, str], dimension: int, metric: pyvdb.DistanceMetric
) -> None:
    db = make(dimension=dimension, metric=metric, num_threads=1, **text_model)
    db.add_texts(["gold price", "silver falls", "gold price gold price"], {})
    assert db.get_vector(1).shape == (dimension,)
    assert db.search("gold price")[0].id == 1
    assert db.search("silver falls")[0].id == 2


def test_the_model_is_found_again_by_the_path_that_the_database_kept(make: Make, text_model: dict[str, str]) -> None:
    db = make(dimension=16, **text_model)
    db.add_text("gold", {})
    found = [(result.id, result.score) for result in db.search("gold price")]
    again = pyvdb.open_database(db.config().path)
    assert again.config().text_model_path == text_model["text_model_path"]
    assert [(result.id, result.score) for result in again.search("gold price")] == found


def test_a_model_that_moved_is_named_anew(make: Make, text_model: dict[str, str], tmp_path: Path) -> None:
    db = make(dimension=16, **text_model)
    db.add_text("gold", {})
    shutil.move(tmp_path / "model", tmp_path / "moved")
    lost = pyvdb.open_database(db.config().path)
    assert len(lost) == 1
    assert lost.query_vector(np.ones(16))[0].id == 1
    with pytest.raises(RuntimeError):
        lost.search("silver")
    moved = {"text_model_path": str(tmp_path / "moved/text.onnx"), "vocab_path": str(tmp_path / "moved/words.txt")}
    assert make(dimension=16, **moved).search("gold")[0].score == pytest.approx(1, abs=1e-5)


def test_another_model_than_the_first_is_not_mixed_in(make: Make, text_model: dict[str, str]) -> None:
    make(dimension=16).add_text("gold", {})
    with pytest.warns(RuntimeWarning, match="texts are encoded as they were"):
        db = make(dimension=16, **text_model)
    assert db.search("gold")[0].score == pytest.approx(1, abs=1e-5)
    assert db.config().text_model_path == "hashing:384"  # what conftest lets be chosen


def test_a_file_that_is_no_model_is_told(make: Make, text_model: dict[str, str], tmp_path: Path) -> None:
    Path(text_model["text_model_path"]).write_bytes(b"no model")
    with pytest.raises(RuntimeError, match=r"text\.onnx"):
        make(dimension=16, **text_model)
    assert not (tmp_path / "db").exists()


def picture(path: Path, colour: tuple[int, int, int]) -> Path:
    Image.new("RGB", (300, 200), colour).save(path)
    return path


@pytest.mark.parametrize("dimension", [8, 32, 4])
def test_image_models(make: Make, image_model: str, tmp_path: Path, dimension: int) -> None:
    db = make(dimension=dimension, image_model_path=image_model)
    paths = [picture(tmp_path / f"{i}.png", (40 * i, 255 - 40 * i, 9)) for i in range(4)]
    ids = db.add_images(paths)
    for path, id_ in zip(paths, ids, strict=True):
        assert db.query_image(path)[0].id == id_
    again = pyvdb.open_database(db.config().path)
    assert again.query_image(paths[2])[0].distance == pytest.approx(0, abs=1e-5)


def without_warnings(call: Callable[[], Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call()


def test_pictures_of_a_model_that_is_gone_are_not_compared_with_others(
    make: Make, image_model: str, tmp_path: Path
) -> None:
    red = picture(tmp_path / "red.png", (255, 0, 0))
    make(image_model_path=image_model).add_image(red)
    Path(image_model).rename(tmp_path / "away.onnx")
    db = without_warnings(make)
    with pytest.raises(RuntimeError, match=r"Set config\.image_model_path"):
        db.query_image(red)
    assert len(db) == 1
    assert make(image_model_path=str(tmp_path / "away.onnx")).query_image(red)[0].id == 1


def test_another_model_at_the_same_path_is_noticed(make: Make, image_model: str, tmp_path: Path) -> None:
    red = picture(tmp_path / "red.png", (255, 0, 0))
    make(image_model_path=image_model).add_image(red)
    onnx_models.tower(Path(image_model), dim=16)
    with pytest.raises(RuntimeError, match="which is not there or is another model now"):
        make(image_model_path=image_model).query_image(red)


def test_the_first_picture_decides(make: Make, image_model: str, tmp_path: Path) -> None:
    red = picture(tmp_path / "red.png", (255, 0, 0))
    make().add_image(red)
    assert make(image_model_path=image_model).query_image(red)[0].distance == pytest.approx(0, abs=1e-5)


def test_a_device_that_is_not_there_falls_back_and_says_so(make: Make, text_model: dict[str, str]) -> None:
    with pytest.warns(RuntimeWarning, match="(?i)cuda|cpu"):
        db = make(dimension=16, device=pyvdb.Device.CUDA, **text_model)
    db.add_text("gold", {})
    assert len(without_warnings(lambda: db.search("gold"))) == 1
