"""A value that is not a number raises a TypeError that names the argument, in every call that takes numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lshrs
from lshrs import LSHRS, LSHHasher, MemoryStorage
from lshrs.utils import br

HERE: Any = np.ones(4)


def made(**settings: Any) -> LSHRS:
    return LSHRS(**{"dim": 4, "num_bands": 4, "rows_per_band": 2, "storage": MemoryStorage(), **settings})


def asked(**arguments: Any) -> Any:
    index = made(vector_fetch_fn=lambda indices: np.ones((len(indices), 4)))
    index.ingest(1, HERE)
    return index.query(HERE, **arguments)


# By the name in the error message: calls with `value` in place of an integer.
INTEGERS: dict[str, list[Callable[[Any], Any]]] = {
    "dim": [lambda value: made(dim=value), lambda value: LSHHasher(2, 2, value)],
    "num_perm": [
        lambda value: made(num_perm=value),
        lshrs.get_optimal_config,
        lambda value: br.find_optimal_br(value, 0.5),
        br.print_config_analysis,
    ],
    "num_bands": [
        lambda value: made(num_bands=value),
        lambda value: LSHHasher(value, 2, 4),
        lambda value: lshrs.compute_collision_probability(0.5, value, 2),
        lambda value: br.compute_lsh_threshold(value, 2),
        lambda value: br.compute_false_rates(value, 2, 0.5),
    ],
    "rows_per_band": [
        lambda value: made(rows_per_band=value),
        lambda value: LSHHasher(2, value, 4),
        lambda value: lshrs.compute_collision_probability(0.5, 2, value),
    ],
    "seed": [lambda value: made(seed=value), lambda value: LSHHasher(2, 2, 4, value)],
    "buffer_size": [lambda value: made(buffer_size=value)],
    "index": [lambda value: made().ingest(value, HERE), lambda value: made().delete(value)],
    "top_k": [lambda value: asked(topk=value), lambda value: asked(topp=1.0, topk=value)],
    "k": [lambda value: lshrs.top_k_cosine([1, 0], [[1, 0]], value)],
    "batch_size": [
        lambda value: next(lshrs.iter_parquet_vectors("none", batch_size=value)),
        lambda value: next(lshrs.iter_postgres_vectors("none", batch_size=value)),
    ],
    "limit": [lambda value: next(lshrs.iter_postgres_vectors("none", limit=value))],
}
NUMBERS: dict[str, list[Callable[[Any], Any]]] = {
    "similarity_threshold": [
        lambda value: made(similarity_threshold=value),
        lambda value: lshrs.get_optimal_config(128, value),
    ],
    "top_p": [lambda value: asked(topp=value), lambda value: asked(top_p=value)],
    "similarity": [lambda value: lshrs.compute_collision_probability(value, 2, 2)],
    "cosine": [lshrs.cosine_to_agreement],
    "threshold": [lambda value: br.compute_false_rates(2, 2, value)],
    "target": [lambda value: br.find_optimal_br(128, value)],
}


@pytest.mark.parametrize("name", INTEGERS)
def test_an_integer_that_is_none_is_named(name: str) -> None:
    for call in INTEGERS[name]:
        for value in ("2", 2.5, True, b"2", [2]):
            if name == "index" and value == [2]:
                continue  # `delete` takes a list
            with pytest.raises(
                TypeError, match=rf"^{name}\b.* must be an integer, got .* of type {type(value).__name__}"
            ):
                call(value)


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_that_is_none_is_named(name: str) -> None:
    for call in NUMBERS[name]:
        for value in ("0.5", True, b"0.5", [0.5], object()):
            with pytest.raises(TypeError, match=rf"^{name} must be a number, not .* of type {type(value).__name__}"):
                call(value)


def test_a_seed_is_not_negative() -> None:
    for call in INTEGERS["seed"]:
        with pytest.raises(ValueError, match="seed must not be negative, got -1"):
            call(-1)


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    index = made(seed=np.int64(3), buffer_size=np.int32(5), similarity_threshold=np.float32(0.5))
    index.save_to_disk(tmp_path / "saved")
    loaded = LSHRS.load_from_disk(tmp_path / "saved", storage=MemoryStorage(), buffer_size=np.int64(7))
    assert loaded.stats() == {**index.stats(), "buffer_size": 7}
    assert asked(topk=np.int64(1), topp=np.float32(1)) == [(1, 1.0)]


def test_settings_that_are_loaded_anew_are_checked_too(tmp_path: Path) -> None:
    made().save_to_disk(tmp_path / "saved")
    wrong: dict[str, Any]
    for wrong in ({"buffer_size": "5"}, {"storage": 5}):
        with pytest.raises(TypeError, match=r"^(buffer_size|storage) must be"):
            LSHRS.load_from_disk(tmp_path / "saved", **wrong)
