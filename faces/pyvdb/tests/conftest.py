"""Fixtures of every test here: no network access beyond this machine, and a database that needs no model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import no_network
import pyvdb
from support.pyvdb import Make

no_network.install()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Opens the database in the test's folder, with 8 dimensions by default."""
    opened: list[pyvdb.VectorDatabase] = []

    def open_or_create(name: str = "db", **settings: object) -> pyvdb.VectorDatabase:
        config = pyvdb.DatabaseConfig()
        config.path = str(tmp_path / name)
        config.dimension = 8
        config.text_model_path = "hashing"
        for key, value in settings.items():
            setattr(config, key, value)
        db = pyvdb.VectorDatabase(config)
        db.init()
        opened.append(db)
        return db

    yield open_or_create
    opened.clear()


@pytest.fixture
def db(make: Make) -> pyvdb.VectorDatabase:
    return make()


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, Path]:
    """Two reddish images and a green one."""
    made = {}
    for name, colour in {"RED": (200, 10, 10), "ROSE": (190, 20, 25), "GREEN": (10, 190, 30)}.items():
        made[name] = tmp_path / f"{name}.png"
        Image.new("RGB", (40, 30), colour).save(made[name])
    return made
