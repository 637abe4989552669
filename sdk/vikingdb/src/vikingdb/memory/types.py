"""Types of the memory service."""

from __future__ import annotations

import json
from enum import Enum
from typing import Any


class EnumEncoder(json.JSONEncoder):
    """JSON in which a member of an Enum is its value."""

    def default(self, o: Any) -> Any:
        return o.value if isinstance(o, Enum) else super().default(o)
