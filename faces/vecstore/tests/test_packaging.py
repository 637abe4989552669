"""The installed package is this source tree."""

from __future__ import annotations

from pathlib import Path

import vecstore
from support import faces


def test_the_tests_run_on_what_was_installed_and_that_is_this_tree() -> None:
    faces.check_installed(vecstore, Path(__file__).parents[1] / "src" / "vecstore")


def test_version_and_licence() -> None:
    faces.check_metadata(vecstore)


def test_import_is_silent_and_loads_nothing_heavy() -> None:
    faces.check_import(vecstore)
