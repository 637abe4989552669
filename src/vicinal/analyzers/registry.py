"""Analyzers by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ..errors import InvalidArgument
from ..inputs.names import nearest
from .base import Analyzer
from .characterwise import StandardAnalyzer, ZhAnalyzer
from .default import DefaultAnalyzer
from .plain import CourseAnalyzer, SimpleAnalyzer, VecstoreAnalyzer, WhitespaceAnalyzer
from .pyvdb import PyvdbAnalyzer

_factories: dict[str, Callable[..., Analyzer]] = {
    "default": DefaultAnalyzer,
    "standard": StandardAnalyzer,
    "zh": ZhAnalyzer,
    "whitespace": WhitespaceAnalyzer,
    "simple": SimpleAnalyzer,
    "pyvdb": PyvdbAnalyzer,
    "vecstore": VecstoreAnalyzer,
    "course": CourseAnalyzer,
}


def names() -> tuple[str, ...]:
    """The available names."""
    return tuple(_factories)


def analyzer(name: str, language: str = "en", **options: Any) -> Analyzer:
    """The analyzer with this name. Loads its stemmer, opens no file.

    Args:
        name: one of `names()`.
        language: the code of the language of the texts. "default" stems by it; the others have the same rules for all.
        options: those of "pyvdb": see `PyvdbAnalyzer`. The others have none.

    Raises:
        InvalidArgument: an unknown name or option, with the most similar valid one; an invalid language code.
    """
    factory = _factories.get(name) if isinstance(name, str) else None
    if factory is None:
        raise InvalidArgument(
            f"there is no analyzer {name!r}",
            name="analyzer",
            value=name,
            remedy=f"{nearest(str(name), _factories)}There are {', '.join(map(repr, _factories))}.",
        )
    if not isinstance(language, str) or not language.isascii() or not language.isalpha() or not language.islower():
        raise InvalidArgument(
            f"a language is a code of two or three letters, not {language!r}",
            name="language",
            value=language,
            remedy="Write 'en', 'de', 'zh' or the like.",
        )
    _check_options(name, factory, options)
    return factory(language, **options)


def _check_options(name: str, factory: Callable[..., Analyzer], options: dict[str, Any]) -> None:
    known = [key for key in inspect.signature(factory).parameters if key != "language"]
    for key in options:
        if key not in known:
            there = f"It has {', '.join(map(repr, known))}." if known else "It has none."
            raise InvalidArgument(
                f"analyzer {name!r} has no option {key!r}",
                name=key,
                value=options[key],
                remedy=nearest(key, known) + there,
            )
