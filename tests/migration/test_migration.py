"""Collections moved between kinds of databases are the same afterwards, whatever interrupts the move."""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1]))

import vicinal
from support import children
from support.served import VicinalServer
from vicinal.errors import (
    CollectionNotFound,
    Damaged,
    EncoderNotFound,
    InvalidArgument,
    SettingsMismatch,
    StoreError,
    WriterBusy,
)
from vicinal.migration import moving, reading
from vicinal.migration.claim import CLAIM_ID

pytest.importorskip("qdrant_client")

# When a collection is deleted, Qdrant's local mode leaves SQLite's connection to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")

DAY = datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def rows_of(collection: vicinal.Collection) -> list[tuple[Any, ...]]:
    """Returns all data of all rows, in order, with types."""
    return [
        (
            repr(row.id),
            row.text,
            repr(sorted(row.metadata.items())),
            None if row.vector is None else row.vector.tobytes(),
            row.expires_at,
            row.sparse,
        )
        for row in collection.get(vectors=True)
    ]


def filled(collection: vicinal.Collection, count: int, dimension: int = 8) -> vicinal.Collection:
    """Ids of all kinds and in no order; some rows without a text, a vector or metadata."""
    rng = np.random.default_rng(count)
    ids: list[Any] = [i if i % 3 == 0 else f"row {i}" if i % 3 == 1 else uuid.UUID(int=i) for i in range(count)]
    vectors = rng.standard_normal((count, dimension)).astype(np.float32)
    rows = [
        {
            "id": ids[i],
            "text": None if i % 5 == 0 else f"text {i} \x00 ü",
            "vector": None if i % 7 == 0 else vectors[i],
            "metadata": {
                "n": i,
                "f": float(i),
                "b": i % 2 == 0,
                "d": Decimal(i),
                "on": date(2024, 1, 1),
                "l": [None, i],
            },
            "sparse": {i: 0.1} if i % 11 == 0 else None,
            "ttl": DAY if i % 4 == 0 else None,
        }
        for i in rng.permutation(count).tolist()
    ]
    collection.add(rows=rows)
    return collection


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A database with two collections."""
    with vicinal.connect(tmp_path / "data") as db:
        filled(db.collection("docs", language="de", zero_vectors="allow"), 300)
        db.collection("other", metric="l2", index="flat", auto_ids="integer").add(vectors=[[1.0, 2.0]])
    return tmp_path / "data"


@pytest.fixture
def target() -> Iterator[vicinal.Database]:
    with vicinal.connect(":memory:") as db:
        yield db


@pytest.fixture
def shm(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory if possible: Qdrant's local mode syncs after each row."""
    memory = Path("/dev/shm")
    if not memory.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="vicinal-migration-") as made:
        yield Path(made)


# -- the same rows


def test_a_copy_has_the_same_rows_and_settings_and_says_what_it_left(folder: Path, tmp_path: Path) -> None:
    receipt = vicinal.migrate(folder, tmp_path / "copy")
    assert [(one.name, one.rows, one.written, one.compared) for one in receipt.collections] == [
        ("docs", 300, 300, 300),
        ("other", 1, 1, 1),
    ]
    assert receipt.collections[0].neighbours > 5
    assert json.loads(receipt.to_json())["collections"][0]["name"] == "docs"
    with vicinal.connect(folder) as here, vicinal.connect(tmp_path / "copy") as there:
        assert there.collections() == ["docs", "other"]
        for name in here.collections():
            mine, theirs = here.collection(name), there.collection(name, create=False)
            assert rows_of(theirs) == rows_of(mine)
            assert theirs.stats().settings == mine.stats().settings
            assert theirs.stats().metric == mine.stats().metric
            assert CLAIM_ID not in theirs


def test_through_an_engine_and_back(folder: Path, shm: Path) -> None:
    engine = f"qdrant+local://{shm / 'points'}"
    there = vicinal.migrate(folder, engine)
    told = {one.name: " ".join(one.left_behind) for one in there.collections}
    assert "index='flat'" in told["other"]
    assert "auto_ids='integer'" in told["other"]
    assert "index=" not in told["docs"]
    assert "keyword search" in told["docs"]
    vicinal.migrate(engine, shm / "back")
    gc.collect()
    with vicinal.connect(folder) as first, vicinal.connect(shm / "back") as last:
        for name in ("docs", "other"):
            assert rows_of(last.collection(name)) == rows_of(first.collection(name))


