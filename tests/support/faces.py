"""Installation checks shared by the tests of all distributions in faces/."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distribution, version
from pathlib import Path
from types import ModuleType

# Modules that importing a face must not load: each takes longer than all of ours.
HEAVY = {"PIL", "httpx", "onnxruntime", "pandas", "rich", "sqlite3", "tokenizers", "torch", "typer"}


def check_installed(package: ModuleType, sources: Path) -> None:
    """Checks that the installed package is the source tree in `sources`."""
    installed = Path(package.__file__ or "").parent
    stale = [
        path.name
        for path in sorted(sources.iterdir())
        if path.is_file() and (installed / path.name).read_bytes() != path.read_bytes()
    ]
    assert not stale, f"install again: pip install ./faces/{package.__name__}"
    assert (installed / "py.typed").is_file()


def check_metadata(package: ModuleType) -> None:
    name = f"vicinal-{package.__name__}"
    assert package.__version__ == version(name) == version("vicinal")
    assert distribution(name).metadata["License-Expression"] == "Apache-2.0"


def check_import(package: ModuleType) -> None:
    """Checks that importing prints nothing and loads nothing heavy."""
    name = package.__name__
    program = f"import sys; before = set(sys.modules); import {name}; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert not HEAVY & set(done.stdout.split())
