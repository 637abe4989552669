"""Edge cases of native calls: memory owned by others, numbers at the limits of their types, the GIL."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest

from vicinal.indexes import kernels
from vicinal.indexes.codes import NativeScanner
from vicinal.indexes.kernels import Core

if kernels._native is None:
    pytest.skip("the native core is not installed", allow_module_level=True)

CORE: Core = kernels._native.core
ROWS = np.eye(4, dtype=np.float32)


class LentReader:
    """An array visible only through DLPack: its memory is the borrower's only as long as the capsule lives."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()


def test_memory_that_is_no_array_of_numpy_is_refused() -> None:
    assert np.from_dlpack(LentReader(ROWS)).tolist() == ROWS.tolist()
    out = np.zeros(4, np.float32)
    with pytest.raises(ValueError, match=r"vectors must be .*, got .*LentReader"):
        CORE.scan("l2", LentReader(ROWS), ROWS[0], out)
    with pytest.raises(ValueError, match=r"query must be .*, got .*LentReader"):
        CORE.scan("l2", ROWS, LentReader(ROWS[0]), out)
    postings = CORE.Postings(1)
    arrays = postings.save()
    assert arrays is not None
    with pytest.raises(ValueError, match=r"numbers must be .*, got .*LentReader"):
        postings.load({name: LentReader(array.copy()) for name, array in arrays.items()})
    with pytest.raises(ValueError, match=r"slots must be .*, got .*LentReader"):
        postings.remove(LentReader(np.zeros(1, np.uint32)))


@pytest.mark.parametrize("offset", [-(2**63), 2**63 - 1, 2**40])
def test_a_term_cannot_stand_further_on_than_texts_are_long(offset: int) -> None:
    with pytest.raises(ValueError, match="places further on"):
        CORE.Program(1, "bm25", 1.2, 0.75, 1.0, (((0, offset),),), ((1.0,),), ((0,),), ())


@pytest.mark.parametrize("first", [-(2**63), -1, 2**63 - 1])
@pytest.mark.parametrize("slot", [-(2**63), -1, 2**63 - 1])
def test_slots_at_the_ends_of_their_type_have_no_vector(slot: int, first: int) -> None:
    row = (slot, "id", 1, 0, None, "given", None, None, None)
    if slot == first:
        return
    alone = CORE.sealed_rows([row], None, 0)
    assert CORE.sealed_rows([row], ROWS[:0], first) == alone


def test_threads_are_taken_for_the_work_there_is() -> None:
    scanner = NativeScanner(CORE)
    codes, statistics = scanner.encode("l2", ROWS)
    found = [
        scanner.search_many("l2", ROWS, codes, statistics, ROWS, 2, threads=threads)[0].tolist()
        for threads in (1, 2**62, 2**64 - 1)
    ]
    assert found[0] == found[1] == found[2]


def test_terms_that_are_no_texts_are_refused() -> None:
    for term in (1, None, b"a", "\ud800"):
        with pytest.raises(TypeError):
            CORE.Postings(1).find([0], [term])  # type: ignore[list-item]


@pytest.mark.parametrize("ask", ["slot_count", "find", "occurrences"])
def test_who_waits_for_a_writer_holds_up_nobody_else(ask: str) -> None:
    """While one thread waits for a long `add`, the others continue."""
    assert sum(_goes_on(ask) for _ in range(5)) >= 3  # a busy machine may stop any of them for a while


def _goes_on(ask: str) -> bool:
    postings = CORE.Postings(1)
    words = 4_000_000
    numbers = postings.intern([0], ["a"])
    arrays = (
        np.zeros(1, np.uint32), np.zeros(words, np.uint32), np.array([words], np.uint64), np.array([1], np.uint64),
        np.array(numbers, np.uint32), np.zeros(1, np.uint32), np.ones(1, np.uint32),
    )  # fmt: skip
    program = CORE.Program(0, "bm25", 1.2, 0.75, 1.0, (((0, 0),),), ((1.0,),), ((0,),), ())
    took = 0.0

    def add() -> None:
        nonlocal took
        begin = time.perf_counter()
        postings.add(*arrays, 1)
        took = time.perf_counter() - begin

    writer = threading.Thread(target=add)
    done = threading.Event()

    def wait() -> None:
        while not done.is_set():
            if ask == "slot_count":
                _ = postings.slot_count
            elif ask == "find":
                postings.find([0], ["a"])
            else:
                postings.occurrences(program, 0)

    waiter = threading.Thread(target=wait)
    waiter.start()
    writer.start()
    longest, last = 0.0, time.perf_counter()
    while writer.is_alive():
        time.sleep(0.001)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    done.set()
    writer.join()
    waiter.join()
    return longest < took / 3