@pytest.mark.slow
def test_through_a_server_and_back(folder: Path, tmp_path: Path) -> None:
    """It returns at most this many ids at once."""
    with VicinalServer(rows_max="250") as server:
        vicinal.migrate(folder, server.url, collection="docs")
        receipt = vicinal.migrate(server.url, tmp_path / "back")
    assert [(one.name, one.rows) for one in receipt.collections] == [("docs", 300)]
    with vicinal.connect(folder) as first, vicinal.connect(tmp_path / "back") as last:
        assert rows_of(last.collection("docs")) == rows_of(first.collection("docs"))
        assert last.collection("docs").stats().settings == first.collection("docs").stats().settings


IDS = st.one_of(
    st.text(min_size=1, max_size=5).filter(lambda text: text.isprintable()),
    st.integers(-(2**63), 2**63 - 1),
    st.uuids(),
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=4),
    st.decimals(allow_nan=False, allow_infinity=False), st.dates(), st.datetimes(timezones=st.just(UTC)), st.uuids(),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-(2.0**40), max_value=2.0**40)
ROWS = st.fixed_dictionaries(
    {"id": IDS},
    optional={
        "text": st.text(max_size=6),
        "vector": st.lists(FLOATS, min_size=3, max_size=3),
        "metadata": st.dictionaries(st.text(max_size=4), VALUES, max_size=3),
        "sparse": st.dictionaries(st.integers(0, 2**32 - 2), FLOATS.filter(bool), min_size=1, max_size=3),
        "ttl": st.datetimes(min_value=datetime(2100, 1, 1), max_value=datetime(9000, 1, 1)),
    },
)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(ROWS, max_size=6, unique_by=lambda row: (type(row["id"]), row["id"])), st.sampled_from(["cosine", "l2"])
)
def test_rows_of_every_type(rows: list[dict[str, Any]], metric: Any) -> None:
    with (
        vicinal.connect(":memory:") as first,
        vicinal.connect("qdrant+memory:") as engine,
        vicinal.connect(":memory:") as last,
    ):
        docs = first.collection("docs", metric=metric, zero_vectors="allow")
        docs.add(rows=rows)
        vicinal.migrate(first, engine)
        vicinal.migrate(engine, last)
        assert rows_of(last.collection("docs", create=False)) == rows_of(docs)


# -- stopped on the way

# Kills the process in the middle of its n-th batch: of the points on an engine, the first half is there; of a
# transaction in a folder, nothing.
KILLED = """
from vicinal.distributed.qdrant.engine import Qdrant
from vicinal.store.writing import Transaction

def is_last(rows):
    global left
    left -= len(rows) > 1  # the mark of the migration is a row of its own
    return left == 0 and len(rows) > 1

def put(self, points, rows, put=Qdrant.put):
    if is_last(rows):
        put(self, points, rows[:len(rows) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
    put(self, points, rows)

def append(self, rows, block, append=Transaction.append):
    append(self, rows, block)
    if is_last(rows):
        os.kill(os.getpid(), signal.SIGKILL)

Qdrant.put, Transaction.append = put, append
for batch in map(int, [*sys.argv[3:], 0]):
    child = os.fork()
    if not child:
        left = batch
        print(vicinal.migrate(path, sys.argv[2], sampled=None).collections[0].written, flush=True)
        os._exit(0)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert ended == (-signal.SIGKILL if batch else 0), ended
"""


def killed_and_resumed(source: str, target: str, kills: Sequence[int]) -> int:
    """Returns how many rows the last run wrote; the runs before it were killed, each in a separate process."""
    return int(children.run(KILLED, source, target, *kills, seconds=1800))


