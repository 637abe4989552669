"""The file system interface: every file access of the store goes through `Files` and `File`.

Tests substitute their own to lose unsynced bytes, fill the disk or truncate a write. SQLite's own access is replaced
by naming a VFS (`Files.vfs`).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import mmap
import operator
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import DiskFull, StoreError

ByteArray = NDArray[np.uint8]
Identity = tuple[int, int]  # device and inode

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG} if hasattr(errno, "EDQUOT") else {errno.ENOSPC, errno.EFBIG}


class File(Protocol):
    """An open file of bytes; all calls take a position."""

    def size(self) -> int: ...

    def read_at(self, position: int, count: int) -> bytes: ...

    def write_at(self, position: int, data: memoryview | bytes) -> None:
        """Writes all of `data` or raises an error."""

    def truncate(self, size: int) -> None: ...

    def sync(self) -> None:
        """Returns when the bytes survive power loss."""

    def map(self, size: int) -> ByteArray:
        """The first `size` bytes, read-only; beyond the end of the file only if `maps_past_end`."""
        ...

    def close(self) -> None: ...


class Files(Protocol):
    """A file system."""

    vfs: str | None
    maps_past_end: bool
    exclusive: bool
    """Whether access is for one process only: SQLite's connections then share no memory, which works on any medium."""
    read_only: bool
    """Whether nothing is written; the files do not change either."""

    def open(self, path: str) -> File: ...

    def create(self, path: str) -> File: ...

    def make_folder(self, path: str, *, sync: bool = True) -> None:
        """Creates the folder and its parents; each survives power loss once its parent is synced, which this does.

        Args:
            sync: False if the caller syncs the parent.
        """

    def list_folder(self, path: str) -> list[str]: ...

    def exists(self, path: str) -> bool: ...

    def identity(self, path: str) -> Identity | None:
        """Identifies the file at the path: the same pair as long as it is the same file; None if there is none."""
        ...

    def rename(self, old: str, new: str) -> None: ...

    def remove_tree(self, path: str) -> None: ...

    def remove_file(self, path: str) -> None: ...

    def sync_folder(self, path: str) -> None: ...

    def tree_bytes(self, path: str) -> int: ...

    def free_bytes(self, path: str) -> int: ...


class DiskFile:
    """`File` over a file descriptor."""

    def __init__(self, path: str, flags: int) -> None:
        self._path = path
        with translated(path):
            self._fd = os.open(path, flags | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0), 0o644)

    def size(self) -> int:
        with translated(self._path):
            return os.fstat(self._fd).st_size

    def read_at(self, position: int, count: int) -> bytes:
        with translated(self._path):
            return _pread(self._fd, count, position)

    def write_at(self, position: int, data: memoryview | bytes) -> None:
        view = memoryview(data).cast("B")
        with translated(self._path):
            while view:  # the system may write less than requested
                written = _pwrite(self._fd, view, position)
                view = view[written:]
                position += written

    def truncate(self, size: int) -> None:
        with translated(self._path):
            os.ftruncate(self._fd, size)

    def sync(self) -> None:
        with translated(self._path):
            _sync(self._fd)

    def map(self, size: int) -> ByteArray:
        if _LINUX_MMAP is not None:
            return _map_past_end(self._fd, size)
        mapped = mmap.mmap(self._fd, size, access=mmap.ACCESS_READ)
        return np.frombuffer(mapped, dtype=np.uint8)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class DiskFiles:
    """The real file system."""

    vfs: str | None = None

    def __init__(self, *, exclusive: bool = False, read_only: bool = False) -> None:
        self.maps_past_end = _LINUX_MMAP is not None
        self.exclusive = exclusive
        self.read_only = read_only

    def open(self, path: str) -> File:
        return DiskFile(path, os.O_RDONLY if self.read_only else os.O_RDWR)

    def create(self, path: str) -> File:
        return DiskFile(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)

    def make_folder(self, path: str, *, sync: bool = True) -> None:
        missing = []
        while not os.path.isdir(path):
            missing.append(path)
            path = os.path.dirname(os.path.abspath(path))
        for folder in reversed(missing):
            with translated(folder), contextlib.suppress(FileExistsError):
                os.mkdir(folder)
            if sync:
                self.sync_folder(os.path.dirname(folder))

    def list_folder(self, path: str) -> list[str]:
        with translated(path):
            return sorted(os.listdir(path))

    def exists(self, path: str) -> bool:
        return os.path.exists(path)

    def identity(self, path: str) -> Identity | None:
        try:
            found = os.stat(path)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def rename(self, old: str, new: str) -> None:
        with translated(new):
            os.rename(old, new)

    def remove_tree(self, path: str) -> None:
        shutil.rmtree(path, ignore_errors=True)

    def remove_file(self, path: str) -> None:
        with translated(path):
            os.unlink(path)

    def sync_folder(self, path: str) -> None:
        if sys.platform == "win32":
            return  # folders cannot be synced on Windows; NTFS journals renames
        with translated(path):
            fd = os.open(path, os.O_RDONLY)
            try:
                _sync(fd)
            finally:
                os.close(fd)

    def tree_bytes(self, path: str) -> int:
        total = 0
        for folder, _, names in os.walk(path):
            for name in names:
                with contextlib.suppress(OSError):  # a log may vanish meanwhile
                    total += os.stat(os.path.join(folder, name)).st_size
        return total

    def free_bytes(self, path: str) -> int:
        with translated(path):
            return shutil.disk_usage(path).free


