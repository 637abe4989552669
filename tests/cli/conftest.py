"""Runs commands as users do; the index of the demo is built once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import vicinal
from vicinal.cli import catalogue
from vicinal.cli.app import run
from vicinal.cli.catalogue import standard_library
from vicinal.cli.demo import COLLECTION, demo_database, index_library


@dataclass
class Outcome:
    code: int | str | None
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `vicinal` with arguments, in this process."""
    monkeypatch.setenv("COLUMNS", "120")

    def execute(*arguments: object) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            run([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return Outcome(ended.value.code or 0, printed.out, printed.err)

    return execute


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the index of the whole library: set VICINAL_DEMO_PATH to keep it between runs."""
    kept = os.environ.get("VICINAL_DEMO_PATH")
    return Path(kept) if kept else tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="session")
def library(demo_folder: Path) -> Iterator[vicinal.Collection]:
    """The standard library encoded by MiniLM: all modules, and every third entry, to save time.

    All of it with VICINAL_FULL=1, or if the index is kept.
    """
    folder = demo_database(demo_folder, "minilm")
    with vicinal.connect(folder) as database, pytest.MonkeyPatch.context() as patch:
        if not os.environ.get("VICINAL_FULL") and not os.environ.get("VICINAL_DEMO_PATH"):
            some = [entry for i, entry in enumerate(standard_library()) if i % 3 == 0 or entry.kind == "module"]
            patch.setattr(catalogue, "standard_library", lambda: some)
        collection = database.collection(COLLECTION, encoder="minilm")
        index_library(collection, folder)
        yield collection
