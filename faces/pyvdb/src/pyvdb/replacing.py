"""Replaces files atomically, once the new content is complete."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from typing import IO


@contextlib.contextmanager
def replacing(path: str) -> Iterator[IO[bytes]]:
    """Yields a file to write; at the end of the block it is synced and moved to `path`. An error keeps the old file."""
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
        raise type(error)(error.errno, error.strerror, path) from error  # the temporary name would help nobody
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(building)
