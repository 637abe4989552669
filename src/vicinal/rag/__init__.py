"""From documents to answers: loading and splitting texts, and what a program says to a language model.

Importing this package loads none of the optional packages.
"""

from __future__ import annotations

from .chunk import Chunk
from .conversation import ConversationMemory, Message
from .multi_query import MultiQueryRetrieval, fused
from .prompts import PromptTemplate
from .splitters import (
    CodeTextSplitter,
    MarkdownTextSplitter,
    RecursiveCharacterTextSplitter,
    SemanticTextSplitter,
    SentenceTextSplitter,
    TextSplitter,
    TokenTextSplitter,
)

__all__ = [
    "Chunk",
    "CodeTextSplitter",
    "ConversationMemory",
    "MarkdownTextSplitter",
    "Message",
    "MultiQueryRetrieval",
    "PromptTemplate",
    "RecursiveCharacterTextSplitter",
    "SemanticTextSplitter",
    "SentenceTextSplitter",
    "TextSplitter",
    "TokenTextSplitter",
    "fused",
]
