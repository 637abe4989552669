"""From documents to answers: loading and splitting texts, prompts, and answers by a language model.

Importing this package loads none of the optional packages.
"""

from __future__ import annotations

from .answer import Answer, answer
from .chunk import Chunk
from .conversation import ConversationMemory, Message
from .document import Document
from .loaders import load
from .multi_query import MultiQueryRetrieval, fused
from .passages import DocumentSplitter
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
    "Answer",
    "Chunk",
    "CodeTextSplitter",
    "ConversationMemory",
    "Document",
    "DocumentSplitter",
    "MarkdownTextSplitter",
    "Message",
    "MultiQueryRetrieval",
    "PromptTemplate",
    "RecursiveCharacterTextSplitter",
    "SemanticTextSplitter",
    "SentenceTextSplitter",
    "TextSplitter",
    "TokenTextSplitter",
    "answer",
    "fused",
    "load",
]
