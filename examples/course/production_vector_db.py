"""A client for a service, with a database behind `vicinal serve`: pool, batches, retries, cache, statistics.

pip install 'vicinal[server,client,cli]'
python examples/course/production_vector_db.py                              # starts its own server
python examples/course/production_vector_db.py --url http://127.0.0.1:8420  # uses a running `vicinal serve`
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import re
import subprocess
import sys
import tempfile
import time
import warnings
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4

import numpy as np

from vicinal import Hit, aio
from vicinal.errors import VicinalError

CACHED_MAX = 1024  # results
HEALTHY_PERCENT = 95
T = TypeVar("T")

Answer = list[dict[str, Any]]


@dataclass
class VectorDBConfig:
    """Settings of the connection.

    Attributes:
        max_connections: concurrent requests.
        connection_timeout: seconds to wait for a response.
        retry_attempts: how often a request is retried if that is safe.
        batch_size: rows per request.
        index_type, similarity_metric: of new collections.
        replication_factor, sharding_strategy: of clusters. A server here is one machine, which keeps each row once:
            other values are accepted with a warning, and the health status has the effective ones.
        url, api_key: of the server.
    """

    max_connections: int = 100
    connection_timeout: float = 30.0
    retry_attempts: int = 3
    batch_size: int = 100
    index_type: str = "hnsw"
    similarity_metric: str = "cosine"
    replication_factor: int = 2
    sharding_strategy: str = "hash"
    url: str = "http://127.0.0.1:8420"
    api_key: str | None = None


class ProductionVectorDB:
    """Collections behind a server, for one event loop."""

    def __init__(self, config: VectorDBConfig) -> None:
        self.config = config
        self.logger = logging.getLogger(__name__)
        self.metrics: dict[str, float] = {
            "total_requests": 0,
            "successful_requests": 0,
            "failed_requests": 0,
            "avg_response_time": 0.0,
            "cache_hits": 0,
            "cache_misses": 0,
        }
        self._database: aio.AsyncDatabase | None = None
        self._collections: dict[str, asyncio.Task[aio.AsyncCollection]] = {}
        self._slots = asyncio.Semaphore(config.max_connections)
        # Each result with the commit that it is based on: after any later write, it is not returned again.
        self._answers: OrderedDict[tuple[str, bytes, int, str], tuple[int, Answer]] = OrderedDict()
        if (config.replication_factor, config.sharding_strategy) != (1, "none"):
            warnings.warn(
                f"replication_factor={config.replication_factor} and sharding_strategy={config.sharding_strategy!r} "
                "need a cluster; a server here is one machine, which keeps each row once",
                stacklevel=2,
            )

    async def initialize(self) -> None:
        """Connects; raises Unreachable if no server responds."""
        config = self.config
        self._database = aio.connect(
            config.url, api_key=config.api_key, timeout=config.connection_timeout, retries=config.retry_attempts
        )
        await self._database.collections()

    async def close(self) -> None:
        """Closes the connections."""
        if self._database is not None:
            await self._database.close()
        self._database = None
        self._collections.clear()

    async def batch_insert(
        self, vectors: Sequence[Any], metadata: Sequence[Mapping[str, Any]], collection_name: str
    ) -> dict[str, Any]:
        """Stores rows in batches, several at once. Each batch is atomic.

        The id of a row is `id` of its metadata, or a new one; an existing row with this id is replaced, so that a batch
        may be sent again.

        Returns:
            inserted_count, batch_count, response_time, and errors: a line for each batch that was not stored.
        """
        if len(vectors) != len(metadata):
            raise ValueError(f"{len(vectors)} vectors and {len(metadata)} metadata: each vector needs its own")
        start, size = time.perf_counter(), self.config.batch_size
        parts = [slice(at, at + size) for at in range(0, len(vectors), size)]
        tasks = [self._insert(vectors[part], metadata[part], collection_name) for part in parts]
        done = await asyncio.gather(*tasks, return_exceptions=True)
        errors = []
        for part, result in zip(parts, done):
            if isinstance(result, VicinalError):
                errors.append(f"rows {part.start} to {min(part.stop, len(vectors)) - 1}: {result}")
            elif isinstance(result, BaseException):
                raise result
        seconds = time.perf_counter() - start
        self._count(not errors, seconds)
        return {
            "inserted_count": sum(result for result in done if isinstance(result, int)),
            "batch_count": len(parts),
            "errors": errors,
            "response_time": seconds,
        }

    async def similarity_search(
        self, query_vector: Any, collection_name: str, k: int = 10, filters: Mapping[str, Any] | None = None
    ) -> Answer:
        """Returns the `k` nearest rows that match the filters: id, score, metadata; from the cache if nothing has
        changed.

        Raises:
            CollectionNotFound: nothing was inserted under this name.
            VicinalError: any error of the server or the connection.
        """
        start = time.perf_counter()
        vector = np.asarray(query_vector, dtype=np.float32)
        key = collection_name, vector.tobytes(), k, json.dumps(filters, sort_keys=True, default=repr)
        try:
            rows = await self._collection(collection_name)
            found = await self._cached(rows, key)
            if found is None:
                hits = await self._within_limit(lambda: rows.search(vector, k, filters))
                found = [_plain(hit) for hit in hits]
                self._keep(key, hits.change, deepcopy(found))
        except VicinalError:
            self._count(False, time.perf_counter() - start)
            raise
        self._count(True, time.perf_counter() - start)
        return found

    def get_health_status(self) -> dict[str, Any]:
        """Returns status, statistics, and the current configuration."""
        metrics = self.metrics
        asked, looked = metrics["total_requests"], metrics["cache_hits"] + metrics["cache_misses"]
        success = 100 * metrics["successful_requests"] / asked if asked else 100.0
        return {
            "status": "healthy" if success > HEALTHY_PERCENT and self._database is not None else "degraded",
            "metrics": {
                **metrics,
                "success_rate_percent": success,
                "cache_hit_rate_percent": 100 * metrics["cache_hits"] / looked if looked else 0.0,
            },
            "config": {
                "max_connections": self.config.max_connections,
                "batch_size": self.config.batch_size,
                "index_type": self.config.index_type,
                "replication_factor": 1,
                "sharding_strategy": "none",
            },
        }

    async def _insert(self, vectors: Sequence[Any], metadata: Sequence[Mapping[str, Any]], name: str) -> int:
        rows = await self._collection(name, len(vectors[0]))
        ids = [one.get("id", uuid4().hex) for one in metadata]
        stored = await self._within_limit(
            lambda: rows.upsert(ids, vectors=list(vectors), metadata=[dict(one) for one in metadata])
        )
        return len(stored)

    async def _collection(self, name: str, dimension: int | None = None) -> aio.AsyncCollection:
        """Opens the collection once, even for concurrent calls; creates it if there are rows to insert."""
        if self._database is None:
            raise RuntimeError("call initialize() first")
        if name not in self._collections:
            metric: Any = self.config.similarity_metric
            settings: Any = {"dimension": dimension, "metric": metric, "index": self.config.index_type}
            opened = self._database.collection(name, **({"create": False} if dimension is None else settings))
            self._collections[name] = asyncio.ensure_future(opened)
        try:
            return await asyncio.shield(self._collections[name])
        except Exception:
            self._collections.pop(name, None)  # the next call tries again
            raise

    async def _within_limit(self, call: Callable[[], Awaitable[T]]) -> T:
        async with self._slots:
            return await call()

    async def _cached(self, rows: aio.AsyncCollection, key: tuple[str, bytes, int, str]) -> Answer | None:
        change, answer = self._answers.get(key, (-1, []))
        if change >= 0 and (await self._within_limit(rows.stats)).change == change:
            self.metrics["cache_hits"] += 1
            self._answers.move_to_end(key)
            return deepcopy(answer)  # so that changes by a caller do not affect the next one
        self.metrics["cache_misses"] += 1
        return None

    def _keep(self, key: tuple[str, bytes, int, str], change: int, answer: Answer) -> None:
        self._answers[key] = change, answer
        if len(self._answers) > CACHED_MAX:
            self._answers.popitem(last=False)

    def _count(self, succeeded: bool, seconds: float) -> None:
        metrics = self.metrics
        metrics["total_requests"] += 1
        metrics["successful_requests" if succeeded else "failed_requests"] += 1
        metrics["avg_response_time"] += (seconds - metrics["avg_response_time"]) / metrics["total_requests"]


def _plain(hit: Hit) -> dict[str, Any]:
    return {"id": hit.id, "score": hit.score, "metadata": hit.metadata}


@contextmanager
def server() -> Iterator[str]:
    """Runs `vicinal serve` on a separate folder, and yields its URL."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "vicinal", "serve", folder, "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdout is not None
            found = re.search(r"https?://\S+", process.stdout.readline())
            try:
                if found is None:
                    raise RuntimeError("the server did not start: pip install 'vicinal[server,client,cli]'")
                yield found[0]
            finally:
                process.terminate()


