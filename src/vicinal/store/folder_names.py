"""Names of folders."""

from __future__ import annotations

import hashlib
import re
import secrets

_SLUG_CHARS_MAX = 40
_PASSING = ".part"


def folder_name(collection: str) -> str:
    """A folder name that is valid on any file system, and unique for each collection name."""
    slug = re.sub(r"[^a-z0-9_]+", "-", collection.lower()).strip("-")[:_SLUG_CHARS_MAX]
    digest = hashlib.blake2b(collection.encode(), digest_size=8).hexdigest()
    return f"{slug}-{digest}" if slug else digest


def building_name() -> str:
    """A temporary folder name, never opened until it has been renamed."""
    return f"new-{secrets.token_hex(8)}{_PASSING}"


def grave_name() -> str:
    """The name of a folder that is being deleted, never opened again."""
    return f"dead-{secrets.token_hex(8)}{_PASSING}"


def is_passing(entry: str) -> bool:
    """Whether it is one of these: a collection's folder has no dot, and may begin with the same word."""
    return entry.endswith(_PASSING)
