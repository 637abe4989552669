"""The HTTP server: the engine behind `/v1`, in any number of processes on one folder. Started by `serve`."""

from __future__ import annotations

from .serve import serve
from .settings import ServerSettings

__all__ = ["ServerSettings", "serve"]
