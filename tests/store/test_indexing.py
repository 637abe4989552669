"""The thread that builds indexes in the background."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import vicinal
from vicinal.store import indexing

ROWS = 2 * indexing.FEW_SLOTS


def test_a_store_may_be_closed_in_the_midst_of_a_step_on_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the garbage collector, which ends a forgotten handle in any thread: closing waits for a step."""
    with vicinal.connect(tmp_path) as ours, vicinal.connect(tmp_path) as theirs:
        forgotten = ours.collection("dropped", dimension=2)
        forgotten.add(ids=["a"], vectors=[[1, 0]])
        theirs.drop("dropped")
        indexed = ours.collection("docs", dimension=2)
        closed = threading.Event()

        def build(_: Any) -> bool:
            forgotten.close()
            closed.set()
            return False

        monkeypatch.setattr(indexing, "build", build)
        indexed.add(ids=range(ROWS), vectors=[[1, i] for i in range(ROWS)])
        indexing.ask(indexed._context.store)
        assert closed.wait(60)
        indexing.wait()  # the step ends
