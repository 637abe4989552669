"""Conversational memory: its errors and types. The client comes with the server's routes, and is not here yet."""

from __future__ import annotations

from .client import __getattr__ as __getattr__
from .exceptions import VikingMemException

__all__ = ["VikingMemException"]
