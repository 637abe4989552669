"""The peers: one adapter per file. This is the only place to register a new one."""

from __future__ import annotations

import importlib
import importlib.util

from ..contract import KeywordPeer, Peer, VectorPeer

__all__ = ["KEYWORDS", "VECTORS", "available", "keyword_peer", "load", "vector_peer"]

# Name to module and class: a peer is imported only in its own process.
VECTORS = {
    "vicinal": ("vicinal", "Vicinal"),
    "scanner": ("scanner", "CodeScanner"),
    "numpy": ("numpy", "NumpyScan"),
    "faiss-flat": ("faiss", "FaissFlat"),
    "faiss-hnsw": ("faiss", "FaissHnsw"),
    "chroma": ("chroma", "Chroma"),
    "lancedb": ("lance", "Lance"),
    "zvec": ("zvec", "Zvec"),
    "zvec-flat": ("zvec", "ZvecFlat"),
}
KEYWORDS = {
    "vicinal-words": ("words", "Words"),
    "tantivy": ("tantivy", "Tantivy"),
    "bm25s": ("bm25s", "Bm25s"),
    "sqlite-fts5": ("sqlite_fts5", "SqliteFts5"),
}


def load(name: str) -> type[Peer]:
    """Returns the class of a peer, without importing the peer itself.

    Raises:
        KeyError: there is no such peer.
    """
    module, cls = {**VECTORS, **KEYWORDS}[name]
    found: type[Peer] = getattr(importlib.import_module(f"{__name__}.{module}"), cls)
    return found


def vector_peer(name: str) -> type[VectorPeer]:
    found = load(name)
    assert issubclass(found, VectorPeer)
    return found


def keyword_peer(name: str) -> type[KeywordPeer]:
    found = load(name)
    assert issubclass(found, KeywordPeer)
    return found


def available(name: str) -> bool:
    """Returns whether the packages that the peer needs are installed."""
    return importlib.util.find_spec(load(name).module) is not None
