"""`vicinal models`: its output; tests/models tests what it does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vicinal.models.catalogue import MINILM

Command = Callable[..., Any]


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VICINAL_MODELS_PATH", str(tmp_path / "cache"))
    monkeypatch.setenv("VICINAL_MINILM_PATH", str(tmp_path / "absent"))  # else the installed package counts
    return tmp_path / "cache"


def test_list_of_nothing_says_what_to_do(command: Command, empty_cache: Path) -> None:
    done = command("models", "list")
    assert done.code == 0
    assert done.out == f"No model is in {empty_cache}; add one with: vicinal models add minilm\n"


def test_add_from_a_path_without_the_model_is_one_line(command: Command, tmp_path: Path) -> None:
    done = command("models", "add", "minilm", "--path", tmp_path)
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "model.safetensors and tokenizer.json" in done.err


def test_a_wrong_name_is_one_line(command: Command) -> None:
    done = command("models", "add", "minilmm")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "Did you mean 'minilm'?" in done.err


def test_remove_says_what_was(command: Command, empty_cache: Path) -> None:
    assert command("models", "remove", "minilm").out == f"minilm is not in {empty_cache}; nothing was removed.\n"
    (empty_cache / "minilm").mkdir(parents=True)
    assert command("models", "remove", "minilm").out == "minilm was removed.\n"


def test_list_says_where_weights_of_another_folder_are(
    command: Command, empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    for file in MINILM.files:  # only sizes are looked at
        with (folder / file.name).open("wb") as sparse:
            sparse.truncate(file.size)
    monkeypatch.setenv("VICINAL_MINILM_PATH", str(folder))
    assert command("models", "list").out == f"The encoder minilm reads its weights from {folder}\n"
