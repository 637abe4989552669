"""Native postings compared with their reference, at sizes with windows, pruning, frequent terms and many threads."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from vicinal.analyzers import analyzer
from vicinal.indexes import kernels as module
from vicinal.indexes.kernels import NumpyKernels
from vicinal.indexes.text import TextIndex
from vicinal.indexes.text_query import Bm25, Clause, Scorer, TextQuery, TfIdf

pytestmark = pytest.mark.skipif(module._native is None, reason="the native core is not installed")

TEXTS = 6000
SCORERS: list[Scorer] = [Bm25(), Bm25(0.0, 1.0), Bm25(idf="robertson"), TfIdf(), TfIdf("raw", "length", "plain")]


def words(generator: np.random.Generator, count: int) -> list[str]:
    """Words with frequencies as in natural language, letters only, because the analyzer splits letters from digits."""
    numbers = np.minimum(generator.zipf(1.15, count), 4000)
    return ["w" + "".join(chr(97 + int(digit)) for digit in str(number)) for number in numbers]


def text(generator: np.random.Generator) -> str:
    return " ".join(words(generator, int(generator.integers(0, 400 if generator.random() < 0.02 else 25))))


def native() -> TextIndex:
    assert module._native is not None
    return TextIndex(analyzer("default"), module._native)


@pytest.fixture(scope="module", params=["one part", "two parts", "removed", "reloaded"])
def pair(request: pytest.FixtureRequest) -> tuple[TextIndex, TextIndex]:
    """The reference implementation and the native one, with the same content."""
    generator = np.random.default_rng(5)
    texts = [text(generator) for _ in range(TEXTS)]
    indexes = TextIndex(analyzer("default"), NumpyKernels()), native()
    for index in indexes:
        index.add(np.arange(TEXTS - 1000, dtype=np.uint32), texts[:-1000])
        if request.param != "two parts":
            index.save()
        index.add(np.arange(TEXTS - 1000, TEXTS, dtype=np.uint32), texts[-1000:])
        if request.param == "removed":
            index.remove(np.arange(0, TEXTS, 3, dtype=np.uint32))
        if request.param in ("one part", "reloaded"):
            index.save()
    if request.param == "reloaded":
        arrays = indexes[0].save()
        indexes[1].load(arrays)
    return indexes


def same(pair: tuple[TextIndex, TextIndex], query: TextQuery, k: int, allowed: Any, scorer: Scorer) -> None:
    referee, index = pair
    wanted, wanted_scores = referee.search(query, k, allowed, scorer=scorer)
    found, scores = index.search(query, k, allowed, scorer=scorer)
    assert found.tolist() == wanted.tolist()
    assert scores.tobytes() == wanted_scores.tobytes()


@pytest.mark.parametrize("scorer", SCORERS, ids=str)
def test_same_bits(pair: tuple[TextIndex, TextIndex], scorer: Scorer) -> None:
    generator = np.random.default_rng(9)
    for number in range(40):
        query = TextQuery.of(*words(generator, int(generator.integers(1, 9))))
        allowed = None
        if number % 3:
            allowed = generator.integers(0, 2**64, -(-TEXTS // 64), np.uint64)
            for _ in range(number % 3 * 2):
                allowed &= generator.integers(0, 2**64, len(allowed), np.uint64)
        same(pair, query, [1, 10, 10, 100, 20_000][number % 5], allowed, scorer)


def test_same_bits_with_conditions(pair: tuple[TextIndex, TextIndex]) -> None:
    generator = np.random.default_rng(11)
    for number in range(20):
        some = words(generator, 5)
        clauses = (
            Clause(some[0]),
            Clause(some[1], "+" if number % 2 else ""),
            Clause(some[2], "-" if number % 3 else ""),
            Clause(f"{some[3]} {some[4]}", "" if number % 4 else "-", number % 5 < 2),
        )
        query = TextQuery(clauses, {"stems": 0.0} if number % 7 == 6 else {})
        same(pair, query, 10, None, Bm25())
        assert pair[1].matches(query).tobytes() == pair[0].matches(query).tobytes()
        slots = generator.integers(0, TEXTS + 9, 50).astype(np.uint32)
        assert pair[1].score(query, slots).tobytes() == pair[0].score(query, slots).tobytes()
        for slot in slots[:2].tolist():
            assert pair[1].explain(query, slot) == pair[0].explain(query, slot)


def test_what_one_saves_the_other_saves_too(pair: tuple[TextIndex, TextIndex]) -> None:
    referee, index = pair
    wanted, found = referee.save(), index.save()
    assert {name: array.tobytes() for name, array in found.items()} == {
        name: array.tobytes() for name, array in wanted.items()
    }


def test_searches_go_on_while_texts_come_and_go() -> None:
    index = native()
    generator = np.random.default_rng(3)
    texts = [text(generator) + " anchor" for _ in range(4000)]
    index.add(np.arange(100, dtype=np.uint32), texts[:100])
    done = threading.Event()
    problems: list[BaseException] = []

    def search(seed: int) -> None:
        mine = np.random.default_rng(seed)
        try:
            while not done.is_set():
                slots, scores = index.search(TextQuery.of("anchor", *words(mine, 4)), 20)
                assert len(slots) == 20
                assert np.all(np.diff(scores) <= 0)
        except BaseException as error:  # for the main thread to see
            problems.append(error)

    threads = [threading.Thread(target=search, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for start in range(100, 4000, 50):
        index.add(np.arange(start, start + 50, dtype=np.uint32), texts[start : start + 50])
        index.remove(np.arange(start - 46, start, 5, dtype=np.uint32))
        if start % 500 == 0:
            index.save()
    done.set()
    for thread in threads:
        thread.join()
    assert not problems
    assert len(index.search(TextQuery.of("anchor"), 9999)[0]) == 4000 - 780
