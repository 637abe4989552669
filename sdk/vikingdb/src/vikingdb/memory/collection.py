"""A collection of the memory service, which is not part of this version: asking for it says so."""

from __future__ import annotations

from .client import __getattr__ as __getattr__
