"""The same tests for every storage, and those for features of Redis alone."""

from __future__ import annotations

import pickle
import random
import subprocess
import sys
import threading
from pathlib import Path

import apsw
import numpy as np
import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lshrs import LSHRS, BucketOperation, FileStorage, MemoryStorage, RedisStorage, Storage
from support.servers import Cluster, Redis, free_port

A, B = b"\x0a\xff", b"\x00\x01"


def test_what_is_added_is_in_its_bucket_and_in_no_other(storage: Storage) -> None:
    storage.add_to_bucket(3, A, 7)
    storage.batch_add([BucketOperation(3, A, 8), (3, B, 9), (4, A, 10)])
    assert storage.get_bucket(3, A) == {7, 8}
    assert storage.get_buckets([(4, A), (3, B), (5, A), (3, A)]) == [{10}, {9}, set(), {7, 8}]
    storage.batch_add([])
    storage.add_signatures([], np.empty((0, 2, 1), np.uint8))


def test_signatures_are_operations_of_every_band(storage: Storage) -> None:
    signatures = np.arange(12, dtype=np.uint8).reshape(2, 3, 2)
    storage.add_signatures([5, 2**53], signatures)
    assert storage.get_bucket(0, b"\x00\x01") == {5}
    assert storage.get_bucket(2, b"\x0a\x0b") == {2**53}


def test_removing_takes_an_index_out_of_all_buckets(storage: Storage) -> None:
    storage.batch_add([(band, signature, index) for band in range(4) for signature in (A, B) for index in (1, 2, 3)])
    storage.batch_add([(0, b"\x77", 1)])  # once more, elsewhere
    storage.remove_indices([1, 3, 99])
    storage.remove_indices([])
    assert [storage.get_bucket(band, A) for band in range(4)] == [{2}] * 4
    assert storage.get_bucket(0, b"\x77") == set()
    storage.batch_add([(0, A, 1)])
    assert storage.get_bucket(0, A) == {1, 2}


def test_clearing_leaves_nothing(storage: Storage) -> None:
    storage.add_signatures(range(50), np.random.default_rng(0).integers(0, 256, (50, 4, 2), np.uint8))
    storage.clear()
    assert storage.get_buckets([(0, A), (1, B)]) == [set(), set()]
    storage.clear()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from("adr"), st.integers(0, 5), st.integers(0, 2)), max_size=25))
def test_any_history_gives_what_sets_in_memory_give(storage: Storage, steps: list[tuple[str, int, int]]) -> None:
    storage.clear()
    model: dict[tuple[int, bytes], set[int]] = {}
    for kind, index, band in steps:
        if kind == "r":
            storage.remove_indices([index])
            for bucket in model.values():
                bucket.discard(index)
            continue
        signature = bytes([index % 2, band])
        storage.add_to_bucket(band, signature, index)
        model.setdefault((band, signature), set()).add(index)
    for place in [(band, bytes([odd, band])) for band in range(3) for odd in range(2)]:
        assert storage.get_bucket(*place) == model.get(place, set())


def test_threads_lose_nothing(storage: Storage) -> None:
    def add(number: int) -> None:
        for index in range(number, 200, 4):
            storage.batch_add([(0, A, index), (1, bytes([index % 3]), index)])

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert storage.get_bucket(0, A) == set(range(200))


# Files


