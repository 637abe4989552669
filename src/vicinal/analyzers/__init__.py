"""Texts to terms: named analyzers for keyword search. Nothing to download, no data but Unicode's and Snowball's."""

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
