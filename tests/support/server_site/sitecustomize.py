"""In servers started by tests: a test can move the clock of the engine."""

from __future__ import annotations

import os
import struct
import time
from types import SimpleNamespace

from vicinal.records import context

_FILE = os.environ["VICINAL_TEST_CLOCK"]


def _time_ns() -> int:
    with open(_FILE, "rb") as file:
        (moved_to,) = struct.unpack("<q", file.read(8))
    return moved_to or time.time_ns()


context.time = SimpleNamespace(time_ns=_time_ns)  # type: ignore[assignment]  # what it uses of it
