"""Literals and array types shared by all contracts."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Metric = Literal["cosine", "ip", "l2", "l1"]
Durability = Literal["full", "process"]
Mode = Literal["dense", "keyword", "hybrid"]
Part = Literal["text", "metadata"]  # parts of a row that a hit may contain besides id and score
Syntax = Literal["plain", "operators"]  # how the query text of keyword and hybrid search is read

METRICS: tuple[Metric, ...] = ("cosine", "ip", "l2", "l1")

FloatMatrix = NDArray[np.float32]
FloatVector = NDArray[np.float32]
Slots = NDArray[np.uint32]
Bitmap = NDArray[np.uint64]