@contextlib.contextmanager
def translated(path: str) -> Iterator[None]:
    """Translates errors of the system to errors of Vicinal that name the file."""
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise DiskFull(
                "no space left on the disk",
                name="disk",
                place=path,
                remedy="Free space and try again; nothing changed.",
            ) from error
        raise StoreError(
            f"the system refused: {error.strerror or error}",
            name="file",
            value=error.errno,
            place=path,
            remedy="Check that the folder exists, belongs to you and is on a healthy disk.",
        ) from error


def _sync(fd: int) -> None:
    if sys.platform == "darwin":
        import fcntl

        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)  # fsync on macOS stops at the drive's cache
    elif hasattr(os, "fdatasync"):
        os.fdatasync(fd)
    else:
        os.fsync(fd)


def _pread_by_seek(fd: int, count: int, position: int) -> bytes:
    os.lseek(fd, position, os.SEEK_SET)
    return os.read(fd, count)


def _pwrite_by_seek(fd: int, data: memoryview, position: int) -> int:
    os.lseek(fd, position, os.SEEK_SET)
    return os.write(fd, data)


# Windows has no positional calls; there, the writer lock ensures that the file position has only one user.
_pread = getattr(os, "pread", _pread_by_seek)
_pwrite = getattr(os, "pwrite", _pwrite_by_seek)


def _linux_mmap() -> Any:
    """libc's mmap, which unlike Python's allows a map to extend beyond the end of a file that will grow."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_int64]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    return libc


_LINUX_MMAP = _linux_mmap()
_MAP_FAILED = ctypes.c_void_p(-1).value


class _Mapped:
    """Owner of a map: unmapped when the last array over it is gone."""

    _unmap: Callable[[], object] = int  # nothing was mapped

    def __init__(self, fd: int, size: int) -> None:
        address = _LINUX_MMAP.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
        if address == _MAP_FAILED:
            code = ctypes.get_errno()
            raise StoreError(f"mapping {size:,} bytes failed: {os.strerror(code)}", name="map", value=code)
        self._unmap = functools.partial(_LINUX_MMAP.munmap, address, size)
        self.__array_interface__ = {"shape": (size,), "typestr": "|u1", "data": (address, True), "version": 3}

    # Entirely in C, so that no interrupt can come in between.
    __del__ = property(operator.attrgetter("_unmap"))


def _map_past_end(fd: int, size: int) -> ByteArray:
    return np.asarray(_Mapped(fd, size))
