"""Where an export goes: regular files are replaced whole, anything else is written through."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from ...errors import InvalidArgument
from .source import STANDARD, written

__all__ = ["is_standard_output", "replaced"]

_NEW_MODE: Final = 0o666  # minus the umask
_PRIVATE_MODE: Final = 0o600  # until the file is complete: only then its permissions are set like those of the old one


def is_standard_output(path: Path) -> bool:
    """Whether it is `-`, or another name for the destination of standard output, such as /dev/stdout."""
    if str(path) == STANDARD:
        return True
    try:
        return os.path.samestat(path.stat(), os.fstat(sys.stdout.fileno()))
    except (OSError, ValueError):  # the file does not exist, or output goes to no file
        return False


@contextmanager
def replaced(path: Path) -> Iterator[IO[bytes]]:
    """Yields a file to write to, which replaces `path` once it is complete; on an error nothing changes.

    A regular file, even through a link, is replaced atomically and keeps its mode and, if permitted, its owner; for a
    new one folders are created. Output to a pipe or a device is complete before its first byte is sent.

    Raises:
        InvalidArgument: `path` is a folder, or no file can be created there.
    """
    if is_standard_output(path):
        with _sent(path) as file:
            yield file
        return
    try:
        old = path.stat()
    except FileNotFoundError:
        old = None
    except OSError as error:
        raise _refused(path, error) from None
    if old is not None and stat.S_ISDIR(old.st_mode):
        raise InvalidArgument(f"{str(path)!r} is a folder", name="FILE", value=path, remedy="Name a file in it.")
    with _swapped(path, old) if old is None or stat.S_ISREG(old.st_mode) else _sent(path) as file:
        yield file


@contextmanager
def _swapped(path: Path, old: os.stat_result | None) -> Iterator[IO[bytes]]:
    real = Path(os.path.realpath(path))
    part = real.with_name(f".{real.name}.part")
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        mode = _NEW_MODE if old is None else _PRIVATE_MODE
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
    except OSError as error:
        raise _refused(path, error) from None
    try:
        with written(part, path.suffix.lower()) as file:
            yield file
        if old is not None:
            _give(part, old)
        part.replace(real)
    finally:
        part.unlink(missing_ok=True)


def _give(part: Path, old: os.stat_result) -> None:
    """Sets the owner and mode of the file that it replaces."""
    if hasattr(os, "chown"):
        with suppress(PermissionError):  # only root can change owners
            os.chown(part, old.st_uid, old.st_gid)
    part.chmod(stat.S_IMODE(old.st_mode))


@contextmanager
def _sent(path: Path) -> Iterator[IO[bytes]]:
    """Written to a temporary file first: Parquet and npy need file positions, which a pipe does not have."""
    with ExitStack() as stack:
        whole = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vicinal-"))) / "whole"
        with written(whole, path.suffix.lower()) as file:
            yield file
        if is_standard_output(path):
            sys.stdout.flush()
            target = sys.stdout.buffer
        else:
            target = stack.enter_context(path.open("wb"))
        with whole.open("rb") as ready:
            shutil.copyfileobj(ready, target)
        target.flush()


def _refused(path: Path, error: OSError) -> InvalidArgument:
    return InvalidArgument(
        f"{str(path)!r} cannot be written: {error.strerror}",
        name="FILE",
        value=path,
        remedy="Name a file in a folder in which you may write.",
    )
