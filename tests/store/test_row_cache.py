"""The cache of rows for hits: never above its limit, never with a row that a commit has changed."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import vicinal
from support.children import start
from vicinal.errors import Damaged, InvalidArgument
from vicinal.store import row_cache
from vicinal.store.reading import ChangedMeanwhile, Reader
from vicinal.store.row_cache import RowCache, cache_bytes
from vicinal.store.rows import Row

DIM = 2


def row(slot: int, text: str = "", change: int = 1) -> Row:
    return Row(slot, f"r{slot}", change, None, "given", None, None, text)


def slots(*numbers: int) -> np.ndarray[Any, np.dtype[np.uint32]]:
    return np.array(numbers, np.uint32)


class TestWhatIsKept:
    def test_rows_come_back_until_a_commit_names_their_slot(self) -> None:
        cache = RowCache(1 << 20)
        cache.keep([row(1), row(2), row(3)], 1)
        assert cache.find([1, 2, 3, 4]) == {1: row(1), 2: row(2), 3: row(3)}
        cache.forget(2, slots(1), slots(3))
        assert cache.find([1, 2, 3, 4]) == {2: row(2)}

    def test_what_was_read_before_a_commit_that_names_slots_is_not_kept(self) -> None:
        cache = RowCache(1 << 20)
        cache.forget(5, slots(9), slots())
        cache.keep([row(1)], 4)
        assert cache.find([1]) == {}
        cache.keep([row(1)], 5)
        cache.forget(6, slots(), slots())  # only added rows
        cache.keep([row(2)], 5)
        assert cache.find([1, 2]) == {1: row(1), 2: row(2)}

    def test_all_of_the_rows_or_none(self) -> None:
        cache = RowCache(1 << 20)
        cache.keep([row(1), row(2)], 1)
        assert cache.all_of([2, 1]) == [row(2), row(1)]
        assert cache.all_of([1, 3]) is None

    def test_a_row_that_is_newer_than_what_a_search_sees_is_no_hit(self) -> None:
        cache = RowCache(1 << 20)
        cache.keep([row(1), row(2, change=5)], 5)
        unopened: Any = None
        state: Any = SimpleNamespace(change=4)
        reader = Reader(unopened, state, None, cache)
        assert reader.rows_of_hits([1]) == [row(1)]
        with pytest.raises(ChangedMeanwhile):
            reader.rows_of_hits([1, 2])

    def test_a_new_start_of_the_feed_forgets_everything(self) -> None:
        cache = RowCache(1 << 20)
        cache.keep([row(1)], 1)
        cache.forget_all(7)
        cache.keep([row(2)], 6)
        assert cache.find([1, 2]) == {}

    @given(st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.integers(0, 700)), max_size=60))
    def test_the_least_recently_used_goes_and_the_bytes_are_bounded(self, steps: list[tuple[bool, int, int]]) -> None:
        cache, recent = RowCache(3000), dict[int, Row]()
        for is_read, slot, length in steps:
            if is_read:
                assert cache.find([slot]) == ({slot: recent[slot]} if slot in recent else {})
                if slot in recent:
                    recent[slot] = recent.pop(slot)
            elif slot not in recent:
                recent[slot] = row(slot, "x" * length)
                cache.keep([recent[slot]], 1)
                while sum(map(row_cache._size_of, recent.values())) > 3000:
                    del recent[next(iter(recent))]
        assert cache.find(range(10)) == {slot: recent[slot] for slot in sorted(recent)}

    def test_all_caches_of_a_process_are_bounded_together(self) -> None:
        caches = [RowCache(4000) for _ in range(30)]
        for slot in range(40):
            for cache in caches:
                cache.keep([row(slot, "x" * 300)], 1)
        together = sum(cache.bytes for cache in caches)
        assert 2 * 4000 < together <= row_cache.TOGETHER * 4000
        assert sum(bool(cache.find(range(40))) for cache in caches) > 10  # none uses all the memory

    def test_a_row_larger_than_all_room_pushes_nobody_out(self) -> None:
        cache = RowCache(3000)
        cache.keep([row(1)], 1)
        cache.keep([row(2, "x" * 3000)], 1)
        assert cache.find([1, 2]) == {1: row(1)}

    def test_no_room_keeps_nothing(self) -> None:
        cache = RowCache(0)
        cache.keep([row(1)], 1)
        assert cache.find([1]) == {}


class TestHowMuch:
    def test_by_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("VICINAL_ROW_CACHE_MIB", raising=False)
        assert cache_bytes() == 8 << 20
        monkeypatch.setenv("VICINAL_ROW_CACHE_MIB", "3")
        assert cache_bytes() == 3 << 20

    @pytest.mark.parametrize("value", ["-1", "1.5", "much"])
    def test_something_else_is_refused(self, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VICINAL_ROW_CACHE_MIB", value)
        with pytest.raises(InvalidArgument, match="VICINAL_ROW_CACHE_MIB"):
            cache_bytes()


class TestSearches:
    @pytest.fixture
    def docs(self, tmp_path: Path) -> Iterator[vicinal.Collection]:
        with vicinal.connect(tmp_path / "db") as db:
            yield db.collection("docs", dimension=DIM)

    def test_a_second_search_reads_no_rows(self, docs: vicinal.Collection, monkeypatch: pytest.MonkeyPatch) -> None:
        docs.add(["a", "b"], vectors=[[1, 0], [0, 1]], texts=["one", "two"])
        first = docs.search([1, 0])
        monkeypatch.setattr("vicinal.store.reading.rows_by_slot", pytest.fail)
        assert docs.search([1, 0]) == first

    def test_a_row_is_checked_when_it_comes_in(self, docs: vicinal.Collection, tmp_path: Path) -> None:
        docs.add(["a", "b"], vectors=[[1, 0], [0, 1]], texts=["one", "two"])
        docs.search([1, 0], k=1)
        [file] = (tmp_path / "db").glob("*/g1/vectors.f32")
        with file.open("r+b") as opened:
            opened.seek(DIM * 4)
            opened.write(b"\x01")
        assert docs.search([1, 0], k=1).ids == ["a"]
        with pytest.raises(Damaged, match="'b'"):
            docs.search([1, 0], k=2)

    def test_every_answer_is_of_one_moment_while_others_write(self, docs: vicinal.Collection) -> None:
        """All rows change in one commit, so no result may mix two of them or be older than its call."""
        ids = [f"r{i}" for i in range(20)]
        docs.add(ids, vectors=[[1, i] for i in range(20)], metadata=[{"n": 0}] * 20)
        committed, wrong = [0], list[Any]()

        def look() -> None:
            while committed[0] < 60 and not wrong:
                before = committed[0]
                found = {hit.metadata["n"] for hit in docs.search([1, 0], k=20)}
                if len(found) != 1 or min(found) < before:
                    wrong.append((before, found))

        readers = [threading.Thread(target=look) for _ in range(3)]
        for reader in readers:
            reader.start()
        for n in range(1, 61):
            docs.update(ids, metadata=[{"n": n}] * 20)
            committed[0] = n
        for reader in readers:
            reader.join()
        assert not wrong


CHILD = """
import json
db = vicinal.connect(path)
for line in sys.stdin:
    name, call, arguments = json.loads(line)
    docs = db.collection(name, dimension=2, metric="l2")
    result = getattr(docs, call)(**arguments)
    if call == "search":
        result = [[hit.id, hit.text, hit.metadata] for hit in result]
    print(json.dumps(result), flush=True)
