"""Names of folders."""

from __future__ import annotations

import hashlib
import re
import secrets

_SLUG_CHARS_MAX = 40
_PASSING = ".part"


def folder_name(collection: str) -> str:
    """A folder name that any file system takes, different for different names."""
    slug = re.sub(r"[^a-z0-9_]+", "-", collection.lower()).strip("-")[:_SLUG_CHARS_MAX]
    digest = hashlib.blake2b(collection.encode(), digest_size=8).hexdigest()
    return f"{slug}-{digest}" if slug else digest


def building_name() -> str:
    """A folder that is never opened until it has been renamed."""
    return f"new-{secrets.token_hex(8)}{_PASSING}"


def grave_name() -> str:
    """A folder of the database on its way out, never opened again."""
    return f"dead-{secrets.token_hex(8)}{_PASSING}"


def is_passing(entry: str) -> bool:
    """Whether one of these: a collection's folder has no dot, and may begin with the same word."""
    return entry.endswith(_PASSING)
