"""The order of measurements, and what becomes of the times."""

from __future__ import annotations

from functools import partial

import pytest

from benchmarks.report import Claim, Report, duration, load
from benchmarks.rounds import Progress, alternate, median


def test_everybody_has_a_turn_in_each_round_and_every_other_round_runs_backwards():
    turns = []

    def measure(name: str) -> dict[str, float]:
        turns.append(name)
        return {"seconds": float(len(turns))}

    samples = alternate(3, {name: partial(measure, name) for name in "abc"}, Progress("test"))
    assert "".join(turns) == "abccbaabc"
    assert [sample["seconds"] for sample in samples["a"]] == [1.0, 6.0, 7.0]


def test_the_median_is_of_rounds_so_one_disturbed_round_does_not_count():
    assert median([{"seconds": value} for value in (3.0, 1.0, 1000.0, 2.0, 4.0)]) == 3.0
    assert median([{"cpu_seconds": value} for value in (3.0, 1.0)], "cpu_seconds") == 2.0


def test_a_claim_holds_at_its_limit():
    assert Claim("ratio", 3.0, at_least=3.0).holds
    assert not Claim("ratio", 2.9, at_least=3.0).holds
    assert Claim("share", 0.3, at_most=0.3).holds
    assert "MISSED share: 0.31 (at most 0.3)" in str(Claim("share", 0.31, at_most=0.3))


def test_a_report_survives_its_file(tmp_path):
    report = Report("exact", {"k": 10}, {"processor": "one"})
    rounds = [{"seconds": 0.5, "cpu_seconds": 0.25}, {"seconds": 0.7, "cpu_seconds": 0.2}]
    report.add("one query", {"numpy": rounds, "vicinal": rounds}, rows=5, threads=1, unit="query")
    faster = [{"seconds": 0.2, "cpu_seconds": 0.1}, {"seconds": 0.4, "cpu_seconds": 0.1}]
    report.add("one query", {"scanner": faster}, rows=5, threads=1, unit="query")
    numpy, scanner = (report.find("one query", peer, 5) for peer in ("numpy", "scanner"))
    report.claim_ratio("twice as fast", numpy, scanner, at_least=1.9)
    report.claim_ratio("nobody", report.find("one query", "faiss", 5), scanner, at_least=1)
    report.left_out["faiss-flat"] = "pip install faiss-cpu"
    assert load(report.save(tmp_path)) == report
    assert report.measurements[0].median == 0.6
    (claim,) = report.claims
    assert claim.holds
    assert (claim.value, claim.by_processor) == pytest.approx((2.0, 2.25))


def test_durations_are_read_easily():
    assert [duration(value) for value in (2.5, 0.0025, 2.5e-5)] == ["2.50 s", "2.50 ms", "25 us"]
