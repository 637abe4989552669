"""Names of collections and snapshots."""

from __future__ import annotations

import re
from typing import Any, Final

from vicinal.inputs import checks

_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}")


def checked_name(name: Any) -> str:
    """Returns the name.

    Raises:
        TypeError: it is not a str.
        ValueError: it is too long, or has a character that may be special to a file system.
    """
    text = checks.text("name", name)
    if not _NAME.fullmatch(text):
        raise ValueError(
            f"{text!r:.160} is no name: write 1 to 128 of the letters A to Z and a to z, digits, '_', '-' and '.', "
            "with no '.' in front"
        )
    return text
