"""Types shared by the tests of the distribution pyvdb."""

from __future__ import annotations

from collections.abc import Callable

import pyvdb

Make = Callable[..., pyvdb.VectorDatabase]
