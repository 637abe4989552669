"""Splits texts into chunks that fit an encoder: exact slices, cut at natural boundaries."""

from __future__ import annotations

from .base import TextSplitter
from .code import CodeTextSplitter
from .markdown import MarkdownTextSplitter
from .recursive import RecursiveCharacterTextSplitter
from .semantic import SemanticTextSplitter
from .sentence import SentenceTextSplitter
from .tokens import TokenTextSplitter

__all__ = [
    "CodeTextSplitter",
    "MarkdownTextSplitter",
    "RecursiveCharacterTextSplitter",
    "SemanticTextSplitter",
    "SentenceTextSplitter",
    "TextSplitter",
    "TokenTextSplitter",
]
