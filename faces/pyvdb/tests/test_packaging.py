"""What was installed is this tree."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distribution, version
from pathlib import Path

import pyvdb

SOURCES = Path(__file__).parents[1] / "src" / "pyvdb"
INSTALLED = Path(pyvdb.__file__).parent


def test_the_tests_run_on_what_was_installed_and_that_is_this_tree() -> None:
    stale = [
        path.name
        for path in sorted(SOURCES.iterdir())
        if path.is_file() and (INSTALLED / path.name).read_bytes() != path.read_bytes()
    ]
    assert not stale, "install again: pip install ./faces/pyvdb"


def test_version_licence_and_types() -> None:
    assert pyvdb.__version__ == version("vicinal-pyvdb") == version("vicinal")
    metadata = distribution("vicinal-pyvdb").metadata
    assert metadata["License-Expression"] == "Apache-2.0"
    assert (INSTALLED / "py.typed").is_file()


def test_import_is_silent_and_loads_nothing_heavy() -> None:
    program = "import sys; before = set(sys.modules); import pyvdb; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    heavy = {"PIL", "onnxruntime", "pandas", "rich", "sqlite3", "tokenizers", "torch", "typer"}
    assert not heavy & set(done.stdout.split())
