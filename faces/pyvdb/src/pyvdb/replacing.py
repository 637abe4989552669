"""Files that take the place of old ones in one step, when all of them is written."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from typing import IO


@contextlib.contextmanager
def replacing(path: str) -> Iterator[IO[bytes]]:
    """A file to write; at the end of the block it is on the disk and at `path`. An error leaves the old one."""
    building = f"{path}.{secrets.token_hex(4)}.part"
    try:
        with open(building, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(building, path)
    except OSError as error:
        if error.filename != building:
            raise
        raise type(error)(error.errno, error.strerror, path) from error  # its own name says nothing to anybody
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(building)
