"""Plain text, Markdown and source code: files whose bytes are their text."""

from __future__ import annotations

from ..definitions import definitions
from ..document import Document, outlined
from ..headings import markdown_headings
from .decoding import decode

__all__ = ["load_code", "load_markdown", "load_text"]


def load_text(data: bytes) -> Document:
    return Document(decode(data), "text", verbatim=True)


def load_markdown(data: bytes) -> Document:
    """Its parts are what stands under each heading."""
    text = decode(data)
    headings = list(markdown_headings(text))
    title = next((heading.title for heading in headings if heading.level == 1), "")
    return Document(text, "markdown", title, tuple(outlined(headings)), verbatim=True)


def load_code(data: bytes, language: str) -> Document:
    """Its parts are what stands behind each line that defines something; deeper ones stand under it."""
    text = decode(data)
    return Document(text, "code", parts=tuple(outlined(definitions(text, language))), language=language, verbatim=True)
