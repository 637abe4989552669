"""Names in paths, of collections and of owners of notes, where they may be any text.

Most stand there as they are, percent-encoded. What proxies and servers would take for a part of the path itself, such
as a slash, "..", or NUL, is written as "~" and base64url of its UTF-8.
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
    """The part of a path that stands for a name, ready to be put into a URL."""
    if _PLAIN.fullmatch(name):
        return quote(name, safe="")
    return "~" + base64.urlsafe_b64encode(name.encode()).decode("ascii").rstrip("=")


def name_of_path(part: str) -> str:
    """The name that `name_in_path` wrote, after the server has undone percent-encoding."""
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
