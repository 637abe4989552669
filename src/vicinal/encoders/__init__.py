"""Texts to vectors: the encoders, finding them by name, recognising them again, caching what they give.

Importing this package loads no model and none of the optional packages.
"""

from __future__ import annotations

from .base import TextEncoder
from .cache import CachedEncoder, MemoryStore
from .custom import CustomEncoder
from .hashing import HashingEncoder
from .identity import EncoderIdentity, check_probe, check_same, identity_of, restore
from .minilm import MiniLM
from .registry import as_encoder, register, resolve

__all__ = [
    "CachedEncoder",
    "CustomEncoder",
    "EncoderIdentity",
    "HashingEncoder",
    "MemoryStore",
    "MiniLM",
    "TextEncoder",
    "as_encoder",
    "check_probe",
    "check_same",
    "identity_of",
    "register",
    "resolve",
    "restore",
]
