"""Is a str text? One that was decoded carelessly holds a lone surrogate, which no file, model or message can take."""

from __future__ import annotations

from typing import Final

from ..errors import InvalidArgument, InvalidInput

__all__ = ["check_unicode"]


_REMEDY: Final = "Decode the source with errors='replace'."


def check_unicode(
    text: str,
    what: str,
    name: str,
    place: str = "",
    *,
    error: type[InvalidInput] = InvalidArgument,
    remedy: str = _REMEDY,
) -> int:
    """How many bytes it takes in UTF-8.

    Args:
        what: how messages call it, such as "the query".
        name: the argument.

    Raises:
        InvalidInput: it holds a lone surrogate; `error` is raised.
    """
    if text.isascii():
        return len(text)
    try:
        return len(text.encode())
    except UnicodeEncodeError as found:
        raise error(
            f"{what} holds a lone surrogate, {text[found.start]!r} at character {found.start}, which is not text",
            name=name,
            value=text,
            place=place,
            remedy=remedy,
        ) from None
