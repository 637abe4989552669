"""Where an export goes: regular files are replaced whole, what is no regular file is written through."""

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

_NEW_MODE: Final = 0o666  # less the umask
_PRIVATE_MODE: Final = 0o600  # until the file is complete: who may read the old one is settled then


def is_standard_output(path: Path) -> bool:
    """Whether it is `-`, or another name of where standard output goes, such as /dev/stdout."""
    if str(path) == STANDARD:
        return True
    try:
        return os.path.samestat(path.stat(), os.fstat(sys.stdout.fileno()))
    except (OSError, ValueError):  # there is no such file, or output goes to no file
        return False


@contextmanager
def replaced(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to, which stands at `path` when all is written; nothing changes if an error is raised before.

    A regular file, also behind a link, is replaced in one step and keeps its mode and, where that is allowed, its
    owner; folders are made for a new one. What a pipe or a device gets is complete before its first byte is sent.

    Raises:
        InvalidArgument: `path` is a folder, or no file can be made there.
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
    """The owner and mode of the file that it replaces."""
    if hasattr(os, "chown"):
        with suppress(PermissionError):  # only root gives files away
            os.chown(part, old.st_uid, old.st_gid)
    part.chmod(stat.S_IMODE(old.st_mode))


@contextmanager
def _sent(path: Path) -> Iterator[IO[bytes]]:
    """Written aside first: Parquet and npy ask where in the file they are, which a pipe cannot tell."""
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
