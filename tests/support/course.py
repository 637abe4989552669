"""The programs of `examples/course`, as modules."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

PROGRAMS = Path(__file__).parents[2] / "examples" / "course"


def program(name: str) -> ModuleType:
    """Imports a program as if it were run there: its folder comes first in the module search path."""
    sys.path.insert(0, str(PROGRAMS))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(PROGRAMS))
