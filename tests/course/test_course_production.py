"""The course's client for production, against one running server."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Coroutine, Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("httpx", reason="httpx is not installed")
pytest.importorskip("msgspec", reason="msgspec is not installed")
pytest.importorskip("starlette", reason="starlette is not installed")

import vicinal
from support.course import program
from support.http_server import HttpServer
from vicinal.errors import CollectionNotFound, Unreachable, VicinalError

PRODUCTION = program("production_vector_db")
VECTORS = np.random.default_rng(1).normal(size=(250, 6)).astype(np.float32)
METADATA = [{"id": i, "half": i % 2} for i in range(250)]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with HttpServer(tmp_path_factory.mktemp("served") / "data") as server:
        yield server.url


def run(url: str, work: Any, **options: Any) -> Any:
    """Returns the result of `work` with an open database, which is closed afterwards."""

    async def all_of_it() -> Any:
        given = {"replication_factor": 1, "sharding_strategy": "none", "url": url, **options}
        database = PRODUCTION.ProductionVectorDB(PRODUCTION.VectorDBConfig(**given))
        await database.initialize()
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(all_of_it())


def test_the_program(url: str) -> None:
    health = asyncio.run(PRODUCTION.main(url, rows=120))
    assert health["status"] == "healthy"
    assert health["metrics"]["total_requests"] == 21
    assert health["metrics"]["cache_hit_rate_percent"] == 50
    assert 0 < health["metrics"]["avg_response_time"] < 60
    with vicinal.connect(url) as db:
        assert db.collection("demo").count() == 120


def test_batches_and_searches_are_those_of_the_engine(url: str) -> None:
    async def work(database: Any) -> Any:
        first = await database.batch_insert(list(VECTORS), METADATA, "rows")
        again = await database.batch_insert(list(VECTORS), METADATA, "rows")
        found = await database.similarity_search(VECTORS[5], "rows", k=4, filters={"half": 1})
        return first, again, found

    first, again, found = run(url, work, batch_size=60)
    assert (first["inserted_count"], first["batch_count"], first["errors"]) == (250, 5, [])
    assert again["inserted_count"] == 250
    with vicinal.connect(url) as db:
        rows = db.collection("rows")
        assert rows.count() == 250
        assert rows.search(VECTORS[5], 4, {"half": 1}).ids == [one["id"] for one in found]
    assert found[0] == {"id": 5, "score": pytest.approx(1), "metadata": {"id": 5, "half": 1}}


def test_a_batch_that_fails_is_named_and_the_others_are_stored(url: str) -> None:
    vectors: list[Any] = [*VECTORS[:30]]
    vectors[13] = np.zeros(5, np.float32)

    async def work(database: Any) -> Any:
        report = await database.batch_insert(vectors, METADATA[:30], "partly")
        return report, database.get_health_status()

    report, health = run(url, work, batch_size=10)
    assert report["inserted_count"] == 20
    [error] = report["errors"]
    assert error.startswith("rows 10 to 19: ")
    assert "5" in error
    with vicinal.connect(url) as db:
        assert db.collection("partly").count() == 20
    assert health["status"] == "degraded"
    assert health["metrics"]["failed_requests"] == 1


def test_the_cache_knows_filters_and_forgets_with_every_write(url: str) -> None:
    other = vicinal.connect(url)
    rows = other.collection("cached", dimension=6, index="hnsw")
    rows.add(range(20), vectors=VECTORS[:20], metadata=METADATA[:20])

    async def work(database: Any) -> Any:
        async def ask(**options: Any) -> Any:
            return [one["id"] for one in await database.similarity_search(VECTORS[3], "cached", k=2, **options)]

        answers = [await ask(), await ask(), await ask(filters={"half": 0}), await ask(filters={"half": 1})]
        hits = database.metrics["cache_hits"]
        kept = await database.similarity_search(VECTORS[3], "cached", k=2)
        kept[0]["metadata"]["half"] = "changed by the caller"
        clean = (await database.similarity_search(VECTORS[3], "cached", k=2))[0]["metadata"]["half"]
        rows.delete([3])  # another program
        answers.append(await ask())
        await database.batch_insert([VECTORS[3]], [{"id": 99}], "cached")
        answers.append(await ask())
        return answers, hits, clean

    with other:
        answers, hits, clean = run(url, work)
    assert answers[0] == answers[1]
    assert (hits, clean) == (1, 1)
    assert all(id_ % 2 == 0 for id_ in answers[2])
    assert all(id_ % 2 == 1 for id_ in answers[3])
    assert answers[0][0] == 3
    assert 3 not in answers[4]
    assert answers[5][0] == 99


def test_no_more_requests_at_once_than_connections(url: str) -> None:
    busy, most = 0, 0

    async def work(database: Any) -> None:
        original = database._within_limit

        async def counted(call: Any) -> Any:
            async def counting() -> Any:
                nonlocal busy, most
                busy, most = busy + 1, max(most, busy + 1)
                try:
                    return await call()
                finally:
                    busy -= 1

            return await original(counting)

        database._within_limit = counted
        await database.batch_insert(list(VECTORS[:60]), METADATA[:60], "limited")

    run(url, work, max_connections=3, batch_size=5)
    assert most == 3


def test_errors_are_those_of_the_engine_and_are_counted(url: str) -> None:
    async def work(database: Any) -> Any:
        await database.batch_insert(list(VECTORS[:3]), METADATA[:3], "errors")
        with pytest.raises(VicinalError, match="6"):
            await database.similarity_search(VECTORS[0][:4], "errors")
        with pytest.raises(ValueError, match="each vector"):
            await database.batch_insert(list(VECTORS[:3]), METADATA[:2], "errors")
        with pytest.raises(CollectionNotFound, match="errosr"):
            await database.similarity_search(VECTORS[0], "errosr")
        return database.get_health_status()["metrics"]

    metrics = run(url, work)
    assert (metrics["total_requests"], metrics["failed_requests"]) == (3, 2)
    with vicinal.connect(url) as db:
        assert "errosr" not in db

    async def nobody(database: Any) -> None:
        pass

    with pytest.raises(Unreachable):
        run("http://127.0.0.1:9", nobody, retry_attempts=0)


def test_names_of_clusters_are_accepted_with_one_warning() -> None:
    async def made(**options: Any) -> Any:
        return PRODUCTION.ProductionVectorDB(PRODUCTION.VectorDBConfig(**options)).get_health_status()

    def status(coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run(coroutine)

    with pytest.warns(UserWarning, match="replication_factor=2 and sharding_strategy='hash'") as caught:
        health = status(made())
    assert len(caught) == 1
    assert (health["config"]["replication_factor"], health["config"]["sharding_strategy"]) == (1, "none")
    assert health["metrics"]["success_rate_percent"] == 100
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        status(made(replication_factor=1, sharding_strategy="none"))
