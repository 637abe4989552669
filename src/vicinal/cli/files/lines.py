"""Text files: their encoding, and their lines by number."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from ...errors import InvalidArgument, InvalidDocument
from ...rag.loaders.decoding import mark_of, wide_encoding
from .reading import Reading, bad_file
from .source import opened

__all__ = ["encoding_of", "has_bad_bytes", "mended", "text_lines"]

_LOOKED_AT: Final = 8192
_CHUNK: Final = 1 << 20
_OLD: Final = "cp1252"  # written by Excel and Western Windows programs that do not use Unicode


def encoding_of(path: Path, reading: Reading, *, old_allowed: bool) -> str:
    """The requested encoding, or the one detected from the bytes of the file.

    Args:
        old_allowed: whether a file that is not Unicode is assumed to be in Windows-1252; JSON never is.
    """
    if reading.encoding is not None:
        return _checked(reading.encoding)
    with opened(path) as file:
        head = file.read(_LOOKED_AT)
        encoding = mark_of(head) or _wide(head)
        if encoding is not None:
            if encoding != "utf-8-sig":
                reading.note(f"{path}: {encoding.upper()}")
            return encoding
        if not old_allowed:
            return "utf-8"
        wide, wrong = _tally(head, file)
    if wrong and not wide:
        reading.note(f"{path}: not UTF-8, read as {_OLD}; --encoding says another")
        return _OLD
    return "utf-8"


def _checked(name: str) -> str:
    try:
        found = codecs.lookup(name)
        if found._is_text_encoding:
            return "utf-8-sig" if found.name == "utf-8" else found.name
    except LookupError:
        pass
    raise InvalidArgument(
        f"there is no encoding {name!r}", name="--encoding", value=name, remedy="Use one such as utf-16 or cp1252."
    )


def _wide(head: bytes) -> str | None:
    """Detects UTF-16 without a mark."""
    if b"\0" not in head:
        return None
    try:
        return wide_encoding(head)
    except InvalidDocument:
        return None


def _tally(head: bytes, file: IO[bytes]) -> tuple[bool, bool]:
    """Whether the file has multi-byte characters, and bytes that are not UTF-8."""
    decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
    wide = wrong = False
    chunk = head
    while chunk and not wide:
        text = decode(chunk)
        if not text.isascii():
            escaped = sum("\udc80" <= character <= "\udcff" for character in text)
            wrong = wrong or escaped > 0
            wide = wide or escaped < sum(character > "\x7f" for character in text)
        chunk = file.read(_CHUNK)
    return wide, wrong


def text_lines(path: Path, encoding: str, *, newline: str | None = "") -> Iterator[str]:
    """Yields lines with their line ends, which may be CR, LF or both.

    Bytes that are not UTF-8 become lone surrogates, which `has_bad_bytes` finds: so a bad line has a number.
    """
    errors = "surrogateescape" if encoding.startswith("utf-8") else "strict"
    with opened(path) as file:
        text = io.TextIOWrapper(file, encoding, errors, newline)
        number = 0
        try:
            for line in text:
                number += 1
                yield line
        except UnicodeError as error:
            raise bad_file(
                f"{path}:{number + 1}", f"from there on the file is not {encoding.upper()} ({error})"
            ) from None
        finally:
            text.detach()


def has_bad_bytes(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


def mended(text: str) -> str:
    """The text with U+FFFD for bytes that are not UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
