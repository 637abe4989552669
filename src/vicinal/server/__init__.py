"""The HTTP server: one engine behind `/v1`, in as many processes as you like on one folder. `serve` starts it."""

from __future__ import annotations

from .serve import serve
from .settings import ServerSettings

__all__ = ["ServerSettings", "serve"]
