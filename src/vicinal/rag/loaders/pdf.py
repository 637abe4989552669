"""Loads PDF: the text of the pages, below the headings of the outline."""

from __future__ import annotations

import io
import logging
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ...errors import EncryptedDocument, InvalidDocument, MissingExtra
from ..document import Document, Part, outlined
from .decoding import clean

if TYPE_CHECKING:
    from pypdf import PdfReader

__all__ = ["load_pdf"]

_BETWEEN_PAGES = "\n\n"
_OUTLINE_DEPTH_MAX = 16


def load_pdf(data: bytes) -> Document:
    """Loads the text of all pages; each page is a part, below the headings of the outline that apply to it.

    A page that contains only pictures has no text.

    Raises:
        MissingExtra: pypdf is not installed.
        EncryptedDocument: it requires a password.
        InvalidDocument: it is damaged, or exceeds a limit of the reader.
    """
    if find_spec("pypdf") is None:
        raise MissingExtra("pypdf", "loaders", "PDF documents")
    # It logs every irregularity that it tolerates; without a handler Python would print these.
    logging.getLogger("pypdf").addHandler(logging.NullHandler())
    try:
        return _loaded(data)
    except (InvalidDocument, MissingExtra, MemoryError):
        raise
    except Exception as error:  # a damaged file can raise anything in the reader
        if type(error).__name__ == "LimitReachedError":  # a valid file may be this large; older readers lack the class
            raise InvalidDocument(
                f"the PDF passes a limit of its reader ({error})", name="file", remedy="Split it into smaller files."
            ) from error
        raise InvalidDocument(f"the PDF is broken ({type(error).__name__}: {error})", name="file") from error


def _loaded(data: bytes) -> Document:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data))
    _open(reader)
    headings = _headings(reader)
    pieces: list[str] = []
    parts: list[Part] = []
    length = 0
    for number, page in enumerate(reader.pages, 1):
        text = clean(page.extract_text())
        parts.append(Part(length, headings.get(number, parts[-1].headings if parts else ()), number))
        pieces += [text, _BETWEEN_PAGES]
        length += len(text) + len(_BETWEEN_PAGES)
    title = reader.metadata.title if reader.metadata is not None else None
    return Document("".join(pieces[:-1]), "pdf", clean(str(title or "")).strip(), tuple(parts))


def _open(reader: PdfReader) -> None:
    from pypdf.errors import DependencyError

    if not reader.is_encrypted:
        return
    try:
        opened = bool(reader.decrypt(""))
    except DependencyError:
        raise MissingExtra("cryptography", "loaders", "an encrypted PDF") from None
    if not opened:
        raise EncryptedDocument(
            "the PDF opens only with a password", name="file", remedy="Save a copy without a password."
        )


def _headings(reader: PdfReader) -> dict[int, tuple[str, ...]]:
    """For each page on which an outline entry begins, the first such entry with its ancestors."""
    try:
        entries = _entries(reader, reader.outline, 1)
    except Exception:  # ignore a broken outline; the pages may be intact
        return {}
    entries.sort(key=lambda entry: entry[0])
    found: dict[int, tuple[str, ...]] = {}
    for part in outlined(entries):
        found.setdefault(part.start, part.headings)
    return found


def _entries(reader: PdfReader, outline: Any, level: int) -> list[tuple[int, int, str]]:
    entries: list[tuple[int, int, str]] = []
    for item in outline:
        if isinstance(item, list):
            entries += _entries(reader, item, level + 1) if level < _OUTLINE_DEPTH_MAX else []
        else:
            page = reader.get_destination_page_number(item)
            if page is not None and page >= 0:
                entries.append((page + 1, level, clean(str(item.title or "")).strip()))
    return entries
