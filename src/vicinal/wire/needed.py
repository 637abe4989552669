"""The JSON library that messages are made with; a missing one is reported with the install command."""

from __future__ import annotations

from ..errors import MissingExtra

try:
    import msgspec
except ImportError:  # pragma: no cover - tests install it
    raise MissingExtra("msgspec", "client", "a database behind a server") from None

__all__ = ["msgspec"]