"""


class Other:
    """A process with separate handles on the same database."""

    def __init__(self, path: Path) -> None:
        self.child = start(CHILD, path)

    def call(self, name: str, call: str, arguments: dict[str, Any]) -> Any:
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        print(json.dumps([name, call, arguments]), file=self.child.stdin, flush=True)
        answer = self.child.stdout.readline()
        assert answer, self.child.stderr.read() if self.child.stderr else ""
        return json.loads(answer)


keys = st.sampled_from("abcdef")
steps = st.lists(
    st.tuples(
        st.booleans(),
        st.one_of(
            st.tuples(st.just("upsert"), keys, st.integers(0, 3)),
            st.tuples(st.just("touch"), keys, st.integers(0, 3)),
            st.tuples(st.just("delete"), keys, st.just(0)),
            st.tuples(st.just("search"), keys, st.integers(0, 3)),
            st.tuples(st.just("compact"), keys, st.just(0)),
        ),
    ),
    min_size=1,
    max_size=25,
)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[vicinal.Database, Other]]:
    path = tmp_path_factory.mktemp("two") / "db"
    other = Other(path)
    with vicinal.connect(path) as db:
        yield db, other
    other.child.communicate(timeout=60)


_names = itertools.count()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=steps)
def test_no_process_ever_sees_a_row_that_another_has_changed(
    two: tuple[vicinal.Database, Other], history: list[tuple[bool, tuple[str, str, int]]]
) -> None:
    """Random calls by two processes in turn; after each one, both return what a dict does."""
    db, other = two
    name = f"docs{next(_names)}"
    docs, rows = db.collection(name, dimension=DIM, metric="l2"), dict[str, tuple[list[float], str, dict[str, Any]]]()

    def call(elsewhere: bool, what: str, **arguments: Any) -> Any:
        return other.call(name, what, arguments) if elsewhere else getattr(docs, what)(**arguments)

    for turn, (elsewhere, (what, key, n)) in enumerate(history):
        if what == "upsert":
            rows.pop(key, None)
            rows[key] = ([float(n), 1.0], f"{key}{turn}", {"n": n})
            call(elsewhere, "upsert", ids=[key], vectors=[rows[key][0]], texts=[rows[key][1]], metadata=[{"n": n}])
        elif what == "touch" and key in rows:
            rows[key] = (*rows[key][:2], {"n": turn})
            call(elsewhere, "update", ids=[key], metadata=[{"n": turn}])
        elif what == "delete":
            rows.pop(key, None)
            call(elsewhere, "delete", ids=[key])
        elif what == "compact":
            call(elsewhere, "compact")
        wanted = [float(n), 0.0]
        order = sorted(rows, key=lambda id_: (np.hypot(rows[id_][0][0] - n, 1.0), list(rows).index(id_)))
        expected = [[id_, *rows[id_][1:]] for id_ in order]
        assert [[hit.id, hit.text, hit.metadata] for hit in docs.search(wanted, k=9)] == expected
        assert other.call(name, "search", {"query": wanted, "k": 9}) == expected
