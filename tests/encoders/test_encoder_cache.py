from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from vicinal.encoders import CachedEncoder, HashingEncoder, MemoryStore, as_encoder
from vicinal.errors import InvalidArgument


class Counting:
    """Records its calls; `fingerprint` is that of the model."""

    dim = 2

    def __init__(self, fingerprint="one", value=1.0):
        self.fingerprint = fingerprint
        self.value = value
        self.asked = []

    def encode(self, texts):
        self.asked.append(list(texts))
        return [[self.value, len(text)] for text in texts]


def test_asks_for_each_text_once():
    model = Counting()
    encoder = CachedEncoder(model, MemoryStore())
    first = encoder.encode(["a", "bb", "a"])
    second = encoder.encode(["bb", "ccc"])
    assert model.asked == [["a", "bb"], ["ccc"]]
    assert first.tolist() == [[1, 1], [1, 2], [1, 1]]
    assert second.tolist() == [[1, 2], [1, 3]]


def test_asks_nothing_when_all_is_known():
    model = Counting()
    encoder = CachedEncoder(model, MemoryStore())
    encoder.encode(["a"])
    encoder.encode(["a", "a"])
    assert model.asked == [["a"]]


def test_encoders_with_other_fingerprints_may_share_a_store():
    store = MemoryStore()
    one = CachedEncoder(Counting("one", value=1), store)
    other = CachedEncoder(Counting("other", value=2), store)
    assert one.encode(["text"]).tolist() == [[1, 4]]
    assert other.encode(["text"]).tolist() == [[2, 4]]


def test_fingerprint_and_text_do_not_run_into_each_other():
    store = MemoryStore()
    one = CachedEncoder(Counting("ab", value=1), store)
    other = CachedEncoder(Counting("a", value=2), store)
    one.encode(["c"])
    assert other.encode(["bc"]).tolist() == [[2, 2]]


def test_says_it_is_the_encoder_it_wraps():
    inner = HashingEncoder(8)
    encoder = CachedEncoder(inner, MemoryStore())
    for attribute in ("name", "version", "dim", "fingerprint", "device"):
        assert getattr(encoder, attribute) == getattr(inner, attribute)


def test_refuses_an_encoder_that_cannot_be_told_from_another():
    class Nameless:
        dim = 2

        def encode(self, texts):
            return [[1.0, 0.0] for _ in texts]

    with pytest.raises(InvalidArgument, match=r"declares no fingerprint.*attribute `fingerprint`"):
        CachedEncoder(as_encoder(Nameless()), MemoryStore())


def key(number):
    return number.to_bytes(32, "little")


def rows(*values):
    return np.array([[value] * 4 for value in values], dtype=np.float32)


def test_store_gives_back_in_order_and_none_for_the_unknown():
    store = MemoryStore()
    store.put_many([key(1), key(2)], rows(1, 2))
    found = store.get_many([key(2), key(3), key(1)])
    assert [None if vector is None else vector[0] for vector in found] == [2, None, 1]


def test_store_keeps_its_own_copies():
    store = MemoryStore()
    vectors = rows(1)
    store.put_many([key(1)], vectors)
    vectors[:] = 9
    (kept,) = store.get_many([key(1)])
    assert kept[0] == 1
    assert not kept.flags.writeable
    assert kept.base is None


def room_for(count):
    probe = MemoryStore()
    probe.put_many([key(0)], rows(0))
    return MemoryStore(max_bytes=count * probe.used_bytes)


def test_store_drops_the_least_recently_used():
    store = room_for(2)
    store.put_many([key(1), key(2)], rows(1, 2))
    store.get_many([key(1)])
    store.put_many([key(3)], rows(3))
    assert [vector is not None for vector in store.get_many([key(1), key(2), key(3)])] == [True, False, True]


def test_store_counts_a_replaced_vector_once():
    store = room_for(1)
    for value in range(5):
        store.put_many([key(1)], rows(value))
    assert store.get_many([key(1)])[0][0] == 4
    assert len(store) == 1


def test_store_without_room_keeps_nothing():
    store = MemoryStore(max_bytes=0)
    store.put_many([key(1)], rows(1))
    assert len(store) == store.used_bytes == 0


def test_store_can_be_cleared():
    store = MemoryStore()
    store.put_many([key(1)], rows(1))
    store.clear()
    assert store.get_many([key(1)]) == [None]
    assert store.used_bytes == 0


@pytest.mark.parametrize("size", [-1, 1.5, "64", True])
def test_store_refuses_a_size_that_is_none(size):
    with pytest.raises(InvalidArgument):
        MemoryStore(max_bytes=size)


def test_threads_may_share_a_store():
    store = room_for(20)

    def churn(seed):
        for number in np.random.default_rng(seed).integers(0, 60, 500).tolist():
            (vector,) = store.get_many([key(number)])
            assert vector is None or vector[0] == number
            store.put_many([key(number)], rows(number))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(churn, range(4)))
    assert len(store) == 20