def moved_there_and_back(shm: Path, rows: int, kills: Sequence[int]) -> None:
    with vicinal.connect(shm / "data") as db:
        before = rows_of(filled(db.collection("docs"), rows))
    engine = f"qdrant+local://{shm / 'points'}"
    assert 0 < killed_and_resumed(str(shm / "data"), engine, kills) < rows
    assert 0 < killed_and_resumed(engine, str(shm / "back"), kills) < rows
    with vicinal.connect(shm / "back") as db:
        assert rows_of(db.collection("docs", create=False)) == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_killed_twice_on_the_way(shm: Path) -> None:
    moved_there_and_back(shm, 400, (2, 1))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_many_rows_killed_three_times_on_the_way(shm: Path) -> None:
    """The full size is VICINAL_MIGRATED_ROWS=60000: it takes some minutes, since Qdrant's local mode syncs each row."""
    moved_there_and_back(shm, int(os.environ.get("VICINAL_MIGRATED_ROWS", "4000")), (1, 2, 1))


class Stopped(BaseException):
    """Stands in for Ctrl-C."""


def stopped_after(monkeypatch: pytest.MonkeyPatch, batches: int, error: BaseException | None = None) -> None:
    """Interrupts the next migration after this many batches, which are small."""
    monkeypatch.setattr(reading, "_ROWS_MAX", 64)
    advance = moving.Claim.advance
    left = batches

    def counted(self: Any, rows: int, change: int) -> None:
        nonlocal left
        advance(self, rows, change)
        left -= 1
        if left == 0:
            raise Stopped if error is None else error

    monkeypatch.setattr(moving.Claim, "advance", counted)


