"""`VectorDatabase`: storing texts, images and vectors, and querying them."""

from __future__ import annotations

import copy
import threading
import warnings
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyvdb
from pyvdb import DistanceMetric, DocumentType, Metadata, QueryOptions, VectorDatabase
from support.pyvdb import Make, meta, unit


def options(**values: Any) -> QueryOptions:
    made = QueryOptions()
    for name, value in values.items():
        setattr(made, name, value)
    return made


# -- opening


def test_the_constructor_touches_nothing_and_copies_the_config(tmp_path: Path) -> None:
    config = pyvdb.DatabaseConfig()
    config.path, config.dimension, config.text_model_path = str(tmp_path / "deep" / "db"), 8, "hashing"
    db = VectorDatabase(config)
    config.dimension = 9
    assert not db.is_ready()
    assert list(tmp_path.iterdir()) == []
    db.init()
    db.init()
    assert db.is_ready()
    assert db.config().dimension == 8
    assert repr(db) == f"<VectorDatabase {config.path!r}: 0 entries>"


def test_before_init_every_operation_says_so(tmp_path: Path) -> None:
    db = VectorDatabase(pyvdb.DatabaseConfig())
    for call in (db.size, db.all_dates, db.stats, db.sync, db.compact, db.optimize, lambda: db.search("x")):
        with pytest.raises(RuntimeError, match=r"call init\(\) first"):
            call()
    with pytest.raises(RuntimeError, match="no path"):
        db.init()
    assert not db.is_ready()


def test_another_dimension_is_refused_and_both_are_named(make: Make) -> None:
    make()
    with pytest.raises(RuntimeError, match=r"has dimension 8, the configuration says 9"):
        make(dimension=9)


def test_another_metric_or_m_warns_once_and_what_is_stored_stays(make: Make) -> None:
    make(metric=DistanceMetric.L2).add_vector(unit(3), {})
    with pytest.warns(RuntimeWarning, match=r"made with metric DistanceMetric.L2.*hnsw_m 16, not 32") as caught:
        db = make(metric=DistanceMetric.Cosine, hnsw_m=32)
    assert len(caught) == 1
    assert (db.config().metric, db.config().hnsw_m) == (DistanceMetric.L2, 16)
    assert db.query_vector(unit())[0].distance == 3


def test_open_database_restores_what_the_database_was_made_with(make: Make, tmp_path: Path) -> None:
    make(dimension=24, metric=DistanceMetric.DotProduct, hnsw_m=7).add_text("gold", {})
    again = pyvdb.open_database(tmp_path / "db")
    config = again.config()
    assert (config.dimension, config.metric, config.hnsw_m) == (24, DistanceMetric.DotProduct, 7)
    assert again.search("gold")[0].score == pytest.approx(2)  # 1 - distance, and the distance is minus one
    with pytest.raises(RuntimeError, match="there is no database"):
        pyvdb.open_database(str(tmp_path / "nowhere"))
    assert not (tmp_path / "nowhere").exists()