async def main(url: str | None = None, rows: int = 1000) -> dict[str, Any]:
    """Stores rows, searches twice for the same ten vectors, and returns the health status.

    Args:
        url: of a running server; None starts one.
    """
    if url is None:
        with server() as own:
            return await main(own, rows)
    # There is one machine, so nothing more is requested.
    config = VectorDBConfig(max_connections=50, replication_factor=1, sharding_strategy="none", url=url)
    database, random = ProductionVectorDB(config), np.random.default_rng(0)
    await database.initialize()
    try:
        vectors = random.random((rows, 128), dtype=np.float32)
        metadata = [{"id": i, "category": f"category {i % 10}"} for i in range(rows)]
        stored = await database.batch_insert(list(vectors), metadata, "demo")
        print(f"{stored['inserted_count']} rows in {stored['batch_count']} batches, {stored['response_time']:.2f} s")
        queries = random.random((10, 128), dtype=np.float32)
        for _ in range(2):
            found = await asyncio.gather(*(database.similarity_search(query, "demo", k=5) for query in queries))
        print("the nearest to the first:", [hit["id"] for hit in found[0]])
        health = database.get_health_status()
    finally:
        await database.close()
    figures = health["metrics"]
    print(f"{health['status']}: {figures['success_rate_percent']:.0f} % of {figures['total_requests']} calls succeeded")
    print(f"{figures['cache_hit_rate_percent']:.0f} % of the searches came from the cache")
    return health


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A client for a database behind `vicinal serve`.")
    parser.add_argument("--url", help="of the server; left out, one is started")
    asyncio.run(main(parser.parse_args().url))