def test_a_file_survives_kill_9_and_serves_two_processes(tmp_path: Path) -> None:
    path = tmp_path / "buckets.db"
    program = (
        "import os, sys; from lshrs import FileStorage; s = FileStorage(sys.argv[1]);"
        "s.batch_add([(0, b'a', 1)]); print('added', flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False)
    assert done.stdout == "added\n", done.stderr
    one, two = FileStorage(path), FileStorage(path)
    two.add_to_bucket(0, b"a", 2)
    assert one.get_bucket(0, b"a") == {1, 2}


# Redis


@pytest.fixture
def plain(redis_server: Redis) -> RedisStorage:
    made = RedisStorage(port=redis_server.port, prefix="plain")
    made.clear()
    return made


def test_keys_are_those_of_the_original(plain: RedisStorage) -> None:
    plain.add_to_bucket(3, b"\x0a\xff", 42)
    assert plain.bucket_key(3, b"\x0a\xff") == "plain:3:bucket:0aff"
    assert plain.client.smembers("plain:3:bucket:0aff") == {b"42"}
    assert plain.client.type("plain:3:bucket:0aff") == b"set"


def test_packed_and_piped_commands_store_the_same(redis_server: Redis) -> None:
    signatures = np.random.default_rng(1).integers(0, 256, (300, 5, 3), np.uint8)
    found = []
    for prefix, send in (("packed", RedisStorage.add_signatures), ("piped", Storage.add_signatures)):
        storage = RedisStorage(port=redis_server.port, prefix=prefix)
        storage.clear()
        send(storage, list(range(300)), signatures)
        keys = sorted(storage.client.scan_iter(f"{prefix}:*"))
        found.append({key.split(b":", 1)[1]: storage.client.smembers(key) for key in keys})
        storage.close()
    assert found[0] == found[1]
    assert len(found[0]) > 300


def test_what_the_original_wrote_is_removed_too(plain: RedisStorage) -> None:
    plain.client.sadd("plain:0:bucket:aa", 1, 2)
    plain.remove_indices([1])
    assert plain.get_bucket(0, b"\xaa") == {2}


def test_removing_with_places_does_not_look_into_other_buckets(
    plain: RedisStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain.add_signatures([1, 2], np.zeros((2, 2, 1), np.uint8))
    monkeypatch.setattr(plain, "_scan", lambda pattern: pytest.fail("scanned"))
    plain.remove_indices([1])
    assert plain.get_bucket(0, b"\x00") == {2}
    assert not plain.client.exists("plain:places:1")


@pytest.mark.parametrize("prefix", ["a*", "a?", "a[b]", "a\\", "a-b", "ä", "{t}"])
def test_a_prefix_is_never_a_pattern(redis_server: Redis, prefix: str) -> None:
    mine, other = RedisStorage(port=redis_server.port, prefix=prefix), RedisStorage(port=redis_server.port, prefix="ab")
    other.add_to_bucket(0, A, 1)
    mine.add_to_bucket(0, A, 2)
    mine.clear()
    assert (mine.get_bucket(0, A), other.get_bucket(0, A)) == (set(), {1})


@pytest.mark.parametrize("prefix", ["a:b", "", 5])
def test_a_prefix_with_a_colon_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="without a colon"):
        RedisStorage(prefix=prefix)
    with pytest.raises(ValueError, match="port must be"):
        RedisStorage(port="abc")  # type: ignore[arg-type]


def test_a_file_that_is_something_else_is_named(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("no buckets here, and long enough to be looked at" * 50)
    with pytest.raises(apsw.NotADBError) as caught:
        FileStorage(tmp_path / "other")
    assert any("other" in note for note in caught.value.__notes__)


def test_errors_of_redis_pass_through_with_a_note() -> None:
    nowhere = RedisStorage(port=1, prefix="lsh")
    with pytest.raises(redis.ConnectionError) as caught:
        nowhere.get_bucket(0, A)
    assert any("reading lsh:0:bucket:0aff at localhost:1" in note for note in caught.value.__notes__)
    with pytest.raises(redis.ConnectionError):
        nowhere.add_signatures([1], np.zeros((1, 1, 1), np.uint8))


def test_a_wrong_type_is_said_once_all_replies_are_read(plain: RedisStorage) -> None:
    plain.client.set("plain:0:bucket:00", "text")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        plain.add_signatures([1, 2], np.zeros((2, 2, 1), np.uint8))
    assert plain.get_bucket(1, b"\x00") == {1, 2}  # the connection still works


def test_a_key_of_another_kind_blocks_nothing_but_its_bucket(plain: RedisStorage) -> None:
    lsh = LSHRS(4, num_bands=2, rows_per_band=4, storage=plain)
    vectors = np.eye(4, dtype=np.float32)
    key = plain.bucket_key(0, lsh._hasher.hash_vector(vectors[0])[0])
    plain.client.set(key, "text")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        lsh.index([7], vectors[:1])
    assert len(lsh._buffer) == 0
    lsh.index([8], vectors[1:2])
    lsh.clear()
    lsh.index([7], vectors[:1])
    assert lsh.get_top_k(vectors[0]) == [7]
    plain.client.sadd(key, "abc")
    with pytest.raises(ValueError, match=r"plain:0:bucket:.*no indices"):
        lsh.get_top_k(vectors[0])


def test_such_a_key_keeps_nothing_else_of_a_large_batch_out(redis_storage: RedisStorage) -> None:
    """A batch that is sent in several parts, with the key in the first."""
    with LSHRS(4, num_bands=8, rows_per_band=8, storage=redis_storage, buffer_size=1_000_000) as lsh:
        vectors = np.random.default_rng(7).standard_normal((3_000, 4)).astype(np.float32)
        key = redis_storage.bucket_key(0, lsh._hasher.hash_vector(vectors[0])[0])
        redis_storage._connected().set(key, "text")
        for index, vector in enumerate(vectors):
            lsh.ingest(index, vector)
        with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
            lsh.flush()
        assert len(lsh._buffer) == 0
        for index in range(0, 3_000, 100):
            places = list(enumerate(lsh._hasher.hash_vector(vectors[index])))[1:]
            assert all(index in bucket for bucket in redis_storage.get_buckets(places))
        lsh.index([5_000], vectors[:1] * -1)  # in no bucket of the first


def test_a_password_is_asked_for_and_taken() -> None:
    with Redis("--requirepass", "secret") as server:
        with pytest.raises(redis.AuthenticationError):
            RedisStorage(port=server.port).get_bucket(0, A)
        storage = RedisStorage(port=server.port, password="secret")
        storage.add_to_bucket(0, A, 1)
        assert storage.get_bucket(0, A) == {1}
        assert "secret" not in repr(storage)


def test_tls(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    options = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", certificate]
    server = Redis(*map(str, options), "--tls-auth-clients", "no")
    secure = free_port()
    server.options += ("--tls-port", str(secure))
    with server:
        storage = RedisStorage(port=secure, ssl=True, ssl_ca_certs=str(certificate))
        storage.add_signatures([1], np.zeros((1, 1, 1), np.uint8))
        assert storage.get_bucket(0, b"\x00") == {1}
        with pytest.raises(redis.ConnectionError):
            RedisStorage(port=secure, ssl=True).get_bucket(0, b"\x00")  # the certificate is not trusted


def test_a_server_that_dies_loses_no_acknowledged_batch() -> None:
    """Killed during indexing: an error that says so, and everything is there for which `index` has returned."""
    vectors = np.random.default_rng(2).standard_normal((3_000, 16)).astype(np.float32)
    with Redis(durable=True) as server, LSHRS(16, num_bands=8, rows_per_band=16, redis_port=server.port) as lsh:
        acknowledged = 0
        killer = threading.Event()
        thread = threading.Thread(target=lambda: (killer.wait(), server.stop()))
        thread.start()
        with pytest.raises(redis.RedisError) as caught:
            for again in range(1_000):  # until the thread has stopped the server
                for start in range(0, 3_000, 500):
                    lsh.index(range(3_000 * again + start, 3_000 * again + start + 500), vectors[start : start + 500])
                    acknowledged = 3_000 * again + start + 500
                    if acknowledged == 2_000:
                        killer.set()
        thread.join()
        notes = " ".join(caught.value.__notes__)
        assert f"localhost:{server.port}" in notes
        assert "sending again is safe" in notes
        assert len(lsh._buffer) == 8 * 500
        server.start()
        with LSHRS(16, num_bands=8, rows_per_band=16, redis_port=server.port) as other:
            for index in range(0, acknowledged, 13):
                signatures = other._hasher.hash_vector(vectors[index % 3_000])
                assert all(index in bucket for bucket in other._storage.get_buckets(list(enumerate(signatures))))
            before = {key: other._storage.client.smembers(key) for key in other._storage.client.scan_iter("lsh:*")}
            other.index(range(2_000), vectors[:2_000])  # what is there already, once more
            for key, members in before.items():
                assert other._storage.client.smembers(key) == members
        lsh.flush()
        assert all(
            acknowledged + row in lsh.query(vectors[(acknowledged + row) % 3_000], topk=None) for row in range(500)
        )
        lsh.delete(range(acknowledged + 500))
        assert next(lsh._storage.client.scan_iter("lsh:*"), None) is None


# Redis Cluster


def test_a_cluster_is_recognised_and_used_on_all_nodes(cluster: Cluster) -> None:
    storage = RedisStorage(port=cluster.ports[2], prefix="spread")
    storage.clear()
    storage.add_signatures(range(100), np.random.default_rng(3).integers(0, 256, (100, 8, 2), np.uint8))
    sizes = [int(cluster.cli("-p", str(port), "dbsize")) for port in cluster.ports]
    assert min(sizes) > 100
    storage.clear()


def test_a_cluster_has_only_database_0(cluster: Cluster) -> None:
    with pytest.raises(ValueError, match="only database 0"):
        RedisStorage(db=1, cluster=True)
    with pytest.raises(ValueError, match="database 0, got db=1"):
        RedisStorage(port=cluster.port, db=1).get_bucket(0, A)


def test_braces_in_a_prefix_are_warned_of(cluster: Cluster) -> None:
    with pytest.warns(RuntimeWarning, match="braces"):
        RedisStorage(port=cluster.port, prefix="{t}").get_bucket(0, A)


def test_nothing_is_lost_while_slots_move(cluster: Cluster) -> None:
    storage = RedisStorage(port=cluster.port, prefix="moving")
    storage.clear()
    signatures = np.random.default_rng(4).integers(0, 256, (3_000, 4, 2), np.uint8)
    moving = threading.Thread(target=cluster.reshard, args=(400,))
    moving.start()
    for start in range(0, 3_000, 100):
        storage.add_signatures(range(start, start + 100), signatures[start : start + 100])
    moving.join()
    places = [(band, signatures[index, band].tobytes()) for index in range(3_000) for band in range(4)]
    for (index, _), bucket in zip(((i, b) for i in range(3_000) for b in range(4)), storage.get_buckets(places)):
        assert index in bucket
    storage.remove_indices(range(3_000))
    assert not any(storage.get_buckets(random.Random(5).sample(places, 500)))


def test_an_index_that_a_file_cannot_keep_is_refused(tmp_path: Path) -> None:
    """Otherwise it would wait forever, and block every query."""
    with LSHRS(4, num_bands=2, rows_per_band=4, storage=FileStorage(tmp_path / "buckets.db")) as lsh:
        for add in (lambda: lsh.ingest(1 << 63, np.ones(4)), lambda: lsh.index([1, 1 << 63], np.ones((2, 4)))):
            with pytest.raises(ValueError, match="at most 9,223,372,036,854,775,807 in FileStorage"):
                add()
        lsh.index([(1 << 63) - 1], np.ones((1, 4)))
        lsh.delete(1 << 64)
        assert lsh.get_top_k(np.ones(4)) == [(1 << 63) - 1]


def test_storages_say_what_they_are(tmp_path: Path) -> None:
    assert repr(MemoryStorage()) == "MemoryStorage(0 indices in 0 buckets)"
    assert repr(RedisStorage(prefix="x")) == "RedisStorage(host='localhost', port=6379, db=0, prefix='x')"
    assert "buckets.db" in repr(FileStorage(tmp_path / "buckets.db"))
    assert pickle.loads(pickle.dumps(BucketOperation(1, b"x", 2))) == (1, b"x", 2)
