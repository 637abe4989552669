"""A collection in a service: logging, errors that skip one record and not the whole run, times, statistics.

python production.py
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from vecstore import Collection, VecDatabase
from vicinal.encoders.registry import resolve

RECORDS = 300
QUERIES = 100

log = logging.getLogger("production")
encoder = resolve("hashing:384")


def embed(text: str) -> list[float]:
    return encoder.encode([text])[0].tolist()


@contextmanager
def timed(what: str, count: int) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds = time.perf_counter() - started
    log.info("%s: %d in %.2f s, %.0f a second", what, count, seconds, count / seconds)


def ingest(collection: Collection, records: Iterable[tuple[str, list[float], dict[str, Any]]]) -> int:
    """Stores the records; logs and skips those that cannot be stored. Returns how many were stored."""
    stored = 0
    for id_, vector, metadata in records:
        try:
            collection.upsert(id_, vector, metadata)
            stored += 1
        except (TypeError, ValueError) as error:
            log.warning("record %r is left out: %s", id_, error)
    return stored


def records() -> Iterator[tuple[str, list[float], dict[str, Any]]]:
    for number in range(RECORDS):
        text = f"ticket {number}: the printer on floor {number % 7} is out of paper"
        yield f"ticket-{number}", embed(text), {"floor": number % 7, "open": number % 3 == 0}
    yield "too-short", [1.0, 2.0], {}
    yield "not-a-number", [float("nan")] * 384, {}


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stdout)
    with tempfile.TemporaryDirectory() as folder, VecDatabase(folder) as database:
        try:
            tickets = database.create_collection("tickets")
        except ValueError as error:  # such as a folder that is not writable, or a name that is taken
            log.error("cannot start: %s", error)
            return 1
        with timed("ingest", RECORDS):
            stored = ingest(tickets, records())
        with timed("query", QUERIES):
            for number in range(QUERIES):
                tickets.query(embed(f"printer on floor {number % 7}"), k=5, filter="open = true")
        log.info("stored %d, stats %s", stored, tickets.stats())
        best = tickets.query(embed("printer on floor 3"), k=3, filter="floor = 3 AND open = true")
        log.info("open on floor 3: %s", ", ".join(result.id for result in best))
    return 0


if __name__ == "__main__":
    sys.exit(main())
