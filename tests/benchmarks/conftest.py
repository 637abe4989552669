"""The benchmarks are a package beside `src`, which sdists do not include."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

if not (ROOT / "benchmarks").is_dir():
    pytest.skip("the benchmarks are not in this tree", allow_module_level=True)
sys.path.insert(0, str(ROOT))
