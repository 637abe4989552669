"""The installed package is this source tree, and its parts agree on name and version."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import distribution, version
from pathlib import Path

import pytest

import vicinal

ROOT = Path(__file__).parents[1]
LEFT_OUT = {"umap"}  # of "all": see pyproject.toml
FACES = sorted(path.parent for path in ROOT.glob("faces/*/pyproject.toml"))
SDKS = sorted(path.parent for path in ROOT.glob("sdk/*/pyproject.toml"))  # they stand on nothing of ours
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SOURCES = ROOT / "src" / "vicinal"
INSTALLED = Path(vicinal.__file__).parent


def test_one_version_everywhere() -> None:
    assert vicinal.__version__ == PYPROJECT["project"]["version"] == version("vicinal")


def test_the_tests_run_on_what_was_installed_and_that_is_this_tree() -> None:
    """Otherwise an old install would be tested unnoticed. An editable one is the tree itself."""
    stale = [
        path.relative_to(SOURCES).as_posix()
        for path in sorted(SOURCES.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
        if not (INSTALLED / path.relative_to(SOURCES)).is_file()
        or (INSTALLED / path.relative_to(SOURCES)).read_bytes() != path.read_bytes()
    ]
    assert not stale, "install again: pip install ."


def test_types_and_licence_are_shipped() -> None:
    files = [str(file) for file in distribution("vicinal").files or []]
    assert "vicinal/py.typed" in files or (INSTALLED / "py.typed").is_file()
    assert any(file.endswith("LICENSE") for file in files)
    assert distribution("vicinal").metadata["License-Expression"] == "Apache-2.0"


@pytest.mark.parametrize("folder", [ROOT, *FACES], ids=lambda folder: folder.name)
def test_all_is_all_the_extras(folder: Path) -> None:
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = dict(project["optional-dependencies"])
    (everything,) = extras.pop("all")
    names = re.fullmatch(rf"{project['name']}\[(.*)\]", everything)
    assert names is not None
    assert sorted(names[1].split(",")) == sorted(extras.keys() - LEFT_OUT)


@pytest.mark.parametrize("folder", [*FACES, *SDKS], ids=lambda folder: folder.name)
def test_every_distribution_has_the_version_of_the_engine_and_a_face_asks_for_it(folder: Path) -> None:
    text = (folder / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    assert project["name"] == f"vicinal-{folder.name}"
    assert project["version"] == vicinal.__version__
    ours = re.findall(r'"(vicinal(?:\[[^"]*\])?==[^"]*)"', text)
    assert bool(ours) == (folder in FACES)
    assert all(requirement.endswith(f"=={vicinal.__version__}") for requirement in ours)
    assert (folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert (folder / "tests" / "smoke.py").is_file()


@pytest.mark.parametrize("folder", [*FACES, *SDKS], ids=lambda folder: folder.name)
def test_the_workshop_knows_every_distribution(folder: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (listed,) = re.findall(r"^DISTRIBUTIONS := (.*)$", makefile, re.MULTILINE)
    name = folder.relative_to(ROOT).as_posix()
    assert name in listed.split()
    assert f"{name}/tests" in PYPROJECT["tool"]["pytest"]["ini_options"]["testpaths"]
    assert any(path.startswith(f"{name}/src/") for path in PYPROJECT["tool"]["mypy"]["files"])
