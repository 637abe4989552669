"""The soak test in its small form, and its definition of growth. `make soak` runs the full size."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

_SCRIPT = Path(__file__).parents[2] / "benchmarks" / "soak.py"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="soak reads /proc")


@pytest.fixture
def soak(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("soak", _SCRIPT)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "soak", module)  # dataclasses look up their module
    assert spec.loader is not None
    spec.loader.exec_module(module)
    return module


def test_opening_and_closing_leaves_nothing_behind():
    done = subprocess.run(
        [sys.executable, str(_SCRIPT), "--cycles", "900", "--warm-up", "300"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_growth_is_a_fault(soak: ModuleType):
    flat = [soak.Sample(cycle, 100 << 20, 6, 300, 2) for cycle in range(10)]
    assert soak.faults(flat) == []
    for what, grown in (("descriptors", 7), ("maps", 301), ("threads", 3), ("memory_bytes", 106 << 20)):
        later = [replace(sample, **{what: grown}) for sample in flat[5:]]
        assert len(soak.faults(flat[:5] + later)) == 1


def test_a_count_that_breathes_is_no_fault(soak: ModuleType):
    samples = [soak.Sample(cycle, 100 << 20, 6, 300, 1 + cycle % 2) for cycle in range(10)]
    assert soak.faults(samples) == []
