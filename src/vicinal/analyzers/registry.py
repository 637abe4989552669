"""Analyzers by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import InvalidArgument
from ..inputs.names import nearest
from .base import Analyzer
from .default import DefaultAnalyzer

_factories: dict[str, Callable[..., Analyzer]] = {"default": DefaultAnalyzer}


def names() -> tuple[str, ...]:
    """The names that `analyzer` knows."""
    return tuple(_factories)


def analyzer(name: str, language: str = "en", **options: Any) -> Analyzer:
    """The analyzer that `name` means. Loads its stemmer, opens no file.

    Args:
        name: one of `names()`.
        language: code of the language of the texts; "default" stems by it.
        options: those of the analyzer; most have none.

    Raises:
        InvalidArgument: an unknown name or option, with the nearest that there is.
    """
    factory = _factories.get(name) if isinstance(name, str) else None
    if factory is None:
        raise InvalidArgument(
            f"there is no analyzer {name!r}",
            name="analyzer",
            value=name,
            remedy=f"{nearest(str(name), _factories)}There are {', '.join(map(repr, _factories))}.",
        )
    return factory(language, **options)
