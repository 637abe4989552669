"""The background thread that builds indexes, at interpreter shutdown."""

from __future__ import annotations

from typing import Any

import pytest

import vicinal
from vicinal.store import indexing


def test_no_step_begins_once_the_interpreter_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread in native code at interpreter shutdown could abort the process."""
    built: list[Any] = []
    docs = vicinal.connect(":memory:").collection("docs")
    monkeypatch.setattr(indexing, "build", built.append)
    monkeypatch.setattr(indexing, "_ending", False)
    indexing._step(docs._context.store)
    assert len(built) == 1
    indexing._end()
    assert not indexing._step(docs._context.store)
    assert len(built) == 1
