"""What a shell is offered after Tab: names of collections, and words that options take."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, get_args

import typer

from ..arguments import FusionMethod
from ..contract import Metric, Mode, Syntax
from ..errors import VicinalError

__all__ = ["FUSIONS", "METRICS", "MODES", "SYNTAXES", "collection_names", "one_of"]

# A shell takes what is offered as it stands, so a name with `$(...)` or a blank in it is left to the user to quote.
_SAFE: Final = re.compile(r"[\w.@%+=-]+", re.ASCII)

Completer = Callable[[str], list[str]]


def one_of(words: Iterable[str]) -> Completer:
    """Offers those of the words that begin as what is typed."""
    listed = tuple(words)
    return lambda incomplete: [word for word in listed if word.startswith(incomplete)]


MODES: Final = one_of(get_args(Mode))
SYNTAXES: Final = one_of(get_args(Syntax))
FUSIONS: Final = one_of(get_args(FusionMethod))
METRICS: Final = one_of(get_args(Metric))


def collection_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the collections at PATH; nothing where there is no database, and no word about it."""
    from .common import existing_database  # which has arguments that are completed by this

    path = ctx.params.get("path")
    if path is None:
        return []
    try:
        with existing_database(Path(path).expanduser()) as database:
            names = database.collections()
    except (VicinalError, OSError):
        return []
    return [name for name in names if name.startswith(incomplete) and _SAFE.fullmatch(name)]
