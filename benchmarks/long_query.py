"""The cost of a pasted text of 5,000 different words as a query, compared with a query that searches for every word.

    python benchmarks/long_query.py [--rows 60000]

Rows have 40 words each, drawn uniformly from the words of the query, so that every word has a posting list of hundreds
of rows. Prints the best of three runs of each mode in milliseconds, with and without the limit on plain text.
"""

from __future__ import annotations

import argparse
import random
import time

import vicinal
from vicinal.contract import Mode
from vicinal.query import keywords

_MODES: tuple[Mode, ...] = ("keyword", "hybrid")
_WORDS = 5_000
_LETTERS = "abcdefghijklmnopqrst"


def main(rows: int) -> None:
    chance = random.Random(1)
    words = ["".join(chance.choices(_LETTERS, k=7)) for _ in range(_WORDS)]
    collection = vicinal.connect(":memory:").collection("long", encoder="hashing")
    collection.add(list(map(str, range(rows))), texts=[" ".join(chance.choices(words, k=40)) for _ in range(rows)])
    query = " ".join(words)
    collection.search(query, mode="hybrid")
    for mode in _MODES:
        bounded = _best(collection, query, mode, keywords.WORDS_MAX)
        unbounded = _best(collection, query, mode, _WORDS)
        print(f"{mode:<8} {bounded:6.0f} ms, every word {unbounded:6.0f} ms: {unbounded / bounded:.1f} times")


def _best(collection: vicinal.Collection, query: str, mode: Mode, most: int) -> float:
    kept = keywords.WORDS_MAX
    setattr(keywords, "WORDS_MAX", most)  # noqa: B010 - a constant to all but this comparison
    try:
        times = []
        for _ in range(3):
            start = time.perf_counter()
            collection.search(query, mode=mode)
            times.append(time.perf_counter() - start)
    finally:
        setattr(keywords, "WORDS_MAX", kept)  # noqa: B010
    return min(times) * 1e3


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=60_000)
    main(parser.parse_args().rows)
