"""The type of filter arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..filters.tree import Node

__all__ = ["Where"]

Where = Mapping[str, Any] | Node | None
