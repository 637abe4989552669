"""Named analyzers for keyword search, which turn texts into terms. No downloads; no data but Unicode and Snowball."""

from __future__ import annotations

from .base import Analyzer, Field, Group, QueryWord, Terms, joined
from .registry import analyzer, names
from .setting import analyzer_of, kept_analyzer, setting_of
from .stemming import languages

__all__ = [
    "Analyzer",
    "Field",
    "Group",
    "QueryWord",
    "Terms",
    "analyzer",
    "analyzer_of",
    "joined",
    "kept_analyzer",
    "languages",
    "names",
    "setting_of",
]
