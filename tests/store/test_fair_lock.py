"""The lock under which indexes are built in parts."""

from __future__ import annotations

import threading

from vicinal.store.fair_lock import FairLock


def test_whoever_waits_comes_before_the_holder_s_next_turn() -> None:
    lock, order = FairLock(), list[str]()
    waiting, done = threading.Event(), threading.Event()

    def other() -> None:
        waiting.set()
        with lock:
            order.append("other")
        done.set()

    for turn in range(200):
        thread = threading.Thread(target=other)
        waiting.clear()
        done.clear()
        with lock:
            thread.start()
            waiting.wait()
            while not lock._place.locked():  # it stands behind us
                pass
            order.append("holder")
        with lock:  # at once, as work in parts does
            order.append("holder again")
        assert done.wait(30)
        thread.join()
        assert order == ["holder", "other", "holder again"], turn
        order.clear()


def test_one_thread_at_a_time_and_the_same_one_as_often_as_it_likes() -> None:
    lock, count = FairLock(), [0]

    def work() -> None:
        for _ in range(500):
            with lock, lock:
                before = count[0]
                with lock:
                    count[0] = before + 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count[0] == 2000


def test_an_error_in_the_block_gives_the_lock_back() -> None:
    lock = FairLock()
    try:
        with lock:
            raise ValueError
    except ValueError:
        pass
    taken = threading.Thread(target=lock.__enter__)
    taken.start()
    taken.join(30)
    assert not taken.is_alive()
