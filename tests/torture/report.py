"""The results of all trials, as a table and as JSON."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .model import Verdict


@dataclass(slots=True)
class Row:
    """Trials of one kind that belong together, such as kills inside `compact`."""

    trials: int = 0
    with_second: int = 0
    at_risk: int = 0
    acknowledged: int = 0
    lost: int = 0
    resurrected: int = 0
    forgiven: int = 0
    faulty: int = 0

    def count(self, verdict: Verdict, *, second: bool, at_risk: int = 0) -> None:
        self.trials += 1
        self.with_second += second
        self.at_risk += at_risk
        self.acknowledged += verdict.acknowledged
        self.lost += verdict.lost
        self.resurrected += verdict.resurrected
        self.forgiven += verdict.forgiven
        self.faulty += bool(verdict.faults)

    def merge(self, other: Row) -> None:
        for name in Row.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


_HEAD = (
    "trial",
    "at",
    "trials",
    "two processes",
    "unsynced",
    "acknowledged",
    "lost",
    "resurrected",
    "forgiven",
    "faulty",
)


@dataclass(slots=True)
class Report:
    """Everything that a run of the torture tests found.

    Attributes:
        rows: by kind of trial, then by the step in flight.
        failures: one dict per failed trial: its seed, its folder, its faults.
        facts: other measurements, by kind of trial.
    """

    seed: str
    rows: dict[str, dict[str, Row]] = field(default_factory=dict)
    failures: list[dict[str, Any]] = field(default_factory=list)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def count(self, kind: str, moment: str, verdict: Verdict, *, second: bool, at_risk: int = 0) -> None:
        row = self.rows.setdefault(kind, {}).setdefault(moment, Row())
        row.count(verdict, second=second, at_risk=at_risk)

    def fail(self, kind: str, seed: str, folder: str, faults: list[str], **plan: Any) -> None:
        self.failures.append({"trial": kind, "seed": seed, "folder": folder, "faults": faults, **plan})

    def totals(self) -> dict[str, Row]:
        totals: dict[str, Row] = {}
        for kind, rows in self.rows.items():
            totals[kind] = Row()
            for row in rows.values():
                totals[kind].merge(row)
        return totals

    @property
    def ok(self) -> bool:
        return not self.failures

    def table(self) -> str:
        lines = [_HEAD]
        for kind, total in self.totals().items():
            for moment, row in sorted(self.rows[kind].items()):
                lines.append((kind, moment, *_cells(row)))
            lines.append((kind, "all", *_cells(total)))
        widths = [max(len(line[i]) for line in lines) for i in range(len(_HEAD))]
        text = ["  ".join(_pad(cell, width, i) for i, (cell, width) in enumerate(zip(line, widths))) for line in lines]
        for kind, facts in self.facts.items():
            text.append(f"{kind}: " + ", ".join(f"{name} {value}" for name, value in facts.items()))
        for failure in self.failures:
            text.append(f"FAULT in {failure['trial']}, seed {failure['seed']}, kept in {failure['folder']}")
            text += [f"  {fault}" for fault in failure["faults"]]
        return "\n".join(text)

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = {kind: {moment: _as_dict(row) for moment, row in rows.items()} for kind, rows in self.rows.items()}
        totals = {kind: _as_dict(row) for kind, row in self.totals().items()}
        found = {
            "seed": self.seed,
            "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
            "totals": totals,
            "by_moment": rows,
            "facts": self.facts,
            "failures": self.failures,
        }
        path.write_text(json.dumps(found, indent=2) + "\n")


def _cells(row: Row) -> tuple[str, ...]:
    return tuple(f"{getattr(row, name):,}" for name in Row.__slots__)


def _as_dict(row: Row) -> dict[str, int]:
    return {name: getattr(row, name) for name in Row.__slots__}


def _pad(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column < 2 else cell.rjust(width)
