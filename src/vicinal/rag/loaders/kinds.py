"""Determines the kind of a document from its name."""

from __future__ import annotations

import re
from pathlib import PurePath

from .decoding import COMPRESSED

__all__ = ["LANGUAGES", "NOT_DOCUMENTS", "compression_of", "kind_of", "language_of"]

# Extension to language, as `CodeTextSplitter.with_language` takes it.
LANGUAGES = {
    **dict.fromkeys((".c", ".h"), "c"),
    **dict.fromkeys((".cc", ".cpp", ".cxx", ".hpp", ".hh", ".cu", ".ino"), "cpp"),
    **dict.fromkeys((".js", ".mjs", ".cjs", ".jsx", ".vue"), "javascript"),
    **dict.fromkeys((".ts", ".tsx", ".mts"), "typescript"),
    **dict.fromkeys((".py", ".pyi", ".pyx"), "python"),
    ".go": "go", ".java": "java", ".rs": "rust", ".cs": "csharp", ".kt": "kotlin", ".swift": "swift", ".rb": "ruby",
    ".php": "php", ".lua": "lua", ".pl": "perl", ".pm": "perl", ".sh": "shell", ".bash": "shell", ".scala": "scala",
    ".r": "r", ".jl": "julia", ".ex": "elixir", ".hs": "haskell", ".sql": "sql",
}  # fmt: skip

_KINDS = {
    **dict.fromkeys(LANGUAGES, "code"),
    **dict.fromkeys((".md", ".markdown", ".mdown", ".mkd"), "markdown"),
    **dict.fromkeys((".html", ".htm", ".xhtml"), "html"),
    ".docx": "docx",
    ".pdf": "pdf",
}

# Files that are not considered documents; everything else is text unless its bytes say otherwise.
NOT_DOCUMENTS = frozenset(
    {
        ".7z", ".a", ".avi", ".avif", ".bin", ".bmp", ".class", ".css", ".db", ".deb", ".dll", ".dylib", ".eot",
        ".exe", ".flac", ".gif", ".gmo", ".ico", ".iso", ".jar", ".jpeg", ".jpg", ".lock", ".map", ".mo",
        ".mov", ".mp3", ".mp4", ".npy", ".npz", ".o", ".ogg", ".onnx", ".otf", ".parquet", ".png", ".pt",
        ".pyc", ".pyd", ".rar", ".rpm", ".safetensors", ".so", ".sqlite", ".svg", ".tar", ".tgz", ".tif",
        ".tiff", ".ttf", ".wasm", ".wav", ".webm", ".webp", ".whl", ".woff", ".woff2", ".xcf", ".zip", ".zst",
    }
)  # fmt: skip
_VERSIONED_LIBRARY = re.compile(r"\.so(\.\d+)*$")


def compression_of(name: str) -> str:
    """The extension of a compressed file, such as ".gz", or ""."""
    suffix = PurePath(name).suffix.lower()
    return suffix if suffix in COMPRESSED else ""


def language_of(name: str) -> str:
    """The language of source code, or "" if the name does not reveal one."""
    return LANGUAGES.get(PurePath(name[: len(name) - len(compression_of(name))]).suffix.lower(), "")


def kind_of(name: str) -> str | None:
    """ "text", "markdown", "code", "html", "docx" or "pdf"; None for pictures, programs, archives and the like."""
    compression = compression_of(name)
    inner = name[: -len(compression)] if compression else name
    suffix = PurePath(inner).suffix.lower()
    if suffix in NOT_DOCUMENTS or _VERSIONED_LIBRARY.search(inner):
        return None
    return _KINDS.get(suffix, "text")
