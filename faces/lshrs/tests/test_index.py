"""LSHRS: writing, searching, deleting, saving; with buckets in memory, as test_storage.py tests the other storages."""

from __future__ import annotations

import io
import json
import pickle
import threading
import tracemalloc
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lshrs import LSHRS, MemoryStorage, RedisStorage, Storage
from support.servers import Redis

DIM = 16


def vectors_of(count: int, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)


def made(**settings: Any) -> LSHRS:
    return LSHRS(**{"dim": DIM, "num_bands": 16, "rows_per_band": 4, "storage": MemoryStorage(), **settings})


class Recording(MemoryStorage):
    """Counts what is sent to it, and fails on request."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []
        self.failing = False

    def batch_add(self, operations: Any) -> None:
        if self.failing:
            raise ConnectionError("down")
        self.batches.append(len(operations))
        super().batch_add(operations)


# Bands and rows


def test_bands_and_rows_from_what_is_given() -> None:
    assert repr(LSHRS(768, similarity_threshold=0.7)).startswith(
        "LSHRS(dim=768, num_perm=128, num_bands=16, rows_per_band=8"
    )
    assert made(num_bands=20, rows_per_band=10).stats()["num_perm"] == 200
    assert LSHRS(8, num_perm=64, num_bands=16).stats()["rows_per_band"] == 4
    assert LSHRS(8, num_perm=64, rows_per_band=2).stats()["num_bands"] == 32
    assert LSHRS(8, strategy="least_error").num_bands == 32
    with pytest.raises(ValueError, match=r"num_bands .* rows_per_band must equal num_perm"):
        LSHRS(8, num_perm=10, num_bands=3, rows_per_band=3)
    with pytest.raises(ValueError, match="does not divide"):
        LSHRS(8, num_perm=10, num_bands=3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dim": 0}, "dimensionality.*greater than zero"),
        ({"num_perm": 0, "num_bands": None, "rows_per_band": None}, "num_perm must be greater than zero"),
        ({"buffer_size": 0}, "buffer_size must be greater than zero"),
        ({"similarity_threshold": 7}, "between 0 and 1"),
        ({"num_perm": 10**9, "num_bands": None, "rows_per_band": None}, "num_perm must be at most"),
        ({"dim": 10**7, "num_bands": 100, "rows_per_band": 100}, "projections of 373 GiB"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(**settings)


@pytest.mark.parametrize("settings", [{"dim": "16"}, {"num_bands": 1.5}, {"storage": 5}, {"buffer_size": True}])
def test_settings_of_other_types(settings: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="must be"):
        made(**settings)


# Writing


def test_ingest_waits_until_the_buffer_is_full() -> None:
    storage = Recording()
    lsh = made(storage=storage, buffer_size=40)
    for index, vector in enumerate(vectors_of(5)):
        lsh.ingest(index, vector)
    assert storage.batches == [48]
    assert lsh.stats()["buffered_operations"] == 32
    lsh.flush()
    lsh._flush_buffer()
    assert storage.batches == [48, 32]


def test_index_validates_everything_before_it_sends_anything() -> None:
    storage = Recording()
    lsh = made(storage=storage)
    vectors = vectors_of(3)
    for indices, given, message in (
        ([1, 2], vectors, "does not match"),
        ([1, 2, 3], vectors[:, :5], "shape"),
        ([1, 2, -3], vectors, "non-negative"),
        ([1, 2, 3], np.vstack([vectors[:2], np.zeros(DIM)]), "Cannot index zero vector: vector 2"),
        ([1, 2, 3], np.vstack([vectors[:2], np.full(DIM, np.nan)]), "vector 2 has a component that is not finite"),
    ):
        with pytest.raises(ValueError, match=message):
            lsh.index(indices, given)
    for bad in ([1.5, 2, 3], ["a", 2, 3], [True, 2, 3]):
        with pytest.raises(TypeError, match="index must be an integer"):
            lsh.index(bad, vectors)
    assert (storage.batches, len(lsh._buffer)) == ([], 0)
    lsh.index([], None)
    lsh.index(np.array([1, 2, 3]), vectors)
    assert sum(storage.batches) == 48


def test_ingest_refuses_what_cannot_be_hashed() -> None:
    lsh = made()
    for vector, message in ((np.ones(3), "dimension"), (np.full(DIM, 1e-9), "Cannot index zero vector")):
        with pytest.raises(ValueError, match=message):
            lsh.ingest(1, vector)
        with pytest.raises(ValueError, match=message):
            lsh.query(vector)
    with pytest.raises(ValueError, match="non-negative"):
        lsh.ingest(-1, np.ones(DIM))


def test_index_asks_for_vectors_that_are_not_given() -> None:
    vectors = vectors_of(9)
    with pytest.raises(RuntimeError, match="vector_fetch_fn"):
        made().index([1])
    lsh = made(vector_fetch_fn=lambda indices: vectors[indices])
    lsh.index([4, 7])
    assert lsh.get_top_k(vectors[7], 1) == [7]


def test_what_failed_to_be_sent_is_sent_later_and_in_order(caplog: pytest.LogCaptureFixture) -> None:
    storage = Recording()
    lsh = made(storage=storage)
    vectors = vectors_of(3)
    storage.failing = True
    with pytest.raises(ConnectionError):
        lsh.index([0, 1], vectors[:2])
    assert "32 wait again" in caplog.text
    lsh.ingest(2, vectors[2])
    storage.failing = False
    assert [index for _, _, index in lsh._buffer] == [0] * 16 + [1] * 16 + [2] * 16
    lsh.flush()
    assert [lsh.get_top_k(vector, 1) for vector in vectors] == [[0], [1], [2]]


def test_threads_may_ingest_and_flush_at_once() -> None:
    storage = Recording()
    lsh = made(storage=storage, buffer_size=100)
    vectors = vectors_of(400)
    workers = [
        threading.Thread(target=lambda part=part: [lsh.ingest(i, vectors[i]) for i in range(part, 400, 8)])
        for part in range(8)
    ] + [threading.Thread(target=lambda: [lsh.flush() for _ in range(50)]) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    lsh.flush()
    assert sum(storage.batches) == 400 * 16


# Reading


def test_candidates_are_those_of_a_plain_count() -> None:
    vectors = vectors_of(200)
    lsh = made()
    lsh.index(range(200), vectors)
    hashes = lsh._hasher.hash_batch(vectors)
    for row in range(0, 200, 17):
        counts = Counter({index: sum(a == b for a, b in zip(hashes[row], other)) for index, other in enumerate(hashes)})
        expected = sorted((i for i in counts if counts[i]), key=lambda i: (-counts[i], i))
        assert lsh.query(vectors[row], topk=None) == expected
        assert lsh.get_top_k(vectors[row], topk=7) == lsh.query(vectors[row], top_k=7) == expected[:7]
        assert expected[0] == row


def test_reranking_takes_a_share_of_the_candidates() -> None:
    vectors = np.eye(DIM, dtype=np.float32)[[0, 0, 0, 0]] + 0.01 * vectors_of(4)
    asked: list[list[int]] = []

    def fetch(indices: list[int]) -> Any:
        asked.append(indices)
        return vectors[indices]

    lsh = made(num_bands=32, rows_per_band=1, vector_fetch_fn=fetch)
    lsh.index(range(4), vectors)
    query = vectors[2]
    exact = vectors @ query / np.linalg.norm(vectors, axis=1) / np.linalg.norm(query)
    for share, count in ((0.01, 1), (0.25, 1), (0.5, 2), (0.75, 3), (1.0, 4)):
        found = lsh.query(query, topp=share, topk=100)
        assert [index for index, _ in found] == np.argsort(-exact)[:count].tolist()
        assert [cosine for _, cosine in found] == pytest.approx(np.sort(exact)[::-1][:count], abs=1e-6)
        assert found == lsh.get_above_p(query, p=share)
    assert all(sorted(indices) == [0, 1, 2, 3] for indices in asked)
    assert len(lsh.query(query, top_p=1.0, top_k=2)) == 2
    vectors[3] = 0
    assert lsh.get_above_p(query, 1.0)[-1] == (3, 0.0)


def test_errors_of_queries() -> None:
    lsh = made()
    assert lsh.query(np.ones(DIM), topk=0, topp=7) == []  # nothing to find, nothing to check
    with pytest.raises(ValueError, match=r"one vector of dimension 16 .* \(4, 4\)"):
        lsh.query(np.ones((4, 4)))
    assert lsh.query(np.ones((1, DIM))) == []
    lsh.ingest(1, np.ones(DIM))
    with pytest.raises(ValueError, match="top_k must be greater than zero"):
        lsh.query(np.ones(DIM), topk=0)
    with pytest.raises(TypeError, match="top_k must be an integer"):
        lsh.query(np.ones(DIM), topk=1.5)  # type: ignore[arg-type]
    for share in (0, 1.5, -1):
        with pytest.raises(ValueError, match="top_p must be within"):
            lsh.get_above_p(np.ones(DIM), share)
    with pytest.raises(RuntimeError, match="vector_fetch_fn"):
        lsh.get_above_p(np.ones(DIM), 0.5)
    with pytest.raises(TypeError, match="mean the same"):
        lsh.query(np.ones(DIM), topk=1, top_k=1)
    lsh._vector_fetch_fn = lambda indices: np.ones((2, DIM))
    with pytest.raises(ValueError, match=r"shape \(2, 16\) for 1 indices"):
        lsh.get_above_p(np.ones(DIM), 0.5)


def test_a_storage_with_only_the_documents_methods_serves(redis_server: Redis) -> None:
    class OldStandIn(RedisStorage):
        def __init__(self) -> None:
            self.buckets: dict[Any, set[int]] = {}

        def batch_add(self, operations: Any) -> None:
            for band, signature, index in operations:
                self.buckets.setdefault((band, signature), set()).add(index)

        def get_bucket(self, band_id: int, signature: bytes) -> set[int]:
            return self.buckets.get((band_id, signature), set())

        def remove_indices(self, indices: Any) -> None:
            for bucket in self.buckets.values():
                bucket.difference_update(indices)

        def clear(self) -> None:
            self.buckets.clear()

        def close(self) -> None:
            pass

    vectors = vectors_of(5)
    with made(storage=OldStandIn()) as lsh:
        lsh.index(range(5), vectors)
        assert lsh.get_top_k(vectors[3], 1) == [3]


# Deleting


def test_deleted_indices_are_found_by_nobody(storage: Storage) -> None:
    vectors = vectors_of(6)
    lsh = made(storage=storage)
    lsh.index(range(5), vectors[:5])
    lsh.ingest(5, vectors[5])
    lsh.delete(5)  # while it waits in the buffer
    lsh.delete([1, np.int64(3)])
    lsh.delete(np.array([0]))
    lsh.delete([])
    assert sorted({index for vector in vectors for index in lsh.query(vector, topk=None)}) == [2, 4]
    lsh.clear()
    assert lsh.query(vectors[2], topk=None) == []
    lsh.ingest(1, vectors[1])
    assert lsh.get_top_k(vectors[1]) == [1]


# Saving


def test_saving_and_loading(tmp_path: Path) -> None:
    storage = MemoryStorage()
    lsh = made(storage=storage, redis_password="secret", redis_host="here", redis_max_connections=7, seed=9)
    vectors = vectors_of(4)
    lsh.index(range(4), vectors)
    path = tmp_path / "deep" / "my.lsh"
    lsh.save_to_disk(str(path))
    lsh.save_to_disk(path)  # again
    assert sorted(file.name for file in path.iterdir()) == ["metadata.json", "projections.npz"]
    assert b"secret" not in b"".join(file.read_bytes() for file in path.iterdir())
    assert json.loads((path / "metadata.json").read_text())["redis_config"]["password"] == "<REDACTED>"
    again = LSHRS.load_from_disk(path, storage=storage, redis_host="new-host", buffer_size=5)
    assert all((a == b).all() for a, b in zip(again._hasher.projections, lsh._hasher.projections))
    assert again.get_top_k(vectors[2], 1) == [2]
    assert again._redis_config == {**lsh._redis_config, "host": "new-host", "password": None}
    assert again.stats() == {**lsh.stats(), "buffer_size": 5}
    by_dict = LSHRS.load_from_disk(path, redis_config={"port": 7}, redis_prefix="p", vector_fetch_fn=len)
    assert (by_dict._storage.port, by_dict._storage.prefix, by_dict._vector_fetch_fn) == (7, "p", len)  # type: ignore[attr-defined]
    for wrong in ({"dim": 3}, {"seed": 1}, {"num_bands": 2}):
        with pytest.raises(TypeError, match="cannot override"):
            LSHRS.load_from_disk(path, **wrong)


def test_what_is_not_a_saved_index_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(FileExistsError):
        made().save_to_disk(file)
    with pytest.raises(NotADirectoryError):
        LSHRS.load_from_disk(file)
    with pytest.raises(FileNotFoundError):
        LSHRS.load_from_disk(tmp_path / "nothing")


@pytest.mark.parametrize("name", ["metadata.json", "projections.npz"])
def test_damaged_files_are_named(tmp_path: Path, name: str) -> None:
    made().save_to_disk(tmp_path / "lsh")
    file = tmp_path / "lsh" / name
    whole = file.read_bytes()
    changes = {b'"dim": 16': b'"dim": 17', b'"num_perm": 64': b'"num_perm": 32', b'"seed": 42': b'"seed": NaN'}
    changes[b'"similarity_threshold": 0.5'] = b'"similarity_threshold": null'
    changes[b'"version": 1'] = b'"version": 99'
    changed = [whole.replace(old, new) for old, new in changes.items()]
    for damaged in (b"", whole[: len(whole) // 2], b"\x80\x04" + whole, *changed):
        if damaged == whole:
            continue
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"damaged|newer version"):
            LSHRS.load_from_disk(tmp_path / "lsh")


@pytest.mark.parametrize(
    ("name", "value"),
    [("unix_socket_path", "/tmp/other"), ("ssl", False), ("host", 5), ("port", "6379"), ("db", True), ("password", 1)],
)
def test_settings_of_redis_that_are_none_are_refused(tmp_path: Path, name: str, value: Any) -> None:
    made().save_to_disk(tmp_path / "lsh")
    file = tmp_path / "lsh" / "metadata.json"
    metadata = json.loads(file.read_text())
    metadata["redis_config"][name] = value
    file.write_text(json.dumps(metadata))
    with pytest.raises(ValueError, match=f"damaged.*{name}"):
        LSHRS.load_from_disk(tmp_path / "lsh")


def test_no_pickle_is_loaded(tmp_path: Path) -> None:
    made().save_to_disk(tmp_path / "lsh")
    np.savez(tmp_path / "lsh" / "projections.npz", *[np.array([{}], object)] * 16)
    with pytest.raises(ValueError, match="damaged"):
        LSHRS.load_from_disk(tmp_path / "lsh")


@pytest.mark.parametrize("matrix", [np.zeros((4, DIM)), np.full((4, DIM), np.nan), np.ones((4, DIM + 1))])
def test_projections_that_hash_nothing_are_refused(tmp_path: Path, matrix: Any) -> None:
    made().save_to_disk(tmp_path / "lsh")
    np.savez(tmp_path / "lsh" / "projections.npz", *[matrix.astype(np.float32)] * 16)
    with pytest.raises(ValueError, match="damaged"):
        LSHRS.load_from_disk(tmp_path / "lsh")


def test_a_header_that_lies_about_its_size_allocates_nothing(tmp_path: Path) -> None:
    made().save_to_disk(tmp_path / "lsh")
    octets = io.BytesIO()
    np.save(octets, np.ones((4, DIM), np.float32))
    lie = octets.getvalue().replace(b"(4, 16), }" + 9 * b" ", b"(4, 10000000000), }")
    with zipfile.ZipFile(tmp_path / "lsh" / "projections.npz", "w") as archive:
        for band in range(16):
            archive.writestr(f"arr_{band}.npy", lie)
    with pytest.raises(ValueError, match=r"damaged.*expected float32"):
        LSHRS.load_from_disk(tmp_path / "lsh")


@pytest.mark.parametrize("sizes", [{"num_bands": 10**9, "rows_per_band": 1}, {"dim": 1 << 40}])
def test_a_configuration_that_lies_about_its_size_allocates_nothing(tmp_path: Path, sizes: dict[str, int]) -> None:
    made().save_to_disk(tmp_path / "lsh")
    file = tmp_path / "lsh" / "metadata.json"
    metadata = json.loads(file.read_text())
    metadata["config"] |= sizes
    metadata["config"]["num_perm"] = metadata["config"]["num_bands"] * metadata["config"]["rows_per_band"]
    file.write_text(json.dumps(metadata))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="damaged"):
            LSHRS.load_from_disk(tmp_path / "lsh")
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_clearing_forgets_what_cannot_be_sent() -> None:
    storage = Recording()
    lsh = made(storage=storage)
    storage.failing = True
    lsh.ingest(1, np.ones(DIM))
    lsh.clear()
    storage.failing = False
    assert lsh.query(np.ones(DIM)) == []


def test_a_pickled_index_has_projections_and_no_password() -> None:
    lsh = made(redis_password="secret", redis_port=1234)
    data = pickle.dumps(lsh)
    assert b"secret" not in data
    again = pickle.loads(data)
    assert isinstance(again._storage, RedisStorage)
    assert again._storage.port == 1234
    assert (again._hasher.projections[3] == lsh._hasher.projections[3]).all()


def test_leaving_the_block_sends_what_waits_and_closes() -> None:
    storage = Recording()
    with made(storage=storage) as lsh:
        lsh.ingest(1, np.ones(DIM))
    assert storage.batches == [16]
    stats = lsh.stats()
    assert (stats["dim"], stats["dimension"], stats["num_bands"], stats["redis_prefix"]) == (DIM, DIM, 16, "lsh")
