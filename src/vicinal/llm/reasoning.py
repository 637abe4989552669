"""Removes the reasoning that a model writes before its answer."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["without_thoughts"]

# If it is truncated, everything that follows is reasoning.
_THOUGHTS: Final = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)


def without_thoughts(reply: str) -> str:
    """Returns the reply without its reasoning."""
    return _THOUGHTS.sub(" ", reply).strip()
