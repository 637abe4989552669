"""The judge: what it must accept, and what it must reject."""

from __future__ import annotations

import json

from .model import Row, Told, judge


def _told(*steps: dict[str, object], in_flight: dict[str, object] | None = None, synced: int = 0) -> Told:
    lines = []
    for number, step in enumerate(steps, 1):
        lines.append({"begin": {"n": number, **step}})
        lines.append({"done": number, "at": 0.0, "synced": number == synced})
    if in_flight is not None:
        lines.append({"begin": {"n": len(steps) + 1, **in_flight}})
    return Told.read("a", b"".join(json.dumps(line).encode() + b"\n" for line in lines))


def _add(*ids: str) -> dict[str, object]:
    return {"op": "add", "ids": list(ids)}


def _delete(*ids: str) -> dict[str, object]:
    return {"op": "delete", "ids": list(ids)}


def _counts(told: Told, actual: dict[str, Row], *, lossy: bool = False) -> tuple[int, int, int, bool]:
    verdict = judge([told], actual, lossy=lossy)
    return verdict.acknowledged, verdict.lost, verdict.resurrected, bool(verdict.faults)


def test_what_was_acknowledged_passes():
    assert _counts(_told(_add("a-1", "a-2"), _delete("a-1")), {"a-2": Row(1)}) == (1, 0, 0, False)


def test_a_missing_row_is_lost():
    assert _counts(_told(_add("a-1", "a-2")), {"a-2": Row(1)}) == (2, 1, 0, True)


def test_a_deleted_row_that_is_there_is_resurrected():
    assert _counts(_told(_add("a-1", "a-2"), _delete("a-1")), {"a-1": Row(1), "a-2": Row(1)}) == (1, 0, 1, True)


def test_an_older_version_is_a_loss_and_a_resurrection():
    assert _counts(_told(_add("a-1"), {"op": "upsert", "ids": ["a-1"]}), {"a-1": Row(1)}) == (1, 1, 1, True)


def test_a_batch_in_flight_is_whole_or_not_there():
    told = _told(_add("a-1"), in_flight=_add("a-2", "a-3"))
    assert _counts(told, {"a-1": Row(1)}) == (1, 0, 0, False)
    assert _counts(told, {"a-1": Row(1), "a-2": Row(2), "a-3": Row(2)}) == (1, 0, 0, False)
    assert _counts(told, {"a-1": Row(1), "a-2": Row(2)}) == (1, 0, 0, True)


def test_a_row_that_nobody_wrote_is_a_fault():
    assert _counts(_told(_add("a-1")), {"a-1": Row(1), "b-1": Row(1)})[3]
    assert _counts(_told(_add("a-1")), {"a-1": Row(1), "a-9": Row(1)})[3]


def test_a_restore_brings_back_exactly_the_snapshot():
    told = _told(_add("a-1"), {"op": "snapshot", "name": "s"}, _delete("a-1"), {"op": "restore", "name": "s"})
    assert _counts(told, {"a-1": Row(1)}) == (1, 0, 0, False)
    assert _counts(told, {})[1] == 1


def test_a_line_cut_short_was_not_told():
    told = Told.read("a", b'{"begin": {"n": 1, "op": "add", "ids": ["a-1"]}}\n{"done": 1, "a')
    assert told.steps == []
    assert told.in_flight == {"n": 1, "op": "add", "ids": ["a-1"]}


def test_under_process_only_what_is_newer_than_the_sync_may_go():
    told = _told(_add("a-1"), {"op": "sync"}, _add("a-2"), synced=2)
    assert _counts(told, {"a-1": Row(1)}, lossy=True) == (2, 0, 0, False)
    assert _counts(told, {"a-2": Row(3)}, lossy=True) == (2, 1, 0, True)


def test_under_process_new_metadata_alone_puts_no_row_at_risk():
    told = _told(_add("a-1"), {"op": "sync"}, {"op": "touch", "ids": ["a-1"]}, synced=2)
    assert _counts(told, {"a-1": Row(1)}, lossy=True) == (1, 0, 0, False)
    assert _counts(told, {}, lossy=True) == (1, 1, 0, True)


def test_under_process_a_row_older_than_the_sync_does_not_come_back():
    told = _told(_add("a-1"), _delete("a-1"), {"op": "sync"}, _add("a-2"), synced=3)
    assert _counts(told, {"a-1": Row(1), "a-2": Row(4)}, lossy=True) == (1, 0, 1, True)
