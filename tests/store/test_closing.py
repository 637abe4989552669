"""Handles, databases and files that are closed while other threads are in the middle of a call."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import vicinal
from vicinal.errors import Closed

_DIM = 16
_ROUNDS = 8


@pytest.mark.parametrize("end", ["close", "sleep", "compact", "close the database"])
def test_a_call_under_way_ends_as_it_began(tmp_path: Path, end: str) -> None:
    """It returns a result, or raises that the handle is closed; it never reads a file that was closed meanwhile."""
    block = np.random.default_rng(0).normal(size=(3000, _DIM)).astype(np.float32)
    with vicinal.connect(tmp_path) as database:
        docs = database.collection("docs", dimension=_DIM)
        docs.add(list(range(len(block))), vectors=block, texts=[f"word{i} common" for i in range(len(block))])
        docs.search("word1", mode="keyword")
    for _ in range(_ROUNDS):
        database = vicinal.connect(tmp_path)
        docs = database.collection("docs")
        ends: dict[str, Callable[[], object]] = {
            "close": docs.close,
            "sleep": docs._context.store.sleep,
            "compact": docs.compact,
            "close the database": database.close,
        }
        faults, busy = list[BaseException](), threading.Barrier(5)
        threads = [threading.Thread(target=_search, args=(docs, block, n, busy, faults)) for n in range(4)]
        for thread in threads:
            thread.start()
        busy.wait(60)
        ends[end]()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        database.close()
        assert faults == []


def _search(
    docs: vicinal.Collection, block: np.ndarray, number: int, busy: threading.Barrier, faults: list[BaseException]
) -> None:
    try:
        assert docs.search(block[number], k=1)[0].id == number
        busy.wait(60)
        for i in range(number, 200, 4):
            assert docs.search(block[i], k=1)[0].id == i
            assert docs.search(f"word{i}", mode="keyword", k=1)[0].id == i
            (record,) = docs.get([i], vectors=True)
            assert record.vector is not None
            assert record.vector.tolist() == block[i].tolist()
    except Closed:
        pass
    except BaseException as error:
        faults.append(error)
