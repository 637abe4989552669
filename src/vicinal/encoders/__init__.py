"""Encoders, which turn texts and pictures into vectors: finding them by name, recognising them, caching their vectors.

Importing this package loads no model and none of the optional packages.
"""

from __future__ import annotations

from .adapters import LangChainEmbeddings, OpenAIEmbeddings
from .base import TextEncoder
from .cache import CachedEncoder, MemoryStore
from .custom import CustomEncoder
from .default import choose_image_encoder, choose_text_encoder
from .descriptor import ImageDescriptor
from .hashing import HashingEncoder
from .identity import EncoderIdentity, check_probe, check_same, identity_of, restore
from .image_base import ImageEncoder
from .image_registry import resolve_image
from .minilm import MiniLM
from .onnx_image import OnnxImageEncoder
from .onnx_text import OnnxTextEncoder
from .prefixed import Prefixed
from .projected import Projected, ProjectedImages
from .projection import Projection
from .registry import as_encoder, register, resolve
from .sentence_transformers import SentenceTransformerEncoder
from .served import CohereEncoder, OpenAIEncoder

__all__ = [
    "CachedEncoder",
    "CohereEncoder",
    "CustomEncoder",
    "EncoderIdentity",
    "HashingEncoder",
    "ImageDescriptor",
    "ImageEncoder",
    "LangChainEmbeddings",
    "MemoryStore",
    "MiniLM",
    "OnnxImageEncoder",
    "OnnxTextEncoder",
    "OpenAIEmbeddings",
    "OpenAIEncoder",
    "Prefixed",
    "Projected",
    "ProjectedImages",
    "Projection",
    "SentenceTransformerEncoder",
    "TextEncoder",
    "as_encoder",
    "check_probe",
    "check_same",
    "choose_image_encoder",
    "choose_text_encoder",
    "identity_of",
    "register",
    "resolve",
    "resolve_image",
    "restore",
]
