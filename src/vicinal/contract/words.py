"""Words and arrays that all contracts share."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Metric = Literal["cosine", "ip", "l2", "l1"]
Durability = Literal["full", "process"]
Mode = Literal["dense", "keyword", "hybrid"]
Part = Literal["text", "metadata"]  # of a row, that a hit may have beside id and score
Syntax = Literal["plain", "operators"]  # what a text may say in keyword and hybrid search

METRICS: tuple[Metric, ...] = ("cosine", "ip", "l2", "l1")

FloatMatrix = NDArray[np.float32]
FloatVector = NDArray[np.float32]
Slots = NDArray[np.uint32]
Bitmap = NDArray[np.uint64]
