"""Converts bytes to text: unpacks them and detects their encoding."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Callable
from importlib.util import find_spec

from ...errors import InvalidDocument

__all__ = ["COMPRESSED", "UNPACKED_BYTES_MAX", "clean", "decode", "mark_of", "unpack", "wide_encoding"]

# More than any document that people read; a file that unpacks to more is a bomb or a log.
UNPACKED_BYTES_MAX = 256 << 20

# Extension, and what opens such a file.
COMPRESSED: dict[str, Callable[[io.BytesIO], io.BufferedIOBase]] = {
    ".bz2": bz2.BZ2File,
    ".gz": lambda file: gzip.GzipFile(fileobj=file),
    ".xz": lzma.LZMAFile,
}

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LOOKED_AT = 8192
# PEP 263, and its equivalent for Emacs and Vim in other languages; HTML and XML declarations.
_DECLARED = re.compile(
    rb"""(?:charset|(?:file)?encoding|coding)\s{0,9}[=:]\s{0,9}["']?([A-Za-z0-9][-\w.:]{1,40})""", re.IGNORECASE
)
# Bytes that never occur in text: control characters other than tab, line ends, form feed, escape and backspace.
_BINARY = re.compile(rb"[\x00-\x07\x0e-\x1a\x1c-\x1f]")
_GUESSED_BYTES_MAX = 1 << 16


def unpack(data: bytes, suffix: str, bytes_max: int = UNPACKED_BYTES_MAX) -> bytes:
    """Unpacks a compressed file.

    Args:
        suffix: a key of `COMPRESSED`.

    Raises:
        InvalidDocument: it is damaged, or unpacks to more than `bytes_max`.
    """
    try:
        with COMPRESSED[suffix](io.BytesIO(data)) as file:
            unpacked = file.read(bytes_max + 1)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise InvalidDocument(f"the compressed file is broken ({error})", name="file") from error
    if len(unpacked) > bytes_max:
        raise InvalidDocument(f"it unpacks to more than {bytes_max:,} bytes", name="file")
    return unpacked


def decode(data: bytes) -> str:
    """Decodes a file: by its byte order mark, as UTF-8, as declared, or by guessing from the bytes.

    Raises:
        InvalidDocument: the bytes are not text.
    """
    marked = mark_of(data)
    if marked is not None:
        return _decoded(data, marked)
    head = data[:_LOOKED_AT]
    if _BINARY.search(head):
        return _decoded(data, wide_encoding(head), "text")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return _guessed(data, head)


def mark_of(data: bytes) -> str | None:
    """The encoding indicated by a byte order mark at the beginning."""
    return next((encoding for mark, encoding in _BOMS if data.startswith(mark)), None)


def clean(text: str) -> str:
    """Replaces lone surrogates by U+FFFD: some documents contain them, but no database can store them."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _decoded(data: bytes, encoding: str, called: str = "") -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        what = called or f"{encoding.upper()} (byte {error.start})"
        raise InvalidDocument(f"the file is not {what}", name="file") from error


def wide_encoding(head: bytes) -> str:
    """UTF-16 without a mark has zeros at every other byte if letters are ASCII.

    Raises:
        InvalidDocument: it is not text.
    """
    for encoding, zeros, others in (("utf-16-le", head[1::2], head[::2]), ("utf-16-be", head[::2], head[1::2])):
        if zeros.count(0) > 0.6 * len(zeros) and not _BINARY.search(others):
            return encoding
    raise InvalidDocument("the file is not text", name="file")


def _guessed(data: bytes, head: bytes) -> str:
    declared = _DECLARED.search(head)
    for encoding in [*([declared[1].decode()] if declared else []), *_looks_like(data), "cp1252"]:
        try:
            if codecs.lookup(encoding)._is_text_encoding:
                return data.decode(encoding)
        except (LookupError, ValueError):
            continue
    return data.decode("latin-1")


def _looks_like(data: bytes) -> list[str]:
    if find_spec("charset_normalizer") is None:
        return []
    from charset_normalizer import from_bytes

    # ASCII reveals nothing: start at the first other byte.
    first = next((at for at in range(0, len(data), _LOOKED_AT) if not data[at : at + _LOOKED_AT].isascii()), 0)
    best = from_bytes(data[first : first + _GUESSED_BYTES_MAX]).best()
    return [] if best is None else [best.encoding]
