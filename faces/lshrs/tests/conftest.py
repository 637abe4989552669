"""Real servers for the tests: Redis, a Redis Cluster of three masters, PostgreSQL; and one storage of each kind."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import no_network
from lshrs import FileStorage, MemoryStorage, RedisStorage, Storage
from support.servers import Cluster, Postgres, Redis

no_network.install()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    with Redis() as server:
        yield server


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with Cluster() as servers:
        yield servers


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


KINDS = ("memory", "file", "redis", "redis-text", "redis-without-places", "cluster")


@pytest.fixture(params=KINDS)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    """One of each kind, empty."""
    made = make_storage(request.param, request, tmp_path)
    made.clear()
    yield made
    made.close()


@pytest.fixture(params=KINDS[2:])
def redis_storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisStorage]:
    """One storage of each kind that keeps its buckets in Redis, empty before and after."""
    made = make_storage(request.param, request, tmp_path)
    assert isinstance(made, RedisStorage)
    made.clear()
    yield made
    made.clear()
    made.close()


def make_storage(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if kind == "memory":
        return MemoryStorage()
    if kind == "file":
        return FileStorage(tmp_path / "buckets.db")
    if kind == "cluster":
        return RedisStorage(port=request.getfixturevalue("cluster").port, prefix="test")
    port = request.getfixturevalue("redis_server").port
    options = {"redis-text": {"decode_responses": True}, "redis-without-places": {"reverse_keys": False}}.get(kind, {})
    return RedisStorage(port=port, prefix="test", **options)


@pytest.fixture(autouse=True)
def silent() -> Iterator[None]:
    """The default of 128 bits and threshold 0.5 warns; this silences it in tests of other things."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="no bands and rows of num_perm")
        yield
