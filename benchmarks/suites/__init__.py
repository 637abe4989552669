"""One question per file. Each has `QUESTION`, and `run`, which fills a report."""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["SUITES", "suite"]

SUITES = ("exact", "collection", "ingest", "opening", "keyword")


def suite(name: str) -> ModuleType:
    return importlib.import_module(f"{__name__}.{name}")
