"""Checks that a str is valid text: careless decoding may leave a lone surrogate, which UTF-8 cannot encode."""

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
    """The number of bytes of the text in UTF-8.

    Args:
        what: its name in messages, such as "the query".
        name: the argument.

    Raises:
        InvalidInput: it contains a lone surrogate; `error` is raised.
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
