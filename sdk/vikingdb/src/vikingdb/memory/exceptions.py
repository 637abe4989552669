"""What the memory service raises."""

from __future__ import annotations

from ..exceptions import VikingException


class VikingMemException(VikingException):
    """An error of the memory service."""
