"""Indexing vectors in a real Redis: lshrs on Vicinal, redis-py pipelines with hashing in Python, and single SADD
commands.

    pip install '.[all]' './faces/lshrs[all]'
    python benchmarks/lshrs_redis.py [--rows 1000000] [--sample 100000] [--rounds 5]

All use hiredis, one thread and one server, 128 bits as 8 bands of 16 rows, and vectors of 128 dimensions; they
alternate on a sample, and a ratio is the median of the better half of the rounds. Then: all rows, and the memory of the
process that indexes them; memory of Redis with and without the keys that make deletion fast; the five considerations of
the document, one table each; recall for numbers of bits and thresholds. Needs redis-server.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# On a busy machine its threads wait for each other, which delays batches of a hundred vectors most.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import redis
from redis.crc import key_slot

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]  # support.servers; the modules of the benchmarks

from benchmarks.machine import machine  # noqa: E402
from lshrs import LSHRS, LSHHasher, RedisStorage, compute_collision_probability, cosine_to_agreement  # noqa: E402
from lshrs.utils.br import get_optimal_config  # noqa: E402
from support.servers import Redis  # noqa: E402

RESULT = ROOT / "benchmarks" / "results" / "lshrs.json"
DIM, BANDS, ROWS = 128, 8, 16
CHUNK = 10_000
PIPELINE = 10_000


def vectors(rows: int, seed: int = 0, dim: int = DIM) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).standard_normal((rows, dim), dtype=np.float32)


def vicinal(port: int, rows: int, reverse_keys: bool = True, buffer_size: int = 10_000) -> None:
    storage = RedisStorage(port=port, reverse_keys=reverse_keys)
    with LSHRS(DIM, num_bands=BANDS, rows_per_band=ROWS, storage=storage, buffer_size=buffer_size) as lsh:
        for start in range(0, rows, CHUNK):
            lsh.index(range(start, min(rows, start + CHUNK)), vectors(min(CHUNK, rows - start), start))


def hashed_in_python(rows: int) -> Iterator[tuple[str, int]]:
    """Yields a key and a member for each band of each vector: one matrix product and one packing per band."""
    projections = LSHHasher(BANDS, ROWS, DIM).projections
    for start in range(0, rows, CHUNK):
        for index, vector in enumerate(vectors(min(CHUNK, rows - start), start), start):
            for band, matrix in enumerate(projections):
                signature = np.packbits(matrix @ vector > 0, bitorder="little").tobytes()
                yield f"lsh:{band}:bucket:{signature.hex()}", index


def hashed_by_batch(rows: int) -> Iterator[tuple[str, int]]:
    """The same with one matrix product for each band of a whole batch, as optimized code would do it."""
    projections = LSHHasher(BANDS, ROWS, DIM).projections
    for start in range(0, rows, CHUNK):
        data = vectors(min(CHUNK, rows - start), start)
        for band, matrix in enumerate(projections):
            packed = np.packbits(data @ matrix.T > 0, axis=1, bitorder="little")
            for index, signature in enumerate(packed, start):
                yield f"lsh:{band}:bucket:{signature.tobytes().hex()}", index


def pipelines(port: int, rows: int, hashed: Callable[[int], Iterator[tuple[str, int]]] = hashed_in_python) -> None:
    with redis.Redis(port=port) as client:
        pipe = client.pipeline(transaction=False)
        for key, index in hashed(rows):
            pipe.sadd(key, index)
            if len(pipe) >= PIPELINE:
                pipe.execute()
        pipe.execute()


def one_at_a_time(port: int, rows: int) -> None:
    with redis.Redis(port=port) as client:
        for key, index in hashed_in_python(rows):
            client.sadd(key, index)


def best_rate(server: Redis, way: Callable[[int, int], None], rows: int) -> int:
    """Returns the best of three runs, because other processes only make it slower."""
    return round(max(rate(server, way, rows) for _ in range(3)))


def rate(server: Redis, way: Callable[[int, int], None], rows: int) -> float:
    """Returns vectors per second, into an empty server."""
    with redis.Redis(port=server.port) as client:
        client.flushall()
    start = time.perf_counter()
    way(server.port, rows)
    return rows / (time.perf_counter() - start)


def speed(server: Redis, rows: int, sample: int, rounds: int) -> dict[str, Any]:
    ways: dict[str, Callable[[int, int], None]] = {
        "vicinal": vicinal,
        "pipelines": pipelines,
        "pipelines_hashed_by_batch": lambda port, n: pipelines(port, n, hashed_by_batch),
    }
    sizes = {**dict.fromkeys(ways, sample), "one_at_a_time": sample // 10}
    ways["one_at_a_time"] = one_at_a_time
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            rates[name].append(rate(server, way, sizes[name]))
    others = [name for name in ways if name != "vicinal"]
    return {
        "rows": rows,
        "sample": sample,
        "vectors_per_second": {name: round(max(found)) for name, found in rates.items()},
        "vectors_per_second_one_at_a_time_whole_sample": round(rate(server, one_at_a_time, sample)),
        **{f"times_{name}": times(rates["vicinal"], rates[name]) for name in others},
        "all_rows": whole(server, rows),
    }


def times(ours: list[float], theirs: list[float]) -> dict[str, Any]:
    """Returns the ratios of each round, and the median of the better half of them."""
    each = [round(a / b, 2) for a, b in zip(ours, theirs)]
    return {"better_half": statistics.median(sorted(each)[len(each) // 2 :]), "rounds": each}


INDEXING = """
import sys, time
from benchmarks.lshrs_redis import vicinal
port, rows = map(int, sys.argv[1:])
start = time.perf_counter()
vicinal(port, rows)
seconds = time.perf_counter() - start
print(rows / seconds, next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def whole(server: Redis, rows: int) -> dict[str, Any]:
    """Indexes all rows, and compares the peak memory of that process with one that indexes a tenth of them."""
    peaks, found = [], 0.0
    for count in (rows // 10, rows):
        with redis.Redis(port=server.port) as client:
            client.flushall()
        command = [sys.executable, "-c", INDEXING, str(server.port), str(count)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        found, peak = map(float, done.stdout.split())
        peaks.append(round(peak / 1024, 1))
    return {
        "vectors_per_second": round(found),
        "peak_mib_a_tenth_of_the_rows": peaks[0],
        "peak_mib": peaks[1],
    }


def memory(server: Redis, rows: int) -> dict[str, Any]:
    """Returns bytes per vector in Redis, with and without the keys that store the places of an index."""
    found = {}
    for reverse_keys in (True, False):
        with redis.Redis(port=server.port) as client:
            client.flushall()
            before = client.info("memory")["used_memory"]
            vicinal(server.port, rows, reverse_keys)
            found["with reverse keys" if reverse_keys else "without"] = {
                "bytes_a_vector": round((client.info("memory")["used_memory"] - before) / rows, 1),
                "keys": client.dbsize(),
            }
    return {"bands": BANDS, "rows_per_band": ROWS, **found}


def cluster_slots(rows: int) -> dict[str, Any]:
    """Returns how evenly the keys of some vectors fill the 16,384 slots of a cluster, and thirds of them."""
    signatures = LSHHasher(BANDS, ROWS, DIM).signatures(vectors(rows))
    storage = RedisStorage()
    keys = {storage.bucket_key(band, row[band].tobytes()) for row in signatures for band in range(BANDS)}
    keys |= {f"lsh:places:{index}" for index in range(rows)}
    filled = np.bincount([key_slot(key.encode()) for key in keys], minlength=16_384)
    thirds = [int(part.sum()) for part in np.array_split(filled, 3)]
    return {
        "keys": len(keys),
        "keys_a_slot": {"least": int(filled.min()), "mean": round(float(filled.mean()), 1), "most": int(filled.max())},
        "keys_a_node_of_three": thirds,
    }


def considerations(server: Redis, rows: int) -> dict[str, Any]:
    data, queries = vectors(rows), vectors(200, 1)
    return {
        "1 batch size": {
            str(size): best_rate(server, lambda port, n, size=size: by_batches(port, n, size), min(rows, 200 * size))
            for size in (1, 10, 100, 1_000, 10_000, 100_000)
        },
        "2 bands and rows": {
            f"{bands}x{width}": found_and_candidates(data, queries, bands, width)
            for bands, width in ((4, 32), (8, 16), (16, 8), (32, 4))
        },
        "3 pipelining": {
            "one command a round trip": best_rate(server, one_at_a_time, max(1, rows // 10)),
            "pipelines": best_rate(server, vicinal, rows),
        },
        "4 normalised vectors": normalised(data),
        "5 buffer size": {
            str(size): {
                "vectors_per_second": best_rate(
                    server, lambda port, n, size=size: vicinal(port, n, buffer_size=size), rows
                ),
                "buffer_mib": round(size * (ROWS / 8 + 8) / 2**20, 3),
            }
            for size in (100, 1_000, 10_000, 100_000)
        },
    }


def by_batches(port: int, rows: int, size: int) -> None:
    with LSHRS(DIM, num_bands=BANDS, rows_per_band=ROWS, redis_port=port) as lsh:
        data = vectors(rows)
        for start in range(0, rows, size):
            lsh.index(range(start, min(rows, start + size)), data[start : start + size])


def near(queries: np.ndarray[Any, Any], cosine: float) -> np.ndarray[Any, Any]:
    """Returns a vector with that cosine to each query."""
    other = vectors(len(queries), 7, queries.shape[1])
    unit = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    other -= (other * unit).sum(axis=1, keepdims=True) * unit
    other /= np.linalg.norm(other, axis=1, keepdims=True)
    return np.asarray(cosine * unit + (1 - cosine**2) ** 0.5 * other, np.float32)


def found_and_candidates(data: np.ndarray[Any, Any], queries: np.ndarray[Any, Any], bands: int, width: int) -> Any:
    """Returns the share of neighbours with cosine 0.9 that share a bucket, and that of random vectors."""
    hasher = LSHHasher(bands, width, data.shape[1])
    asked = hasher.signatures(queries)
    met = (hasher.signatures(near(queries, 0.9)) == asked).all(axis=2).any(axis=1).mean()
    stored = hasher.signatures(data)
    others = np.mean([(stored == row).all(axis=2).any(axis=1).mean() for row in asked[:50]])
    return {"found_at_cosine_0.9": round(float(met), 3), "candidates": round(float(others), 5)}


def normalised(data: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Signatures do not depend on length, so normalizing first changes no bucket."""
    hasher = LSHHasher(BANDS, ROWS, DIM)
    unit = (data / np.linalg.norm(data, axis=1, keepdims=True)).astype(np.float32)
    differ = (hasher.signatures(data) != hasher.signatures(unit)).any(axis=2)
    return {"bands_that_differ": int(differ.sum()), "bands": int(differ.size)}


def recall(seeds: int) -> dict[str, Any]:
    """Returns the share of neighbours with the threshold as cosine that share a bucket, measured and by the formula."""
    table: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for num_perm in (64, 128, 256, 512, 1024):
            for threshold in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95):
                bands, width = get_optimal_config(num_perm, cosine_to_agreement(threshold))
                least = get_optimal_config(num_perm, cosine_to_agreement(threshold), "least_error")
                table[f"{num_perm} at {threshold}"] = {
                    "document": one_recall(bands, width, threshold, seeds),
                    "least_error": one_recall(*least, threshold, seeds),
                }
    return table


def one_recall(bands: int, width: int, cosine: float, seeds: int) -> dict[str, Any]:
    queries = vectors(seeds, 3, 32)
    others = near(queries, cosine)
    met = 0
    for seed in range(10):
        hasher = LSHHasher(bands, width, 32, seed)
        part = slice(seed * seeds // 10, (seed + 1) * seeds // 10)
        met += int((hasher.signatures(queries[part]) == hasher.signatures(others[part])).all(axis=2).any(axis=1).sum())
    expected = compute_collision_probability(cosine_to_agreement(cosine), bands, width)
    return {"bands": bands, "rows": width, "recall": round(met / seeds, 3), "formula": round(expected, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--sample", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, default=RESULT)
    options = parser.parse_args()
    with Redis() as server:
        result = {
            "machine": machine(["hiredis"]),
            "redis": redis.Redis(port=server.port).info("server")["redis_version"],
            "speed": speed(server, options.rows, options.sample, options.rounds),
            "memory": {str(rows): memory(server, rows) for rows in (options.sample, options.rows)},
            "cluster": cluster_slots(options.sample),
            "considerations": considerations(server, min(20_000, options.sample)),
            "recall": recall(2_000),
        }
    options.json.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({key: result[key] for key in ("speed", "memory", "considerations")}, indent=1))


if __name__ == "__main__":
    main()
