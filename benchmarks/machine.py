"""The machine on which figures were measured; without it they mean little."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_DISTRIBUTIONS = {
    "faiss-flat": "faiss-cpu",
    "faiss-hnsw": "faiss-cpu",
    "chroma": "chromadb",
    "zvec": "zvec",
    "zvec-flat": "zvec",
    "tantivy": "tantivy",
    "bm25s": "bm25s",
    "hiredis": "hiredis",
}


def machine(peers: Iterable[str]) -> dict[str, Any]:
    """Returns the processor, the current load, and the versions of Python and the peers."""
    from vicinal.indexes.kernels import kernels

    wanted = ["vicinal", "numpy", *sorted({_DISTRIBUTIONS[peer] for peer in peers if peer in _DISTRIBUTIONS})]
    return {
        "processor": _processor(),
        "processors": os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "kernels": kernels().name,
        "versions": {**{name: _version(name) for name in wanted}, "sqlite": sqlite3.sqlite_version},
    }


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()
