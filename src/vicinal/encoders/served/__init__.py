"""Encoders behind an HTTP API, one file per protocol."""

from .cohere import CohereEncoder
from .openai import OpenAIEncoder

__all__ = ["CohereEncoder", "OpenAIEncoder"]
