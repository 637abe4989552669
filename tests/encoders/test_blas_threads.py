"""Few threads for a short text, and the usual number afterwards, even during concurrent encoding."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from vicinal.encoders import MiniLM, blas_threads
from vicinal.encoders import minilm as module


class Library:
    """The object of threadpoolctl for a library: it keeps the last number."""

    def __init__(self, num_threads: int) -> None:
        self.num_threads = num_threads

    def set_num_threads(self, number: int) -> None:
        self.num_threads = number


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Library]]:
    found = [Library(8), Library(2)]
    monkeypatch.setattr(blas_threads, "_libraries", lambda: found)
    yield found
    assert numbers(found) == [8, 2]
    assert not blas_threads._wanted


def numbers(libraries: list[Library]) -> list[int]:
    return [library.num_threads for library in libraries]


def test_few_threads_and_then_the_usual_number(libraries: list[Library]) -> None:
    with blas_threads.at_most(1):
        assert numbers(libraries) == [1, 1]
    with blas_threads.at_most(4):
        assert numbers(libraries) == [4, 2]
    with blas_threads.at_most(100):
        assert numbers(libraries) == [8, 2]


def test_an_error_brings_the_usual_number_back(libraries: list[Library]) -> None:
    with pytest.raises(KeyboardInterrupt), blas_threads.at_most(1):
        raise KeyboardInterrupt


def test_calls_at_the_same_time_share_the_largest_number(libraries: list[Library]) -> None:
    with blas_threads.at_most(1):
        with blas_threads.at_most(4):
            assert numbers(libraries) == [4, 2]
        assert numbers(libraries) == [1, 1]


def test_many_threads_leave_the_usual_number_behind(libraries: list[Library]) -> None:
    def work() -> None:
        for _ in range(200):
            with blas_threads.at_most(1):
                pass

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def test_a_question_takes_one_thread_and_many_texts_more(
    minilm: MiniLM, libraries: list[Library], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    bert = minilm._loaded()._bert
    means = bert.means
    monkeypatch.setattr(bert, "means", lambda texts: seen.append(libraries[0].num_threads) or means(texts))
    minilm.encode(["how do I compress a file?"])
    minilm.encode(["word " * 200])
    minilm.encode(["how do I compress a file?"] * 100)
    assert seen[:2] == [1, 3]
    assert seen[2] == min(8, module._TOKENS_PER_BATCH // module._TOKENS_PER_THREAD - 1)


def test_the_real_library_takes_the_number() -> None:
    pytest.importorskip("threadpoolctl", reason="threadpoolctl is not installed")
    libraries = blas_threads._libraries()
    assert libraries
    before = [library.num_threads for library in libraries]
    with blas_threads.at_most(1):
        assert [library.num_threads for library in libraries] == [1] * len(libraries)
    assert [library.num_threads for library in libraries] == before
