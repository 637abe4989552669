"""Names of collections and of owners of notes in paths; they may be any text.

Most appear percent-encoded. Those that proxies and servers would take for a part of the path itself, such as a slash,
"..", or NUL, are written as "~" and base64url of their UTF-8.
"""

from __future__ import annotations

import base64
import re
from typing import Final
from urllib.parse import quote

from ..errors import CollectionNotFound

__all__ = ["name_in_path", "name_of_path"]

_PLAIN: Final = re.compile(r"[^\W][\w .\-]*", re.UNICODE)


def name_in_path(name: str) -> str:
    """Returns the path component of a name, ready to be put into a URL."""
    if _PLAIN.fullmatch(name):
        return quote(name, safe="")
    return "~" + base64.urlsafe_b64encode(name.encode()).decode("ascii").rstrip("=")


def name_of_path(part: str) -> str:
    """The inverse of `name_in_path`, after the server has decoded percent-encoding."""
    if not part.startswith("~"):
        return part
    try:
        return base64.b64decode(part[1:] + "=" * (-len(part[1:]) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:  # not ASCII, not base64, not UTF-8
        raise CollectionNotFound(
            f"{part!r:.80} is not a collection name",
            name="name",
            value=part,
            remedy="After '~' comes base64url of the name in UTF-8.",
        ) from None
