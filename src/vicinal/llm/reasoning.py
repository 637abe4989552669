"""What a model thinks aloud before it answers."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["without_thoughts"]

# Where it is cut off, all that follows is a thought.
_THOUGHTS: Final = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)


def without_thoughts(reply: str) -> str:
    """The reply alone."""
    return _THOUGHTS.sub(" ", reply).strip()
