"""The engine's database at a path."""

from __future__ import annotations

import os
from typing import Any

import vicinal
from vicinal.inputs import checks

Path = str | os.PathLike[str]


def connect(path: Any) -> vicinal.Database:
    """The database in the folder `path`, also where that is called ":memory:"."""
    folder = checks.path("path", path)
    return vicinal.connect(os.path.join(folder, "") if folder == ":memory:" else folder)
