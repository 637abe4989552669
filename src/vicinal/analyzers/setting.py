"""The stored choice of an analyzer: a name, or JSON with a name and options."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..errors import InvalidArgument
from .base import Analyzer
from .registry import analyzer, names


def setting_of(given: Any) -> str:
    """The stored form of a name, or of a dict with a name and options. Equal choices have equal stored forms.

    Raises:
        InvalidArgument: the analyzer or option does not exist.
    """
    if isinstance(given, str):
        analyzer(given)
        return str.__str__(given)
    if not isinstance(given, Mapping) or not isinstance(given.get("name"), str):
        raise InvalidArgument(
            f"analyzer must be a name, or a dict with a name and options, not {given!r}",
            name="analyzer",
            value=given,
            remedy=f"Choose one of {', '.join(names())}, or write {{'name': 'pyvdb', 'stemming': False}}.",
        )
    options = {str(key): _plain(value) for key, value in given.items()}
    name = options.pop("name")
    analyzer(name, **options)
    return json.dumps({"name": name, **options}, sort_keys=True) if options else str(name)


def kept_analyzer(setting: str) -> str | dict[str, Any]:
    """The inverse of `setting_of`."""
    if not setting.startswith("{"):
        return setting
    kept: dict[str, Any] = json.loads(setting)
    return kept


def analyzer_of(setting: str, language: str) -> Analyzer:
    """The analyzer for a stored setting."""
    if not setting.startswith("{"):
        return analyzer(setting, language)
    options = json.loads(setting)
    return analyzer(options.pop("name"), language, **options)


def _plain(value: Any) -> Any:
    """The value in JSON's own types; a set is sorted."""
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return list(value) if isinstance(value, tuple) else value
