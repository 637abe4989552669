"""Shared by the tests of the distribution pyvdb."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import pyvdb

Make = Callable[..., pyvdb.VectorDatabase]


def meta(**values: Any) -> pyvdb.Metadata:
    made = pyvdb.Metadata()
    for name, value in values.items():
        setattr(made, name, value)
    return made


def unit(*components: float) -> np.ndarray:
    vector = np.zeros(8, dtype=np.float32)
    vector[: len(components)] = components
    return vector
