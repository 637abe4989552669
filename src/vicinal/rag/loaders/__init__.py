"""Loads files as documents: text, Markdown, source code, HTML, DOCX and PDF, also compressed."""

from __future__ import annotations

import os
from pathlib import Path

from ...errors import InvalidArgument, InvalidDocument, VicinalError
from ..document import Document
from .decoding import unpack
from .docx import load_docx
from .html import load_html
from .kinds import compression_of, kind_of, language_of
from .pdf import load_pdf
from .text import load_code, load_markdown, load_text

__all__ = ["kind_of", "load", "load_bytes"]

KINDS = ("text", "markdown", "code", "html", "docx", "pdf")


def load(path: str | os.PathLike[str], *, kind: str | None = None) -> Document:
    """Loads the document in a file.

    Args:
        kind: "text", "markdown", "code", "html", "docx" or "pdf"; by default determined by the extension. Files whose
            names also end in .gz, .bz2 or .xz are unpacked.

    Raises:
        EncryptedDocument: it requires a password.
        InvalidDocument: it is not of this kind, or damaged.
        MissingExtra: the package that reads this kind is not installed.
        OSError: the file cannot be read.
    """
    file = Path(path).expanduser()
    return load_bytes(file.read_bytes(), str(file), kind=kind)


def load_bytes(data: bytes, name: str, *, kind: str | None = None) -> Document:
    """Like `load`, for the bytes of a file; errors contain the name."""
    kind = kind or kind_of(name)
    try:
        compression = compression_of(name)
        return _loaded(unpack(data, compression) if compression else data, name, kind)
    except VicinalError as error:
        error.place = error.place or name
        raise


def _loaded(data: bytes, name: str, kind: str | None) -> Document:
    if kind == "text":
        return load_text(data)
    if kind == "markdown":
        return load_markdown(data)
    if kind == "code":
        return load_code(data, language_of(name))
    if kind == "html":
        return load_html(data)
    if kind == "docx":
        return load_docx(data)
    if kind == "pdf":
        return load_pdf(data)
    if kind is None:
        raise InvalidDocument(
            "the file is not a document", name="file", remedy=f"Pass kind=, one of {', '.join(KINDS)}."
        )
    raise InvalidArgument(
        f"there is no kind of document {kind!r}", name="kind", value=kind, remedy=f"There are {', '.join(KINDS)}."
    )
