"""Two distributions with the same import name: importing the package reports the conflict."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from vicinal.ownership import warn_of_other_owners


def install(site: Path, distribution: str, *files: str) -> None:
    info = site / f"{distribution}.dist-info"
    info.mkdir(parents=True)
    (info / "RECORD").write_text("".join(f"{file},sha256=x,1\n" for file in files))


def check(site: Path) -> None:
    warn_of_other_owners("shape", "our-shape", str(site / "shape" / "__init__.py"))


def test_another_owner_is_named_with_the_way_out(tmp_path: Path) -> None:
    install(tmp_path, "our_shape-1.0", "shape/__init__.py", "shape/area.py")
    install(tmp_path, "shape-4.2", "shape/__init__.py")
    with pytest.warns(RuntimeWarning, match=r"^shape installed .*pip uninstall shape our-shape$"):
        check(tmp_path)


def test_alone_it_is_silent(tmp_path: Path) -> None:
    install(tmp_path, "Our.Shape-1.0", "shape/__init__.py")
    install(tmp_path, "shapes-2.0", "shapes/__init__.py", "other/shape/__init__.py")
    (tmp_path / "half-1.0.dist-info").mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(tmp_path)
