"""Saved indexes with values changed at random and all checksums updated, and how readers handle them.

Such a file is rejected and rebuilt, or it is read: then results may be wrong, but nothing crashes, hangs, or raises an
error that is not ours. Mutations run in a child process, so that a crash of the interpreter is detected.

    python -m support.mutation DATABASE WORK FIRST COUNT
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID
from zlib import crc32

import numpy as np

import vicinal

NAME = "docs"
DIMENSION = 8
WORDS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta")
ALIGNMENT = 64
PARTS = ("slots", "vectors", "columns", "words", "sparse")
Arrays = dict[str, Any]


def make_database(path: Path, rows: int = 130) -> Path:
    """Vectors, texts, sparse vectors and every kind of metadata, some dead rows, and one saved index of it all."""
    numbers, choose = np.random.default_rng(0), random.Random(0)
    with vicinal.connect(path) as db:
        docs = db.collection(NAME, dimension=DIMENSION)
        docs.add(
            [f"id-{i}" for i in range(rows)],
            texts=["beta " * 300 if i == 3 else " ".join(choose.choices(WORDS, k=1 + i % 9)) for i in range(rows)],
            vectors=numbers.standard_normal((rows, DIMENSION)),
            sparse=[{int(d): 1.0 + d for d in choose.sample(range(20), 3)} if i % 3 else None for i in range(rows)],
            metadata=[_metadata(i) for i in range(rows)],
            ttl=[datetime(2100, 1, 1, tzinfo=UTC) if i % 5 == 0 else None for i in range(rows)],
        )
        docs.delete([f"id-{i}" for i in range(0, rows, 11)])
        docs.search("alpha", k=3, mode="keyword")
        docs.search(sparse={1: 1.0}, k=3, mode="hybrid")
        publish(docs)
    return path


def _metadata(i: int) -> dict[str, Any]:
    kinds: tuple[Any, ...] = (
        i, i / 7, f"text {i % 9}", i % 2 == 0, None, date(2020, 1, 1 + i % 28), datetime(2020, 1, 1, 1, tzinfo=UTC),
        Decimal(i) / 10, UUID(int=i), [i % 3, "a", 1.5], {"inner": i}, 2**70 + i, "long " * 100,
    )  # fmt: skip
    one: dict[str, Any] = {"n": i, "tag": f"t{i % 4}", "any": kinds[i % len(kinds)], "list": [i % 5, f"x{i % 3}"]}
    return one | ({"rare": i} if i % 70 == 0 else {})


def publish(docs: vicinal.Collection) -> None:
    store: Any = docs._context.store
    store.upkeep.build(always=True)


def saved_part(database: Path, part: str) -> Path:
    (found,) = database.rglob(f"index/{part}-*.idx")
    return found


# -- the file, read and written according to docs/format.md


def read(path: Path) -> tuple[dict[str, Any], Arrays]:
    raw = path.read_bytes()
    length = int.from_bytes(raw[8:12], "little")
    header = json.loads(raw[16 : 16 + length])
    start = -(-(16 + length) // ALIGNMENT) * ALIGNMENT
    arrays = {}
    for section in header["sections"]:
        at = start + section["offset"]
        arrays[section["name"]] = np.frombuffer(raw[at : at + section["bytes"]], section["dtype"]).copy()
    return header, arrays


def read_all(database: Path) -> tuple[dict[str, Any], Arrays]:
    """Returns the headers of all parts, and their arrays under names like "slots.live"."""
    headers, arrays = {}, {}
    for part in PARTS:
        headers[part], own = read(saved_part(database, part))
        arrays |= {f"{part}.{name}": array for name, array in own.items()}
    return headers, arrays


def write_all(database: Path, headers: dict[str, Any], arrays: Arrays) -> None:
    for part in PARTS:
        own = {name.partition(".")[2]: array for name, array in arrays.items() if name.startswith(f"{part}.")}
        write(saved_part(database, part), headers[part], own)


def write(path: Path, header: dict[str, Any], arrays: Arrays) -> None:
    """Writes valid checksums, whatever the arrays contain."""
    sections, blob = [], b""
    for name, array in arrays.items():
        data = array.tobytes()
        about = {"name": name, "dtype": array.dtype.str, "offset": len(blob), "bytes": len(data), "crc": crc32(data)}
        sections.append(about)
        blob += data + bytes(-len(data) % ALIGNMENT)
    write_raw(path, header | {"sections": sections}, blob)


def write_raw(path: Path, header: Any, blob: bytes) -> None:
    text = json.dumps(header).encode()
    head = b"VICINDEX" + len(text).to_bytes(4, "little") + crc32(text).to_bytes(4, "little") + text
    path.unlink()
    path.write_bytes(head + bytes(-len(head) % ALIGNMENT) + blob)


# -- mutations

_NUMBERS = (0, 1, 2, 3, 7, 8, 63, 64, 127, 128, 254, 255, 256, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1, 2**62, 2**63 - 1)


def mutate(header: dict[str, Any], arrays: Arrays, seed: int) -> str:
    """Changes some of it in place and returns what."""
    choose = random.Random(seed)
    done = []
    for _ in range(choose.choice((1, 1, 1, 2, 5))):
        name = choose.choice(sorted(arrays))
        if choose.random() < 0.04:
            done.append(_mutate_header(header, choose))
        elif choose.random() < 0.04:
            del arrays[name]
            done.append(f"without {name}")
            if not arrays:
                break
        else:
            arrays[name], what = mutated(arrays[name], choose)
            done.append(f"{name}: {what}")
    return "; ".join(done)


def _mutate_header(header: dict[str, Any], choose: random.Random) -> str:
    key = choose.choice(["slots", "version"])
    header[key] = choose.choice([-1, 0, 10**9, 2**70, "1", None, [], 1.5])
    return f"header {key} = {header[key]!r}"


def mutated(array: Any, choose: random.Random) -> tuple[Any, str]:
    """Returns a changed copy, and what was changed."""
    kind = choose.randrange(14)
    if kind == 0:
        return array[: choose.randrange(len(array) + 1)].copy(), "cut"
    if kind == 1:
        return np.concatenate([array, array[:3], np.zeros(1, array.dtype)]), "longer"
    if kind == 2:
        dtype = choose.choice(["|u1", "|i1", "<u4", "<i8", "<f4", "<f8", "|b1", "<u2", ">i4", "<m8[s]", "|S1"])
        raw = array.tobytes()
        size = np.dtype(dtype).itemsize
        return np.frombuffer(raw[: len(raw) // size * size], dtype).copy(), f"as {dtype}"
    if not len(array) or array.dtype.kind not in "biuf":
        return array, "as it is"
    changed = array.copy()
    if kind == 3:
        raw = changed.view(np.uint8)
        raw[choose.randrange(len(raw))] ^= 1 << choose.randrange(8)
        return changed, "a bit"
    if kind == 4:
        i, j = choose.randrange(len(array)), choose.randrange(len(array))
        changed[i], changed[j] = array[j], array[i]
        return changed, f"{i} and {j} swapped"
    at = [choose.randrange(len(array)) for _ in range(choose.choice((1, 1, 2, 30)))]
    for i in at if kind else range(len(array)):
        changed[i] = _value(array, i, choose)
    return changed, f"values {at[:3]}"


def _value(array: Any, i: int, choose: random.Random) -> Any:
    if array.dtype.kind == "f":
        return choose.choice([np.nan, np.inf, -np.inf, 0.0, -1.0, 3e38, 1e-40])
    old = int(array[i])
    number = choose.choice([old + 1, old - 1, -1, len(array), len(array) - 1, int(choose.choice(array)), *_NUMBERS])
    return np.array([number % 2**64], np.uint64).astype(array.dtype)[0]


# -- readers

QUERIES = np.random.default_rng(1).standard_normal((3, DIMENSION)).astype(np.float32)
FILTERS: tuple[dict[str, Any], ...] = (
    {"n": {"$gt": 40}},
    {"tag": "t1"},
    {"any": {"$gte": Decimal("0.5")}},
    {"any": {"$exists": True}},
    {"list": "x1"},
    {"any": {"$in": [UUID(int=8), "text 2", 5]}},
    {"any.inner": {"$lt": 100}},
    {"rare": {"$ne": 70}},
)


def ask(docs: vicinal.Collection) -> Iterator[Any]:
    """Uses every way of reading an index."""
    for query in QUERIES:
        yield lambda query=query: docs.search(query, k=5)
        yield lambda query=query: docs.search(query, k=500)
    for text in ("alpha", "beta gamma", "delta theta eta", "zeta"):
        yield lambda text=text: docs.search(text, k=5, mode="keyword")
    yield lambda: docs.search("alpha beta", k=200, mode="keyword", scorer=vicinal.TfIdf(tf="log", norm="length"))
    yield lambda: docs.search("alpha", vector=QUERIES[0], k=20, mode="hybrid")
    yield lambda: docs.search(sparse={3: 1.0, 7: 2.0}, k=20, mode="hybrid")
    for where in FILTERS:
        yield lambda where=where: docs.count(where)
        yield lambda where=where: docs.search(QUERIES[0], k=9, where=where)
        yield lambda where=where: [record.id for record in docs.get(where=where)]
    for field in ("n", "tag", "any", "list", "any.inner", "rare"):
        yield lambda field=field: docs.facets(field)
        yield lambda field=field: docs.distinct(field)
        yield lambda field=field: docs.min_max(field)
    yield lambda: [record.id for record in docs.scroll(order_by="any")]
    yield docs.count


def change(docs: vicinal.Collection) -> Iterator[Any]:
    """Uses every way of changing it further."""
    yield lambda: docs.add(["new"], texts=["alpha beta"], vectors=QUERIES[:1], sparse=[{3: 1.0}], metadata=[{"n": 1}])
    yield lambda: docs.update(["id-1", "id-2"], metadata={"any": "else", "list": [1]})
    yield lambda: docs.delete([f"id-{i}" for i in range(12, 40)])
    yield lambda: publish(docs)
    yield lambda: docs.search("alpha beta", k=5, mode="keyword")
    yield lambda: docs.facets("any")


@dataclass
class Outcome:
    """The outcome of one mutation.

    Attributes:
        refused: whether the saved index, or a part of it, was not used.
        errors: errors that a user must not see.
    """

    seed: int
    what: str
    refused: bool
    errors: list[str]


class _Refusals(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += "not used" in record.getMessage() or "rebuilt" in record.getMessage()


def _errors(calls: Iterator[Any]) -> Iterator[str]:
    for call in calls:
        try:
            call()
        except vicinal.VicinalError:
            pass
        except Exception as error:
            yield f"{type(error).__name__}: {error}"


def _try(database: Path, work: Path, seed: int) -> Outcome:
    copy = work / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(database, copy)
    part = random.Random(~seed).choice(PARTS)
    path = saved_part(copy, part)
    header, arrays = read(path)
    what = f"{part}: {mutate(header, arrays, seed)}"
    write(path, header, arrays)
    refusals = _Refusals()
    logger = logging.getLogger("vicinal")
    logger.addHandler(refusals)
    errors: list[str] = []
    try:
        with vicinal.connect(copy) as db:
            docs = db.collection(NAME)
            errors += _errors(ask(docs))
            if seed % 3 == 0:
                errors += _errors(change(docs))
    except vicinal.VicinalError:
        pass
    except Exception as error:
        errors.append(f"at open: {type(error).__name__}: {error}")
    logger.removeHandler(refusals)
    return Outcome(seed, what, refusals.count > 0, errors)


def run(database: Path, work: Path, first: int, count: int) -> list[Outcome]:
    """Runs the mutations from number `first` on, in one child process.

    Raises:
        AssertionError: the child crashed or hung; the message has the number of the mutation.
    """
    program = [sys.executable, "-X", "faulthandler", "-m", "support.mutation"]
    done = subprocess.run(
        [*program, str(database), str(work), str(first), str(count)],
        capture_output=True, text=True, check=False, timeout=60 + count,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    outcomes = [Outcome(**json.loads(line)) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"crash at mutation {first + len(outcomes)}: {done.stderr[-3000:]}"
    return outcomes


def main() -> None:
    database, work, first, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    logging.getLogger("vicinal").addHandler(logging.NullHandler())
    for seed in range(first, first + count):
        print(json.dumps(asdict(_try(database, work, seed))), flush=True)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
