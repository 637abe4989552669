"""Loads plain text, Markdown and source code: files whose bytes are their text."""

from __future__ import annotations

from ..definitions import definitions
from ..document import Document, outlined
from ..headings import markdown_headings
from .decoding import decode

__all__ = ["load_code", "load_markdown", "load_text"]


def load_text(data: bytes) -> Document:
    return Document(decode(data), "text", verbatim=True)


def load_markdown(data: bytes) -> Document:
    """Parts are the sections below each heading."""
    text = decode(data)
    headings = list(markdown_headings(text))
    title = next((heading.title for heading in headings if heading.level == 1), "")
    return Document(text, "markdown", title, tuple(outlined(headings)), verbatim=True)


def load_code(data: bytes, language: str) -> Document:
    """Parts begin at each line that defines something; nested definitions are below their outer one."""
    text = decode(data)
    return Document(text, "code", parts=tuple(outlined(definitions(text, language))), language=language, verbatim=True)
