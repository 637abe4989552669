"""Loads DOCX: paragraphs and tables of a Word document.

Office Open XML (ISO/IEC 29500-1): a zip with the text in `word/document.xml` and the names of styles in
`word/styles.xml`. Parsed with defusedxml, which rejects entities; no other part of the file is read.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ...errors import EncryptedDocument, InvalidDocument, MissingExtra
from ..document import Document, outlined
from .decoding import UNPACKED_BYTES_MAX

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["load_docx"]

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"
# A file that begins like this is an OLE container, which Office uses for encrypted documents and old ones.
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)
_TITLE_LEVEL = 0
# Deleted and moved text, the fallback for drawings of newer programs, and properties, whose tabs are positions.
_NOT_TEXT = frozenset(
    {f"{_W}del", f"{_W}moveFrom", f"{_W}pPr", f"{_W}rPr", f"{_W}sectPr"}
    | {"{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"}
)
_BREAKS = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-"}


def load_docx(data: bytes) -> Document:
    """Loads paragraphs and tables; parts are the sections below each heading.

    Raises:
        MissingExtra: defusedxml is not installed.
        EncryptedDocument: it requires a password.
        InvalidDocument: it is damaged.
    """
    if find_spec("defusedxml") is None:
        raise MissingExtra("defusedxml", "loaders", "DOCX documents")
    if data.startswith(_OLE):
        raise EncryptedDocument(
            "the document opens only with a password, or is of Word 2003 or older",
            name="file",
            remedy="Save it as .docx without a password.",
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            body = _parsed(archive, "word/document.xml")
            levels = _heading_levels(archive)
    except (zipfile.BadZipFile, zlib.error, KeyError, NotImplementedError, EOFError, OSError, RuntimeError) as error:
        raise InvalidDocument(f"the DOCX file is broken ({error})", name="file") from error
    return _document(body, levels)


def _parsed(archive: zipfile.ZipFile, name: str) -> Element:
    from xml.etree.ElementTree import ParseError

    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    with archive.open(name) as member:
        content = member.read(UNPACKED_BYTES_MAX + 1)
    if len(content) > UNPACKED_BYTES_MAX:
        raise InvalidDocument(f"{name} unpacks to more than {UNPACKED_BYTES_MAX:,} bytes", name="file")
    try:
        root: Element = fromstring(content.replace(_STRICT.encode(), _W[1:-1].encode()), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise InvalidDocument(f"{name} is not proper XML ({error})", name="file") from error
    return root


def _heading_levels(archive: zipfile.ZipFile) -> dict[str, int]:
    """Levels by style id, which Word translates; the name of a built-in style is always English."""
    if "word/styles.xml" not in archive.namelist():
        return {}
    levels = {}
    for style in _parsed(archive, "word/styles.xml").iter(f"{_W}style"):
        name = style.find(f"{_W}name")
        value = "" if name is None else name.get(f"{_W}val", "")
        heading = _HEADING.fullmatch(value)
        if heading or value.lower() == "title":
            levels[style.get(f"{_W}styleId", "")] = int(heading[1]) if heading else _TITLE_LEVEL
    return levels


def _document(root: Element, levels: dict[str, int]) -> Document:
    pieces: list[str] = []
    headings: list[tuple[int, int, str]] = []
    length = 0
    for text, style in _blocks(root):
        if style in levels and text.strip():
            headings.append((length, levels[style], " ".join(text.split())))
        pieces.append(text + "\n\n")
        length += len(pieces[-1])
    title = next((title for _, level, title in headings if level <= 1), "")
    return Document("".join(pieces).rstrip("\n"), "docx", title, tuple(outlined(headings)))


def _blocks(root: Element) -> Iterator[tuple[str, str]]:
    """Yields text and style of each paragraph, and of each row of a table, whose cells are separated by tabs."""
    stack = [root]
    while stack:
        element = stack.pop()
        if element.tag == f"{_W}p":
            style = element.find(f"{_W}pPr/{_W}pStyle")
            yield _text(element), "" if style is None else style.get(f"{_W}val", "")
        elif element.tag == f"{_W}tr":
            yield "\t".join(" ".join(map(_text, cell.iter(f"{_W}p"))) for cell in element.findall(f"{_W}tc")), ""
        elif element.tag not in _NOT_TEXT:
            stack.extend(reversed(element))


def _text(paragraph: Element) -> str:
    pieces = []
    stack = [paragraph]
    while stack:
        element = stack.pop()
        if element.tag == f"{_W}t":
            pieces.append(element.text or "")
        elif element.tag in _BREAKS:
            pieces.append(_BREAKS[element.tag])
        elif element.tag not in _NOT_TEXT:
            stack.extend(reversed(element))
    return "".join(pieces)
