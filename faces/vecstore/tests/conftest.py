"""Fixtures of every test here: no network access beyond this machine, and a store in a separate folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import no_network
from vecstore import VecDatabase, VecStore

no_network.install()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[VecStore]:
    with VecStore(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def db(tmp_path: Path) -> Iterator[VecDatabase]:
    with VecDatabase(tmp_path / "db") as opened:
        yield opened
