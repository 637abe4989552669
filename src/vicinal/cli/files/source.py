"""Sources and destinations of bytes: a file, a compressed one, the standard streams."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shutil
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Final, cast

from ...errors import InvalidArgument, MissingExtra
from .reading import bad_file

__all__ = ["COMPRESSED", "STANDARD", "broken", "kept_input", "kind_of", "opened", "written"]

STANDARD: Final = "-"
_SPOOLED_BYTES_MAX: Final = 64 << 20

# Errors of reading compressed data.
broken: Final = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)


def _zstd(path: Path, mode: str) -> IO[bytes]:
    """Uses Python itself from 3.14 on, before that pyarrow."""
    try:
        return cast(IO[bytes], import_module("compression.zstd").open(path, mode))
    except ImportError:
        pass
    try:
        arrow = import_module("pyarrow")
    except ImportError:
        raise MissingExtra("pyarrow", "parquet", "reading .zst") from None
    if mode == "rb":
        return io.BufferedReader(cast(Any, _Arrow(arrow.CompressedInputStream(arrow.OSFile(str(path)), "zstd"))))
    return cast(IO[bytes], arrow.CompressedOutputStream(arrow.OSFile(str(path), "wb"), "zstd"))


class _Arrow(io.RawIOBase):
    """Adapts a pyarrow stream to Python's interface, which can be read by lines."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        found = self._stream.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def close(self) -> None:
        self._stream.close()
        super().close()


@contextmanager
def _one_of_zip(path: Path) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
        if len(names) != 1:
            raise bad_file(str(path), f"the archive holds {len(names)} files, not one")
        with archive.open(names[0]) as file:
            yield file


COMPRESSED: Final[dict[str, Callable[[Path, str], Any]]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": _zstd,
    ".zip": lambda path, mode: _one_of_zip(path),
}


def kind_of(path: Path) -> str:
    """The extension that determines the format, without that of a compression: `.csv` of `a.csv.gz`."""
    inner = path.with_suffix("") if path.suffix.lower() in COMPRESSED else path
    return inner.suffix.lower()


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Opens the decompressed bytes; can be opened twice, standard input within `kept_input`."""
    if str(path) == STANDARD:
        yield _standard_input()
        return
    open_ = COMPRESSED.get(path.suffix.lower())
    try:
        with path.open("rb") if open_ is None else open_(path, "rb") as file:
            yield file
    except broken as error:
        if open_ is None or isinstance(error, FileNotFoundError):
            raise
        raise bad_file(str(path), f"the compressed file is broken: {error}") from None


@contextmanager
def written(path: Path, ending: str) -> Iterator[IO[bytes]]:
    """Opens a file to write to; `ending` is the extension of its final name."""
    if ending == ".zip":
        raise InvalidArgument("a .zip is read, not written", name="FILE", value=path, remedy="Use .gz.")
    open_ = COMPRESSED.get(ending)
    with path.open("wb") if open_ is None else open_(path, "wb") as file:
        yield file


_spool: IO[bytes] | None = None


@contextmanager
def kept_input() -> Iterator[None]:
    """Makes piped input readable twice: once to determine its format, once to store it."""
    global _spool
    with tempfile.SpooledTemporaryFile(_SPOOLED_BYTES_MAX) as spool:
        _spool = cast(IO[bytes], spool)
        try:
            yield
        finally:
            _spool = None


def _standard_input() -> IO[bytes]:
    if _spool is None:
        return sys.stdin.buffer
    if _spool.seek(0, io.SEEK_END) == 0:
        shutil.copyfileobj(sys.stdin.buffer, _spool)
    _spool.seek(0)
    return _spool
