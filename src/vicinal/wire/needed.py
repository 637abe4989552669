"""The JSON library that messages are made with; who has not installed it is told how."""

from __future__ import annotations

from ..errors import MissingExtra

try:
    import msgspec
except ImportError:  # pragma: no cover - tests install it
    raise MissingExtra("msgspec", "client", "a database behind a server") from None

__all__ = ["msgspec"]
