"""The results of a suite: raw numbers as JSON, a table, and whether the claims hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .rounds import Sample, median

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Measurement:
    """All rounds of one measurement of one peer.

    Attributes:
        what: such as "one query".
        unit: what `seconds` of a sample refer to: "query", "60,000 rows", "opening".
        median: of `seconds` over the rounds.
        cpu_median: of the processor time of all threads, which a busy machine disturbs less.
        facts: further data, such as the recall.
    """

    what: str
    rows: int
    threads: int
    peer: str
    unit: str
    median: float
    cpu_median: float
    samples: list[Sample]
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Claim:
    """A ratio or another figure that must not fall below or exceed a limit.

    Attributes:
        value: by wall time, which decides.
        by_processor: the same ratio by processor time, if it is a ratio of times.
    """

    text: str
    value: float
    at_least: float | None = None
    at_most: float | None = None
    by_processor: float | None = None

    @property
    def holds(self) -> bool:
        enough = self.at_least is None or self.value >= self.at_least
        return enough and (self.at_most is None or self.value <= self.at_most)

    def __str__(self) -> str:
        limit = f"at least {self.at_least:g}" if self.at_least is not None else f"at most {self.at_most:g}"
        processor = "" if self.by_processor is None else f"; {self.by_processor:.3g} by the processor"
        return f"{'holds' if self.holds else 'MISSED':6} {self.text}: {self.value:.3g} ({limit}{processor})"


@dataclass
class Report:
    """Filled by a suite while it runs."""

    suite: str
    settings: dict[str, Any]
    machine: dict[str, Any]
    measurements: list[Measurement] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def add(
        self,
        what: str,
        samples: Mapping[str, list[Sample]],
        *,
        rows: int,
        threads: int,
        unit: str,
        facts: Mapping[str, dict[str, Any]] | None = None,
    ) -> None:
        """Adds the samples of all peers for one measurement."""
        for peer, own in samples.items():
            medians = median(own), median(own, "cpu_seconds")
            known = dict((facts or {}).get(peer, {}))
            self.measurements.append(Measurement(what, rows, threads, peer, unit, *medians, own, known))

    def find(self, what: str, peer: str, rows: int) -> Measurement | None:
        """Returns None if the peer was skipped."""
        found = [one for one in self.measurements if (one.what, one.peer, one.rows) == (what, peer, rows)]
        return found[0] if found else None

    def claim_ratio(
        self,
        text: str,
        above: Measurement | None,
        below: Measurement | None,
        *,
        at_least: float | None = None,
        at_most: float | None = None,
    ) -> None:
        """Claims a limit for the ratio above / below; does nothing if one of the two was not measured."""
        if above is None or below is None:
            return
        by_processor = above.cpu_median / below.cpu_median if below.cpu_median else None
        self.claims.append(Claim(text, above.median / below.median, at_least, at_most, by_processor))

    def save(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.suite}.json"
        claims = [{**asdict(claim), "holds": claim.holds} for claim in self.claims]
        path.write_text(json.dumps({**asdict(self), "claims": claims}, indent=1) + "\n")
        return path

    def table(self) -> str:
        """Returns a table for a terminal: one line per measurement."""
        lines = [f"{'':34}{'rows':>9}{'threads':>9}  {'peer':12}{'median':>14}{'processor':>14}"]
        for found in self.measurements:
            plain = {key: value for key, value in found.facts.items() if not isinstance(value, dict)}
            facts = "  ".join(f"{key} {_plain(value)}" for key, value in plain.items())
            lines.append(
                f"{found.what:34}{found.rows:>9,}{found.threads:>9}  {found.peer:12}"
                f"{duration(found.median):>14}{duration(found.cpu_median):>14}  {facts}".rstrip()
            )
        return "\n".join([*lines, "", *map(str, self.claims)])


def load(path: Path) -> Report:
    """Loads what `save` wrote."""
    found = json.loads(path.read_text())
    found["measurements"] = [Measurement(**one) for one in found["measurements"]]
    for claim in found["claims"]:
        del claim["holds"]
    found["claims"] = [Claim(**one) for one in found["claims"]]
    return Report(**found)


def duration(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1e3:.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f} us"


def _plain(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
