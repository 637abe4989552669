"""What is synced when, and what a commit may claim."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import vicinal
from support.hooked import HookedFiles
from vicinal.database import Database
from vicinal.store import commit
from vicinal.store.connections import Connections


@pytest.fixture(autouse=True)
def _nobody_syncs_by_himself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vicinal.store.registry.ensure_running", lambda *_: None)


@pytest.fixture
def files() -> HookedFiles:
    return HookedFiles()


@pytest.fixture
def docs(tmp_path: Path, files: HookedFiles) -> Iterator[vicinal.Collection]:
    with Database(str(tmp_path / "db"), files=files) as database:
        yield database.collection("docs", dimension=4, durability="process")


def test_a_commit_of_the_process_claims_nothing(docs: vicinal.Collection) -> None:
    before = docs.stats().synced
    docs.add(["a"], vectors=np.eye(4, dtype=np.float32)[:1])
    docs.update(["a"], metadata={"n": 1})
    docs.delete(["a"])
    stats = docs.stats()
    assert stats.change > stats.synced == before
    docs.sync()
    assert docs.stats().synced == docs.stats().change


def test_a_full_commit_has_synced(tmp_path: Path, files: HookedFiles) -> None:
    order = list[str]()
    files.hooks["sync"] = lambda: order.append("sync")
    with Database(str(tmp_path / "full"), files=files) as database:
        docs = database.collection("docs", dimension=4)
        docs.add(["a"], vectors=np.eye(4, dtype=np.float32)[:1])
        assert order
        assert docs.stats().synced == docs.stats().change


def test_vectors_are_synced_before_the_log_is_emptied(
    docs: vicinal.Collection, files: HookedFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a row could outlive its vector: the log no longer says that it is newer than the last sync."""
    order, checkpoint = list[str](), Connections.checkpoint

    def noted(self: Connections, wait_seconds: float) -> None:
        order.append("checkpoint")
        checkpoint(self, wait_seconds)

    monkeypatch.setattr(commit, "_CHECKPOINT_BYTES", 1)
    monkeypatch.setattr(Connections, "checkpoint", noted)
    files.hooks["sync"] = lambda: order.append("sync")
    docs.add(["a"], vectors=np.eye(4, dtype=np.float32)[:1])
    assert order == ["sync", "checkpoint"]
