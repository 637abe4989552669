"""The project that `vicinal init` creates, and its program."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vicinal.cli.init import make_project
from vicinal.settings import Settings, parse_env

Command = Callable[..., Any]

FILES = ["__init__.py", "main.py", "requirements.txt", ".env"]
FILES += [f"src/{name}__init__.py" for name in ("", "models/", "utils/", "databases/", "search/")]
FOLDERS = ["notebooks", "tests", "configs", "logs", "outputs", "benchmarks"]
FOLDERS += [f"data/{name}" for name in ("raw", "processed", "embeddings", "indexes")]

VARIABLES = [field.name.upper() for field in dataclasses.fields(Settings)]


def run_program(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", str(folder / "main.py"), *arguments]
    settings = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=settings | environment)


def test_the_folders_and_files_of_the_course_are_made(tmp_path: Path, command: Command) -> None:
    done = command("init", tmp_path / "new" / "project")
    assert done.code == 0
    assert all((tmp_path / "new" / "project" / name).is_file() for name in FILES)
    assert all((tmp_path / "new" / "project" / name).is_dir() for name in FOLDERS)
    assert "made " + str(tmp_path / "new" / "project" / "main.py") in done.out


def test_a_second_run_changes_nothing(tmp_path: Path, command: Command) -> None:
    make_project(tmp_path)
    (tmp_path / "main.py").write_text("mine")
    (tmp_path / "data" / "raw" / "kitchen.txt").unlink()
    assert make_project(tmp_path) == ["data/raw/kitchen.txt"]
    assert (tmp_path / "main.py").read_text() == "mine"
    assert "nothing was changed" in command("init", tmp_path).out


def test_an_existing_env_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-mine")
    make_project(tmp_path)
    assert (tmp_path / ".env").read_text() == "OPENAI_API_KEY=sk-mine"


def test_the_env_file_names_every_setting_and_gives_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    make_project(tmp_path)
    assert sorted(parse_env((tmp_path / ".env").read_text())) == sorted(VARIABLES)
    assert Settings.load(env_file=tmp_path / ".env") == Settings()
    assert ".env" in (tmp_path / ".gitignore").read_text().splitlines()


def test_the_program_indexes_and_searches(tmp_path: Path) -> None:
    make_project(tmp_path)
    for _ in range(2):  # the second run finds the rows of the first
        done = run_program(tmp_path, "pasta", "water", EMBEDDING_MODEL="hashing", MAX_RESULTS="2")
        assert (done.returncode, done.stderr) == (0, "")
        lines = done.stdout.splitlines()
        assert lines[0] == "8 paragraphs. pasta water"
        assert "kitchen.txt: Salt the water before the pasta goes in" in lines[1]
        assert len(lines) == 3


def test_the_program_runs_as_made_with_minilm(tmp_path: Path) -> None:
    make_project(tmp_path)
    done = run_program(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "whetstone" in done.stdout.splitlines()[1]


def test_without_the_model_the_program_says_what_to_do(tmp_path: Path) -> None:
    make_project(tmp_path)
    done = run_program(tmp_path, VICINAL_MINILM_PATH=str(tmp_path / "nothing"))
    assert done.returncode == 1
    assert "vicinal models add minilm" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_in_the_way_is_one_line(tmp_path: Path, command: Command) -> None:
    (tmp_path / "data").write_text("a file")
    done = command("init", tmp_path)
    assert done.code == 1
    assert done.err.startswith("vicinal: ")
    assert done.err.count("\n") == 1
