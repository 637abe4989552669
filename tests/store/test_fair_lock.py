"""The lock for building indexes in steps."""

from __future__ import annotations

import threading

from vicinal.store.fair_lock import FairLock


def test_whoever_waits_comes_before_the_next_part() -> None:
    lock, order = FairLock(), list[str]()
    waiting, done = threading.Event(), threading.Event()

    def other() -> None:
        with lock.turn:
            waiting.set()  # it waits behind this thread
            with lock.held:
                order.append("other")
        done.set()

    for turn in range(200):
        thread = threading.Thread(target=other)
        waiting.clear()
        done.clear()
        with lock.held:
            thread.start()
            assert waiting.wait(30)
            order.append("part")
        with lock.turn:
            pass
        with lock.held:
            order.append("next part")
        assert done.wait(30)
        thread.join()
        assert order == ["part", "other", "next part"], turn
        order.clear()


def test_one_thread_at_a_time_and_the_same_one_as_often_as_it_likes() -> None:
    lock, count = FairLock(), [0]

    def work() -> None:
        for _ in range(500):
            with lock.turn, lock.held, lock.turn, lock.held:
                before = count[0]
                count[0] = before + 1

    def work_in_parts() -> None:
        for _ in range(500):
            with lock.turn:
                pass
            with lock.held:
                before = count[0]
                count[0] = before + 1

    threads = [threading.Thread(target=target) for target in (work, work_in_parts) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count[0] == 2000
