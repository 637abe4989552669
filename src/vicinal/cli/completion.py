"""What a shell offers after Tab: names of collections, and values of options."""

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

# A shell inserts completions verbatim, so quoting a name with `$(...)` or a blank in it is left to the user.
_SAFE: Final = re.compile(r"[\w.@%+=-]+", re.ASCII)

Completer = Callable[[str], list[str]]


def one_of(words: Iterable[str]) -> Completer:
    """Offers the words that begin with what is typed."""
    listed = tuple(words)
    return lambda incomplete: [word for word in listed if word.startswith(incomplete)]


MODES: Final = one_of(get_args(Mode))
SYNTAXES: Final = one_of(get_args(Syntax))
FUSIONS: Final = one_of(get_args(FusionMethod))
METRICS: Final = one_of(get_args(Metric))


def collection_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the collections at PATH; silently none if there is no database."""
    from .common import existing_database  # avoids a circular import: its arguments are completed by this

    path = ctx.params.get("path")
    if path is None:
        return []
    try:
        with existing_database(Path(path).expanduser()) as database:
            names = database.collections()
    except (VicinalError, OSError):
        return []
    return [name for name in names if name.startswith(incomplete) and _SAFE.fullmatch(name)]