def test_create_gold_standard_db_creates_or_opens(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # which encoder there is depends on the machine
        db = pyvdb.create_gold_standard_db(tmp_path / "db")
    assert db.is_ready()
    assert (db.config().dimension, db.config().metric) == (512, DistanceMetric.Cosine)
    db.add_vector(np.ones(512), {})
    assert len(pyvdb.create_gold_standard_db(str(tmp_path / "db"))) == 1


def test_a_folder_called_memory_is_a_folder(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = pyvdb.DatabaseConfig()
    config.path, config.text_model_path = ":memory:", "hashing"
    VectorDatabase(config).init()
    assert (tmp_path / ":memory:").is_dir()


def test_memory_only_makes_no_file(make: Make, tmp_path: Path) -> None:
    db = make(memory_only=True, path="")
    db.add_text("gold", {})
    db.sync()
    db.remove(db.add_text("silver", {}))
    db.compact()
    assert len(db) == 1
    assert list(tmp_path.iterdir()) == []
    assert len(make(memory_only=True, path="")) == 0


def test_max_elements_is_a_hint(make: Make) -> None:
    db = make(max_elements=2)
    assert db.add_vectors(np.eye(8), {}) == list(range(1, 9))


def test_a_model_path_that_does_not_exist_is_passed_over(make: Make) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        db = make(text_model_path="no/such/model.onnx", vocab_path="no/vocab.txt", dimension=64)
        db.add_text("gold", {})
    assert db.search("gold")[0].score == pytest.approx(1, abs=1e-6)


# -- adding


def test_ids_count_from_one_and_are_never_given_again(make: Make) -> None:
    db = make()
    assert [db.add_text("a", {}), db.add_vector(unit(1), {}), db.add_text("b", {})] == [1, 2, 3]
    for gone in (3, 1):
        db.remove(gone)
    db.compact()
    with pytest.raises(RuntimeError):
        db.add_vector([float("nan")] * 8, {})
    assert make().add_text("c", {}) == 4


def test_metadata_is_stored_as_a_copy_with_the_id(db: VectorDatabase) -> None:
    given = meta(id=99, type=DocumentType.Chart, date="2026-13-99", asset="GOLD", bias="bullish", gold_price=4431.2)
    kept = copy.copy(given)
    id_ = db.add_text("gold", given)
    given.asset = "SILVER"
    found = db.get_metadata(id_)
    kept.id = id_
    assert found == kept
    found.asset = "OTHER"
    assert db.get_metadata(id_) == kept


def test_add_text_in_every_spelling(db: VectorDatabase) -> None:
    journal = meta(type=DocumentType.Journal, date="2026-01-08")
    ids = [
        db.add_text("x", DocumentType.Journal, "2026-01-08"),
        db.add_text("x", type=DocumentType.Journal, date="2026-01-08"),
        db.add_text("x", DocumentType.Journal, date="2026-01-08"),
        db.add_text("x", journal),
        db.add_text(text="x", metadata=journal),
        db.add_text("x", {"type": "journal", "date": "2026-01-08"}),
        db.add_text("x", {"type": "Journal", "date": "2026-01-08", "desk": "metals"}),
    ]
    assert db.find_by_type(DocumentType.Journal) == ids == db.find_by_date("2026-01-08")


@pytest.mark.parametrize(
    "call",
    [
        lambda db: db.add_text("x"),
        lambda db: db.add_text(1, {}),
        lambda db: db.add_text("x", "journal"),
        lambda db: db.add_text("x", "journal", "2026-01-08"),
        lambda db: db.add_text("x", DocumentType.Journal),
        lambda db: db.add_text("x", DocumentType.Journal, 20260108),
        lambda db: db.add_text("x", DocumentType.Journal, type=DocumentType.Chart, date=""),
        lambda db: db.add_text("x", {}, "2026-01-08"),
        lambda db: db.add_text("x", {"type": "diary"}),
        lambda db: db.add_text("x", {"date": None}),
        lambda db: db.add_texts("x", {}),
        lambda db: db.add_texts(["x", 1], {}),
        lambda db: db.add_texts(["x"], None),
        lambda db: db.add_vector("x", {}),
        lambda db: db.add_vector(1.0, {}),
        lambda db: db.add_vector(["a"] * 8, {}),
        lambda db: db.add_vector([1j] * 8, {}),
        lambda db: db.add_vector(unit(1), None),
        lambda db: db.get_vector("1"),
        lambda db: db.get_vector(-1),
        lambda db: db.get_metadata(1.0),
        lambda db: db.find_by_date(None),
        lambda db: db.find_by_type("journal"),
        lambda db: db.remove(-1),
        lambda db: db.search(1),
        lambda db: db.search("x", k=-1),
        lambda db: db.query_text("x", {"k": 3}),
        lambda db: db.add_image(1),
        lambda db: pyvdb.open_database(1),
        lambda db: VectorDatabase({"path": "x"}),
    ],
)
def test_a_wrong_python_type_is_a_type_error_and_changes_nothing(db: VectorDatabase, call: Any) -> None:
    with pytest.raises(TypeError):
        call(db)
    assert len(db) == 0
    assert db.add_vector(unit(1), {}) == 1


def test_vectors_of_any_number_type_and_layout(db: VectorDatabase) -> None:
    wide = np.arange(16, dtype=np.float64)
    for vector, kept in [
        (wide[::2], wide[::2]),
        (np.arange(8, dtype=np.uint8), np.arange(8)),
        ([1, 2, 3, 4, 5, 6, 7, 8], np.arange(1, 9)),
        (np.asfortranarray(np.eye(8))[:, 3], np.eye(8)[3]),
        (np.zeros(8), np.zeros(8)),
    ]:
        found = db.get_vector(db.add_vector(vector, {}))
        assert found.dtype == np.float32
        assert found.tolist() == kept.tolist()
    found[:] = 9
    assert db.get_vector(5).tolist() == [0.0] * 8


NOT_1D = [np.zeros((1, 8)), np.zeros((2, 2, 2)), np.float32(1), [[1.0] * 8], [[1.0], [1.0, 2.0]]]


@pytest.mark.parametrize("wrong", NOT_1D)
def test_what_is_not_1d_is_told(db: VectorDatabase, wrong: Any) -> None:
    for call in (lambda: db.add_vector(wrong, {}), lambda: db.query_vector(wrong)):
        with pytest.raises(RuntimeError, match="Expected 1D array"):
            call()


@pytest.mark.parametrize("wrong", [[1.0] * 7, [], [float("nan")] * 8, [float("inf")] * 8, [1e300] * 8])
def test_wrong_lengths_and_numbers_are_told_and_change_nothing(db: VectorDatabase, wrong: list[float]) -> None:
    with pytest.raises(RuntimeError, match=r"component|empty"):
        db.add_vector(wrong, {})
    assert len(db) == 0


def test_many_at_once_are_one_commit_and_all_or_nothing(db: VectorDatabase) -> None:
    change = db._ready().rows.stats().change
    assert db.add_texts(["a", "b"], [meta(asset="A"), {"asset": "B"}]) == [1, 2]
    assert db.add_vectors(np.eye(8)[:3], meta(asset="V")) == [3, 4, 5]
    assert db._ready().rows.stats().change == change + 2
    assert db.find_by_asset("V") == [3, 4, 5]
    broken = np.eye(8)
    broken[7, 7] = np.inf
    for call in (
        lambda: db.add_vectors(broken, {}),
        lambda: db.add_vectors(np.ones(8), {}),
        lambda: db.add_texts(["a", "b"], [{}]),
        lambda: db.add_texts(["a", "\ud800"], {}),
    ):
        with pytest.raises(RuntimeError):
            call()
    assert len(db) == 5
    assert db.add_texts([], {}) == []


def test_empty_text_is_a_text_too(db: VectorDatabase) -> None:
    assert db.search("", k=3) == []
    assert [result.id for result in db.search("", k=3)] == []
    id_ = db.add_text("", {})
    assert db.search("")[0].id == id_


def test_threads_that_write_without_a_lock_lose_nothing(db: VectorDatabase) -> None:
    def write(number: int) -> None:
        for i in range(20):
            db.add_vector(unit(number, i), {"asset": str(number)})
            db.query_vector(unit(1))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(db) == 80
    assert sorted(id_ for n in range(4) for id_ in db.find_by_asset(str(n))) == list(range(1, 81))


# -- queries


def referee(entries: dict[int, tuple[np.ndarray, Metadata]], query: np.ndarray, metric: DistanceMetric) -> list[Any]:
    """Returns (distance, id) of all entries, nearest first."""
    found = []
    for id_, (vector, _) in entries.items():
        dot = float(vector.astype(np.float64) @ query)
        norms = float(np.linalg.norm(vector) * np.linalg.norm(query))
        distance = {
            DistanceMetric.Cosine: 1 - (dot / norms if norms else 0.0),
            DistanceMetric.L2: float(np.linalg.norm(vector - query)),
            DistanceMetric.DotProduct: -dot,
        }[metric]
        found.append((round(distance, 4), id_))
    return sorted(found)


def passes(m: Metadata, o: QueryOptions) -> bool:
    """The rules of pyvdb's filters, word for word."""
    ranged = o.date_filter is not False
    return (
        (o.type_filter is None or m.type == o.type_filter)
        and (not o.asset_filter or m.asset == o.asset_filter)
        and (not o.bias_filter or m.bias == o.bias_filter)
        and (not isinstance(o.date_filter, str) or not o.date_filter or m.date == o.date_filter)
        and (not ranged or not o.date_from or m.date >= o.date_from)
        and (not ranged or not o.date_to or m.date <= o.date_to)
    )


DATES = ["", "2026-01-01", "2026-01-02", "2026-01-03"]
METADATA = st.builds(
    meta,
    type=st.sampled_from([DocumentType.Journal, DocumentType.Chart]),
    date=st.sampled_from(DATES),
    asset=st.sampled_from(["", "GOLD"]),
    bias=st.sampled_from(["", "BULLISH"]),
)
OPTIONS = st.builds(
    options,
    k=st.integers(0, 30),
    type_filter=st.sampled_from([None, DocumentType.Journal]),
    date_filter=st.sampled_from([None, True, False, "", "2026-01-02"]),
    date_from=st.sampled_from([None, "", "2026-01-02"]),
    date_to=st.sampled_from([None, "", "2026-01-02"]),
    asset_filter=st.sampled_from([None, "", "GOLD"]),
    bias_filter=st.sampled_from([None, "BULLISH"]),
    include_metadata=st.booleans(),
    deduplicate_by_date=st.booleans(),
)
VECTORS = st.lists(st.integers(-3, 3), min_size=8, max_size=8).map(lambda v: np.array(v, dtype=np.float32))


@settings(deadline=None, max_examples=60)
@given(
    metric=st.sampled_from(list(DistanceMetric)),
    rows=st.lists(st.tuples(VECTORS, METADATA), max_size=25),
    removed=st.sets(st.integers(1, 25)),
    asked=st.lists(st.tuples(VECTORS, OPTIONS), min_size=1, max_size=4),
)
def test_queries_are_what_the_referee_says(
    metric: DistanceMetric, rows: list[Any], removed: set[int], asked: list[Any]
) -> None:
    config = pyvdb.DatabaseConfig()
    config.dimension, config.memory_only, config.metric, config.text_model_path = 8, True, metric, "hashing"
    db = VectorDatabase(config)
    db.init()
    entries = {db.add_vector(vector, metadata): (vector, metadata) for vector, metadata in rows}
    for id_ in removed & entries.keys():
        db.remove(id_)
        del entries[id_]
    for query, o in asked:
        ranked = [(distance, id_) for distance, id_ in referee(entries, query, metric) if passes(entries[id_][1], o)]
        if o.deduplicate_by_date:
            dates: set[str] = set()
            ranked = [r for r in ranked if (d := entries[r[1]][1].date) not in dates and not dates.add(d)]
        results = db.query_vector(query, o)
        expected = ranked[: o.k]
        assert [round(r.distance, 4) for r in results] == pytest.approx([r[0] for r in expected], abs=2e-4)
        if len({r[0] for r in ranked}) == len(ranked) and not o.deduplicate_by_date:
            assert [r.id for r in results] == [r[1] for r in expected]
        for result in results:
            assert result.score == 1 - result.distance
            assert (result.metadata is not None) == o.include_metadata
            assert passes(entries[result.id][1], o)
    live = sorted(entries)
    assert db.size() == len(db) == len(live)
    assert db.find_by_asset("GOLD") == [i for i in live if entries[i][1].asset == "GOLD"]
    assert db.find_by_type(DocumentType.Chart) == [i for i in live if entries[i][1].type == DocumentType.Chart]
    assert db.count_by_type(DocumentType.Chart) == len(db.find_by_type(DocumentType.Chart))
    assert db.find_by_date("") == [i for i in live if entries[i][1].date == ""]
    assert db.all_dates() == sorted({entries[i][1].date for i in live} - {""})


def test_equal_distances_come_by_id(db: VectorDatabase) -> None:
    db.add_vectors(np.ones((20, 8)), {})
    assert [result.id for result in db.query_vector(np.ones(8), options(k=7))] == list(range(1, 8))


def test_filters_and_dates_go_before_the_cut(db: VectorDatabase) -> None:
    """A hundred entries of one date are nearer than the ten others."""
    db.add_vectors(np.tile(unit(1), (100, 1)), {"date": "2026-01-01"})
    for day in range(2, 12):
        db.add_vector(unit(1, day), {"date": f"2026-01-{day:02d}", "bias": "BEARISH"})
    o = options(k=10, deduplicate_by_date=True)
    assert [r.metadata.date for r in db.query_vector(unit(1), o)] == [f"2026-01-{day:02d}" for day in range(1, 11)]
    assert len(db.query_vector(unit(1), options(k=10, bias_filter="BEARISH"))) == 10
    assert len(db.query_vector(unit(1), options(k=1000, ef_search=5))) == 110


def test_absent_ids_give_none_and_removed_ones_an_error(db: VectorDatabase) -> None:
    id_ = db.add_text("gold", {"date": "2026-01-08"})
    for absent in (0, 12345, 2**63, 2**64):
        assert db.get_vector(absent) is None
        assert db.get_metadata(absent) is None
        with pytest.raises(RuntimeError, match="there is no entry"):
            db.remove(absent)
    db.remove(id_)
    with pytest.raises(RuntimeError):
        db.remove(id_)
    assert (db.get_vector(id_), db.get_metadata(id_), db.search("gold"), db.find_by_date("2026-01-08")) == (
        None, None, [], [],
    )  # fmt: skip


def test_remove_by_date_counts(db: VectorDatabase) -> None:
    for date in ("2026-01-08", "2026-01-08", "2026-01-09", ""):
        db.add_text("x", {"date": date})
    assert db.remove_by_date("2026-01-08") == 2
    assert db.remove_by_date("2026-01-08") == 0
    assert db.remove_by_date("") == 1
    assert db.all_dates() == ["2026-01-09"]


def test_an_empty_database_answers_everything(db: VectorDatabase) -> None:
    assert db.search("x") == db.query_vector(unit(1)) == db.all_dates() == db.find_by_asset("GOLD") == []
    assert db.query_text("x", options(asset_filter="GOLD", date_from="2026", deduplicate_by_date=True)) == []
    assert db.remove_by_date("2026-01-08") == db.count_by_type(DocumentType.Journal) == len(db) == 0


def test_stats(db: VectorDatabase) -> None:
    db.add_vectors(np.eye(8), {})
    stats = db.stats()
    assert (stats.total_vectors, stats.dimension, stats.metric) == (8, 8, "cosine")
    assert stats.memory_usage_bytes == 8 * 8 * 4
    assert stats.index_size_bytes > 0


def test_the_configuration_names_the_encoder_that_is_used(make: Make, tmp_path: Path) -> None:
    assert make(text_model_path="hashing").config().text_model_path == "hashing"
    for other in ("hashing:64", "minilm", "no/such/model.onnx"):
        assert make(text_model_path=other).config().text_model_path == "hashing:384"
    assert make().config().text_model_path == "hashing"
    assert make("b", text_model_path="hashing:64").config().text_model_path == "hashing:64"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is not there
        told = make("c", text_model_path="no/such/model.onnx").config().text_model_path
    assert make("d", text_model_path=told).config().text_model_path == told != "no/such/model.onnx"


def test_ids_are_found_without_reading_entries(make: Make, tmp_path: Path) -> None:
    """Texts are damaged behind our back: reading them raises an error."""
    db = make()
    ids = db.add_texts([f"text {i}" for i in range(1200)], [meta(date=f"d{i % 2}") for i in range(1200)])
    (path,) = (tmp_path / "db").rglob("records.db")
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE rows SET text = 'another'")
    connection.close()
    assert db.find_by_date("d1") == ids[1::2]
    assert db.find_by_type(DocumentType.Unknown) == ids
    with pytest.raises(RuntimeError, match="checksum"):
        db.get_metadata(ids[1])


def test_errors_speak_of_what_the_caller_gave(make: Make, tmp_path: Path) -> None:
    db, good = make(), unit(1)
    asked = {
        "the vector has 7 components": lambda: db.add_vector(good[:7], {}),
        "vector 1 holds nan as component 7": lambda: db.add_vectors([good, [0.0] * 7 + [np.nan]], {}),
        "vector 0 has 7 components": lambda: db.add_vectors(np.ones((2, 7)), {}),
        "the vector holds inf as component 0": lambda: db.query_vector([1e300] * 8),
        "entry 1 of the call: the text holds": lambda: db.add_texts(["a", "\ud800"], {}),
        "date: the value holds": lambda: db.find_by_date("\ud800"),
        "the query holds a lone surrogate": lambda: db.search("\ud800"),
        "nowhere/out'": lambda: db.export_training_data(tmp_path / "nowhere/out"),
        "directory: ": lambda: db.export_training_data(tmp_path),
        "dimension must be from 1 to 65536": lambda: make("large", dimension=70_000),
    }
    for said, call in asked.items():
        with pytest.raises(RuntimeError) as caught:
            call()
        message = str(caught.value)
        assert said in message
        assert not any(word in message for word in (".part", "row ", "collection", "encoder")), message
    assert len(db) == 0
