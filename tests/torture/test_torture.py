"""The torture tests in their small form, and the proof that they can fail. `make torture` runs the full size."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from . import recording

_TESTS = Path(__file__).parents[1]
_WHY_NOT = recording.why_not()

pytestmark = pytest.mark.skipif(
    _WHY_NOT is not None and os.environ.get("CI") != "true", reason=f"not available here: {_WHY_NOT}"
)


def _torture(tmp_path: Path, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """Returns (exit status, report, output) of `python -m torture`."""
    path = os.pathsep.join([str(_TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    report = tmp_path / "report.json"
    done = subprocess.run(
        [sys.executable, "-m", "torture", "--json", str(report), *arguments],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    assert report.exists(), done.stdout[-10_000:]
    return done.returncode, json.loads(report.read_text()), done.stdout


def _assert_nothing_lost(status: int, report: dict[str, Any], printed: str) -> None:
    assert status == 0, printed[-20_000:]
    for total in report["totals"].values():
        assert total["lost"] == total["resurrected"] == total["faulty"] == 0
        assert total["acknowledged"] > 0


def test_kills(tmp_path: Path):
    status, report, printed = _torture(tmp_path, "--kills", "30", "--cuts", "0", "--interrupts", "0", "--seconds", "0")
    _assert_nothing_lost(status, report, printed)
    assert report["totals"]["kill -9"]["trials"] == 30


def test_power_cuts(tmp_path: Path):
    status, report, printed = _torture(tmp_path, "--kills", "0", "--cuts", "30", "--interrupts", "0", "--seconds", "0")
    _assert_nothing_lost(status, report, printed)
    assert sum(total["trials"] for total in report["totals"].values()) == 30
    assert sum(total["at_risk"] for total in report["totals"].values()) > 0


def test_interrupts(tmp_path: Path):
    status, report, printed = _torture(tmp_path, "--kills", "0", "--cuts", "0", "--interrupts", "500", "--seconds", "0")
    _assert_nothing_lost(status, report, printed)
    facts = report["facts"]["interrupts"]
    assert (facts["interrupts"], facts["threads that wait for ever"], facts["left behind"]) == (500, 0, 0)
    assert len(facts["by call"]) > 10


@pytest.mark.slow  # `make torture` has it for a minute
def test_eight_processes(tmp_path: Path):
    status, report, printed = _torture(tmp_path, "--kills", "0", "--cuts", "0", "--interrupts", "0", "--seconds", "8")
    _assert_nothing_lost(status, report, printed)
    assert report["facts"]["eight processes"]["kills"] >= 3


@pytest.mark.parametrize(
    ("way", "kills", "cuts", "what"),
    [
        ("vectors-unsynced", 0, 20, "lost"),
        ("log-unsynced", 0, 20, "lost"),
        ("told-too-early", 12, 0, "lost"),
        ("deletes-nothing", 6, 0, "resurrected"),
    ],
)
def test_sabotage_is_found(tmp_path: Path, way: str, kills: int, cuts: int, what: str):
    status, report, _ = _torture(
        tmp_path, "--sabotage", way, "--kills", str(kills), "--cuts", str(cuts), "--interrupts", "0", "--seconds", "0"
    )
    assert status == 1
    assert sum(total[what] for total in report["totals"].values()) > 0
