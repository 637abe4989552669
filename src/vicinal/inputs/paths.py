"""Validation of the path of a database."""

from __future__ import annotations

import os
from typing import Any

from ..errors import InvalidArgument, Unsupported
from .unicode import check_unicode


def check_database_path(value: Any, name: str, takes: str, *, remedy: str, otherwise: str = "") -> str:
    """The path of a folder, as a non-empty str; `~` at its beginning is the user's home.

    Args:
        name: the argument.
        takes: what the call accepts, for messages, such as "backup takes a path".
        remedy: what to write instead.
        otherwise: what is accepted instead of a path, such as " or ':memory:'".

    Raises:
        InvalidArgument: it is not a path.
        Unsupported: it is a URL.
    """
    if not isinstance(value, (str, os.PathLike)):
        raise InvalidArgument(f"{takes}, not {type(value).__name__}", name=name, value=value, remedy=remedy)
    path = os.fspath(value)
    if not isinstance(path, str) or not path:
        raise InvalidArgument("the path is empty or not text", name=name, value=value, remedy=remedy)
    if "\0" in path:
        raise InvalidArgument("the path holds a NUL character", name=name, value=value, remedy=remedy)
    # SQLite accepts no other paths, not even surrogate escapes, by which Python represents undecodable file names.
    check_unicode(path, "the path", name, remedy="Use a folder whose path is text in UTF-8.")
    if "://" in path:
        raise Unsupported(
            f"there are no databases at {path.split('://')[0]}:// addresses",
            name=name,
            value=path,
            remedy=f"Use a path{otherwise}.",
        )
    return os.path.expanduser(path)
