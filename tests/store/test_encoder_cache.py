"""The cache of text vectors on disk: shared by processes, bounded, erased by purge, never a cause of errors."""

from __future__ import annotations

import os
from pathlib import Path

import apsw
import numpy as np
import pytest

import vicinal
from vicinal.errors import InvalidArgument
from vicinal.store.encoder_cache import FILE_NAME, DiskStore
from vicinal.store.files import DiskFiles


class Counting:
    """An encoder that counts the texts that it encodes."""

    name, version, fingerprint, dim = "counting", "1", "counting-1", 4
    texts = 0

    def encode(self, texts: list[str]) -> np.ndarray:
        Counting.texts += len(texts)
        return np.array([[len(text), text.count("a"), 1, text.count(" ")] for text in texts], dtype=np.float32)


def keys(*numbers: int) -> list[bytes]:
    return [number.to_bytes(32, "big") for number in numbers]


@pytest.fixture
def store(tmp_path: Path) -> DiskStore:
    return DiskStore(str(tmp_path / FILE_NAME), DiskFiles(), max_bytes=64)


def test_a_second_run_encodes_nothing_twice(tmp_path: Path) -> None:
    for run in range(2):
        with vicinal.connect(tmp_path, encoder_cache="disk") as database:
            docs = database.collection(f"docs{run}", encoder=Counting())
            before = Counting.texts
            docs.add(texts=["one", "two", "three"])
            encoded = Counting.texts - before
    assert encoded <= 1, "at most the probe text of the new collection"


def test_gives_back_what_was_put(store: DiskStore) -> None:
    vectors = np.arange(8, dtype=np.float32).reshape(2, 4)
    store.put_many(keys(1, 2), vectors)
    store.put_many(keys(1), vectors[:1] + 1)
    found = store.get_many(keys(2, 3, 1))
    assert found[1] is None
    np.testing.assert_array_equal(found[0], vectors[1])
    np.testing.assert_array_equal(found[2], vectors[0] + 1)


def test_the_oldest_leave_first(store: DiskStore) -> None:
    for number in range(10):
        store.put_many(keys(number), np.full((1, 4), number, dtype=np.float32))
    there = [vector is not None for vector in store.get_many(keys(*range(10)))]
    assert there == [False] * 6 + [True] * 4, "64 bytes hold four vectors of sixteen"


def test_purge_erases_it(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path, encoder_cache="disk") as database:
        docs = database.collection("docs", encoder="hashing:32")
        docs.add(["a"], texts=["the word to forget"])
        secret = docs.get(["a"], vectors=True)[0].vector
        assert secret is not None
        docs.delete(["a"])
        docs.purge()
        for path in tmp_path.rglob("*"):
            assert not path.is_file() or secret.tobytes() not in path.read_bytes()


def test_so_does_a_purge_by_who_keeps_nothing_on_disk(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path, encoder_cache="disk") as database:
        docs = database.collection("docs", encoder="hashing:32")
        docs.add(["a"], texts=["the word to forget"])
        secret = docs.get(["a"], vectors=True)[0].vector
        docs.delete(["a"])
    assert secret is not None
    with vicinal.connect(tmp_path) as database:
        assert database.collection("docs").purge().complete
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or secret.tobytes() not in path.read_bytes()


def test_a_receipt_says_that_it_could_not_be_erased(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path, encoder_cache="disk") as database:
        docs = database.collection("docs", encoder="hashing:32")
        docs.add(["a"], texts=["the word to forget"])
        reader = apsw.Connection(str(tmp_path / FILE_NAME))
        reader.execute("BEGIN; SELECT * FROM vectors")
        reader.execute("SELECT count(*) FROM vectors").get  # noqa: B018
        receipt = docs.purge()
        reader.close()
        assert not receipt.complete
        assert FILE_NAME in receipt.note
        assert docs.purge().complete


@pytest.mark.parametrize("damage", ["garbage", "flipped"])
def test_a_damaged_file_costs_time_only(tmp_path: Path, store: DiskStore, damage: str) -> None:
    store.put_many(keys(1), np.ones((1, 4), dtype=np.float32))
    store.close()
    path = tmp_path / FILE_NAME
    data = path.read_bytes()
    ones = np.ones(4, dtype=np.float32).tobytes()
    path.write_bytes(b"garbage" * 1000 if damage == "garbage" else data.replace(ones, b"\1" + ones[1:]))
    assert store.get_many(keys(1)) == [None]
    store.put_many(keys(2), np.ones((1, 4), dtype=np.float32))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_opens_its_own(store: DiskStore) -> None:
    store.put_many(keys(1), np.ones((1, 4), dtype=np.float32))
    child = os.fork()
    if child == 0:
        store.put_many(keys(2), np.ones((1, 4), dtype=np.float32))
        os._exit(0 if store.get_many(keys(1))[0] is not None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.get_many(keys(2))[0] is not None


def test_not_in_memory() -> None:
    with pytest.raises(InvalidArgument, match="keeps nothing on disk"):
        vicinal.connect(":memory:", encoder_cache="disk")
    with pytest.raises(InvalidArgument, match="Did you mean 'disk'"):
        vicinal.connect(":memory:", encoder_cache="disc")
