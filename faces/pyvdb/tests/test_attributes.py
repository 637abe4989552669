"""Enumerations, configurations, options and metadata: names, defaults, types, and the errors that mistakes raise."""

from __future__ import annotations

import copy
import dataclasses
import enum
import pickle
from pathlib import Path

import numpy as np
import pytest

import pyvdb

CONFIGS = [
    pyvdb.DatabaseConfig,
    pyvdb.Metadata,
    pyvdb.QueryOptions,
    pyvdb.IngestConfig,
    pyvdb.LLMConfig,
    pyvdb.GenerationParams,
]

DEFAULTS = {
    "DatabaseConfig": {
        "path": "", "dimension": 512, "metric": pyvdb.DistanceMetric.Cosine, "hnsw_m": 16,
        "hnsw_ef_construction": 200, "hnsw_ef_search": 50, "max_elements": 1_000_000, "text_model_path": "",
        "image_model_path": "", "vocab_path": "", "num_threads": 0, "memory_only": False, "auto_sync": True,
        "device": pyvdb.Device.CPU,
    },
    "Metadata": {
        "id": 0, "type": pyvdb.DocumentType.Unknown, "date": "", "source_file": "", "asset": "", "bias": "",
        "gold_price": None, "silver_price": None, "gsr": None, "dxy": None, "vix": None, "yield_10y": None,
    },
    "QueryOptions": {
        "k": 10, "ef_search": 0, "type_filter": None, "date_filter": None, "date_from": None, "date_to": None,
        "asset_filter": None, "bias_filter": None, "include_metadata": True, "deduplicate_by_date": False,
    },
    "IngestConfig": {
        "gold_standard_output": "", "include_journals": True, "include_charts": True, "include_reports": True,
        "overwrite_existing": False, "incremental": True, "since_date": None,
    },
    "LLMConfig": {
        "model_path": "", "n_ctx": 2048, "n_batch": 512, "n_threads": 0, "n_gpu_layers": 0, "use_mmap": True,
        "use_mlock": False,
    },
    "GenerationParams": {
        "max_tokens": 1024, "temperature": 0.7, "top_p": 0.9, "top_k": 40, "repeat_penalty": 1.1, "stop_sequences": [],
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", CONFIGS)
def test_attributes_and_their_defaults(kind: type) -> None:
    new = kind()
    assert {name: getattr(new, name) for name in kind._fields} == DEFAULTS[kind.__name__]


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_misspelt_attribute_is_refused_with_the_nearest_name(kind: type) -> None:
    new = kind()
    name = next(iter(kind._fields))
    with pytest.raises(AttributeError, match=f"no attribute '{name}x'; did you mean '{name}'"):
        setattr(new, f"{name}x", 1)
    with pytest.raises(AttributeError):
        getattr(new, f"{name}x")


@pytest.mark.parametrize("kind", CONFIGS)
def test_copies_and_pickles_are_equal_and_independent(kind: type) -> None:
    first = kind()
    for again in (copy.copy(first), copy.deepcopy(first), pickle.loads(pickle.dumps(first))):
        assert again == first
        name, value = next((n, v) for n, v in DEFAULTS[kind.__name__].items() if type(v) in (int, bool))
        setattr(again, name, not value if isinstance(value, bool) else 77)
        assert again != first


def test_mutable_defaults_are_not_shared() -> None:
    pyvdb.GenerationParams().stop_sequences.append("###")
    assert pyvdb.GenerationParams().stop_sequences == []


@pytest.mark.parametrize(
    ("make", "name", "value"),
    [
        (pyvdb.DatabaseConfig, "dimension", "512"),
        (pyvdb.DatabaseConfig, "dimension", -1),
        (pyvdb.DatabaseConfig, "dimension", 1.5),
        (pyvdb.DatabaseConfig, "dimension", pyvdb.DocumentType.Chart),
        (pyvdb.DatabaseConfig, "metric", 0),
        (pyvdb.DatabaseConfig, "metric", pyvdb.DocumentType.Journal),
        (pyvdb.DatabaseConfig, "memory_only", "yes"),
        (pyvdb.DatabaseConfig, "path", 1),
        (pyvdb.QueryOptions, "k", -1),
        (pyvdb.QueryOptions, "type_filter", "journal"),
        (pyvdb.QueryOptions, "date_filter", 1),
        (pyvdb.QueryOptions, "date_from", 20260101),
        (pyvdb.Metadata, "date", None),
        (pyvdb.Metadata, "type", 0),
        (pyvdb.Metadata, "gold_price", "2050"),
        (pyvdb.IngestConfig, "since_date", 2026),
        (pyvdb.GenerationParams, "stop_sequences", "###"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_and_changes_nothing(make: type, name: str, value: object) -> None:
    new = make()
    with pytest.raises(TypeError, match=name):
        setattr(new, name, value)
    assert new == make()


@pytest.mark.parametrize(
    ("make", "name", "value"),
    [
        (pyvdb.DatabaseConfig, "dimension", np.int64(7)),
        (pyvdb.DatabaseConfig, "path", Path("data")),
        (pyvdb.DatabaseConfig, "memory_only", np.True_),
        (pyvdb.QueryOptions, "date_filter", True),
        (pyvdb.QueryOptions, "date_filter", "2026-01-08"),
        (pyvdb.QueryOptions, "type_filter", pyvdb.DocumentType.PreMarket),
        (pyvdb.Metadata, "gold_price", np.float32(2050.5)),
        (pyvdb.Metadata, "gold_price", 2050),
        (pyvdb.Metadata, "gold_price", None),
    ],
)
def test_values_that_mean_the_same_are_taken(make: type, name: str, value: object) -> None:
    new = make()
    setattr(new, name, value)
    assert getattr(new, name) == value


ENUMS = {
    "DistanceMetric": {"Cosine": 0, "L2": 1, "DotProduct": 2},
    "DocumentType": {
        "Journal": 0, "Chart": 1, "CatalystWatchlist": 2, "InstitutionalMatrix": 3, "EconomicCalendar": 4,
        "WeeklyRundown": 5, "ThreeMonthReport": 6, "OneYearReport": 7, "MonthlyReport": 8, "PreMarket": 10,
        "Unknown": 11,
    },
    "FusionMethod": {"WeightedSum": 0, "RRF": 1, "CombSUM": 2, "CombMNZ": 3, "Borda": 4},
    "Device": {"CPU": 0, "CUDA": 1, "DirectML": 2},
    "Role": {"System": 0, "User": 1, "Assistant": 2},
}  # fmt: skip


@pytest.mark.parametrize("name", ENUMS)
def test_enumerations(name: str) -> None:
    kind: type[enum.Enum] = getattr(pyvdb, name)
    assert {member.name: int(member) for member in kind} == ENUMS[name]
    for member in kind:
        assert str(member) == f"{name}.{member.name}"
        assert member.value == int(member)
        assert member != int(member)
        assert len({member, kind[member.name]}) == 1


def test_members_compare_with_their_own_kind_only() -> None:
    assert pyvdb.Role.System != pyvdb.Device.CPU
    with pytest.raises(TypeError):
        assert pyvdb.Device.CPU < pyvdb.Device.CUDA


@pytest.mark.parametrize("result", [pyvdb.QueryResult(1, 0.5, 0.5), pyvdb.IndexStats(), pyvdb.IngestStats()])
def test_results_are_to_be_read(result: object) -> None:
    with pytest.raises(AttributeError):
        setattr(result, dataclasses.fields(result)[0].name, 2)


def test_metadata_shows_what_matters() -> None:
    meta = pyvdb.Metadata()
    meta.type, meta.date = pyvdb.DocumentType.ThreeMonthReport, "2026-01-08"
    assert repr(meta) == "<Metadata id=0 type=3m_report date='2026-01-08'>"


def test_every_public_name_is_there_and_documented() -> None:
    assert pyvdb.__all__ == sorted(pyvdb.__all__)
    for name in pyvdb.__all__:
        value = getattr(pyvdb, name)
        assert value.__doc__
        for member in vars(value).values() if isinstance(value, type) else ():
            if callable(member) and not getattr(member, "__name__", "_").startswith("_"):
                assert member.__doc__, f"{name}.{member.__name__}"