def test_an_interrupt_leaves_a_state_from_which_the_same_call_goes_on(
    folder: Path, target: vicinal.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stopped_after(patch, 2)
        with pytest.raises(Stopped):
            vicinal.migrate(folder, target, collection="docs")
    assert target.collection("docs").count() == 128 + 1
    preview = vicinal.migrate(folder, target, collection="docs", dry_run=True)
    assert preview.collections[0].written == 300 - 128
    receipt = vicinal.migrate(folder, target, collection="docs")
    assert receipt.collections[0].written == 300 - 128
    with vicinal.connect(folder) as db:
        assert rows_of(target.collection("docs")) == rows_of(db.collection("docs"))


def test_what_was_written_to_the_source_since_comes_too(
    folder: Path, target: vicinal.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Migrated rows were changed and deleted before the migration was resumed."""
    with monkeypatch.context() as patch:
        stopped_after(patch, 3)
        with pytest.raises(Stopped):
            vicinal.migrate(folder, target, collection="docs")
    with vicinal.connect(folder) as db:
        docs = db.collection("docs")
        ids = docs.ids()
        docs.update([ids[5]], metadata=[{"n": "another"}])
        docs.delete([ids[100], ids[299]])
        docs.add(["new"], texts=["new"])
        vicinal.migrate(db, target, collection="docs")
        assert rows_of(target.collection("docs")) == rows_of(docs)


def test_a_source_that_is_written_to_meanwhile_is_read_until_both_agree(
    folder: Path, target: vicinal.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vicinal.connect(folder) as db:
        docs = db.collection("docs")
        writes = iter([lambda: docs.add(["new"], texts=["new"]), lambda: docs.delete([docs.ids()[0]])])
        write = moving._write

        def and_then(*args: Any) -> None:
            write(*args)
            next(writes, lambda: None)()

        monkeypatch.setattr(moving, "_write", and_then)
        receipt = vicinal.migrate(db, target, collection="docs")
        assert receipt.collections[0].compared == 300  # all, as the source has changed
        assert rows_of(target.collection("docs")) == rows_of(docs)

        def always(*args: Any) -> None:
            write(*args)
            docs.add([uuid.uuid4()], texts=["new"])

        monkeypatch.setattr(moving, "_write", always)
        with pytest.raises(StoreError, match="is written to while its rows are read"):
            vicinal.migrate(db, target, collection="docs")


def test_rows_that_expire_on_the_way_are_nowhere(target: vicinal.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with vicinal.connect(":memory:") as db:
        docs = db.collection("docs")
        docs.add([1, 2, 3], vectors=[[1.0], [2.0], [3.0]], ttl=[None, 0.2, 0.2])
        write = moving._write

        def and_wait(*args: Any) -> None:
            write(*args)
            while docs.count() > 1:
                pass

        monkeypatch.setattr(moving, "_write", and_wait)
        receipt = vicinal.migrate(db, target)
        assert receipt.rows == 1
        assert target.collection("docs").ids() == [1]


# -- other rows, and other migrations


def test_the_same_rows_are_looked_at_and_not_written_again(folder: Path, target: vicinal.Database) -> None:
    vicinal.migrate(folder, target)
    again = vicinal.migrate(folder, target, sampled=None)
    assert [(one.rows, one.written, one.compared) for one in again.collections] == [(300, 0, 300), (1, 0, 1)]


@pytest.mark.parametrize("change", ["another row", "another text", "another vector", "another order"])
def test_other_rows_are_refused_and_nothing_is_changed(folder: Path, target: vicinal.Database, change: str) -> None:
    vicinal.migrate(folder, target, collection="docs")
    docs = target.collection("docs")
    row = docs.get(vectors=True)[30]
    if change == "another row":
        docs.add(["other"], texts=["other"])
    elif change == "another text":
        docs.update([row.id], texts=["other"])
    elif change == "another vector":
        docs.update([row.id], vectors=[np.nextafter(np.ones(8, np.float32), np.float32(2))])
    else:
        docs.upsert(rows=[row.to_dict()])
    before = rows_of(docs)
    for dry_run in (True, False):
        with pytest.raises(InvalidArgument, match=r"holds other rows, such as .*nothing was changed"):
            vicinal.migrate(folder, target, collection="docs", dry_run=dry_run)
    assert rows_of(docs) == before


def test_the_later_of_two_migrations_goes_on_and_the_other_stops(
    folder: Path, target: vicinal.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_ROWS_MAX", 64)
    upsert, first_is_here, second_is_done = vicinal.Collection.upsert, threading.Event(), threading.Event()
    main = threading.get_ident()

    def held(self: Any, *args: Any, **kwargs: Any) -> Any:
        """The first run waits with its second batch until the other one is done."""
        if threading.get_ident() != main and self.name == "docs" and self.count() > 64:
            first_is_here.set()
            assert second_is_done.wait(60)
        return upsert(self, *args, **kwargs)

    monkeypatch.setattr(vicinal.Collection, "upsert", held)
    errors: list[BaseException] = []

    def run_first() -> None:
        try:
            vicinal.migrate(folder, target, collection="docs")
        except WriterBusy as error:
            errors.append(error)

    first = threading.Thread(target=run_first)
    first.start()
    assert first_is_here.wait(60)
    vicinal.migrate(folder, target, collection="docs")
    second_is_done.set()
    first.join(60)
    assert [error.message for error in errors if isinstance(error, WriterBusy)] == [
        "another migration into collection 'docs' has begun, and this one stopped"
    ]
    # Its last batch may come after those of the other: its changes are noticed, and repaired by the next call at the
    # latest.
    with vicinal.connect(folder) as db:
        assert sorted(rows_of(target.collection("docs"))) == sorted(rows_of(db.collection("docs")))


def test_an_unfinished_target_is_no_target_of_others_and_no_source(
    folder: Path, target: vicinal.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stopped_after(patch, 1)
        with pytest.raises(Stopped):
            vicinal.migrate(folder, target, collection="docs")
    with vicinal.connect(":memory:") as other:
        filled(other.collection("docs", language="de", zero_vectors="allow"), 10)
        with pytest.raises(InvalidArgument, match="is the target of another migration, which has not been finished"):
            vicinal.migrate(other, target)
    with vicinal.connect(":memory:") as third, pytest.raises(InvalidArgument, match="Finish it first"):
        vicinal.migrate(target, third)


@pytest.mark.parametrize("part", ["text", "vector", "metadata", "expiry", "neighbours"])
def test_a_target_that_keeps_something_else_is_found_out_and_mended(
    folder: Path, target: vicinal.Database, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    row_given = moving._row

    def damaged(row: vicinal.Record) -> dict[str, Any]:
        others = {
            "text": {"text": "other"},
            "vector": {} if row.vector is None else {"vector": np.nextafter(row.vector, np.float32(9))},
            "neighbours": {} if row.vector is None else {"vector": row.vector[::-1]},
            "metadata": {"metadata": {**row.metadata, "n": float(row.metadata["n"])}},
            "expiry": {"ttl": DAY + timedelta(microseconds=1)},
        }
        return {**row_given(row), **others[part]}

    with monkeypatch.context() as patch:
        patch.setattr(moving, "_row", damaged)
        with pytest.raises(Damaged, match=f"the {part} of row .* is not what was read"):
            vicinal.migrate(folder, target, collection="docs", sampled=0 if part == "neighbours" else 100)
    vicinal.migrate(folder, target, collection="docs")
    with vicinal.connect(folder) as db:
        assert rows_of(target.collection("docs")) == rows_of(db.collection("docs"))


# -- what cannot be


def test_a_dry_run_makes_nothing(folder: Path, tmp_path: Path) -> None:
    for place in (tmp_path / "copy", f"qdrant+local://{tmp_path / 'points'}"):
        receipt = vicinal.migrate(folder, place, dry_run=True)
        assert (receipt.dry_run, receipt.rows) == (True, 301)
        assert [one.written for one in receipt.collections] == [300, 1]
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert "calls that the target lacks" in receipt.to_json()


def test_places_that_cannot_be(folder: Path, tmp_path: Path, target: vicinal.Database) -> None:
    for source in (tmp_path / "none", f"qdrant+local://{tmp_path / 'none'}"):
        with pytest.raises(InvalidArgument, match="there is no database at"):
            vicinal.migrate(source, target)
    with pytest.raises(InvalidArgument, match="source and target are the same collection 'docs'"):
        vicinal.migrate(folder, folder)
    for memory in (":memory:", "qdrant+memory:"):
        with pytest.raises(InvalidArgument, match="is gone when the call returns"):
            vicinal.migrate(folder, memory)
    with pytest.raises(CollectionNotFound, match=r"no collection 'dosc'. Did you mean 'docs'\?"):
        vicinal.migrate(folder, target, collection="dosc")
    with pytest.raises(CollectionNotFound, match="holds no collection"):
        vicinal.migrate(target, folder)
    with pytest.raises(InvalidArgument, match="api_key= changes nothing"):
        vicinal.migrate(folder, tmp_path / "copy", target_api_key="secret")
    with pytest.raises(InvalidArgument, match="sampled must be a whole number or None, not -1"):
        vicinal.migrate(folder, target, sampled=-1)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert target.collections() == []


def test_a_collection_of_other_settings_is_no_target(folder: Path, target: vicinal.Database) -> None:
    target.collection("docs", metric="l2")
    with pytest.raises(SettingsMismatch, match="metric"):
        vicinal.migrate(folder, target, collection="docs")
    target.drop("docs")
    target.collection("docs", encoder="hashing:8", language="de", zero_vectors="allow")
    with pytest.raises(InvalidArgument, match="encoder"):
        vicinal.migrate(folder, target, collection="docs")


class Mine:
    """An encoder of the program, without a registered name."""

    name, version, dim = "mine", "1", 2

    def encode(self, texts: Sequence[str]) -> Any:
        return np.array([[len(text), 1.0] for text in texts], dtype=np.float32)


def test_encoders_come_along_and_no_text_is_encoded_again(target: vicinal.Database) -> None:
    with vicinal.connect(":memory:") as db:
        db.collection("named", encoder="hashing:16").add(["a"], texts=["one"], vectors=[[1.0] * 16])
        db.collection("mine", encoder=Mine()).add(["a"], texts=["one"])
        vicinal.migrate(db, target, collection="named")
        assert target.collection("named").stats().encoder == "hashing:16"
        assert rows_of(target.collection("named")) == rows_of(db.collection("named"))
        with pytest.raises(EncoderNotFound, match=r"encoder=\.\.\."):
            vicinal.migrate(db, target, collection="mine")
        vicinal.migrate(db, target, collection="mine", encoder=Mine())
        assert target.collection("mine", encoder=Mine()).search("one", k=1).ids == ["a"]
