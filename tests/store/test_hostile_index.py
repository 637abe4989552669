"""A saved index from an untrusted source, with valid checksums, is rejected, or it is read.

It never causes a crash, a hang, or an error that is not ours. tests/support/mutation.py describes the changes, and
native/tests/test_damaged.cpp does the same to native code under sanitizers. VICINAL_MUTATIONS sets their number.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import vicinal
from support.mutation import (
    NAME,
    PARTS,
    QUERIES,
    make_database,
    mutated,
    publish,
    read,
    read_all,
    run,
    saved_part,
    write_all,
    write_raw,
)
from vicinal.contract import SavedIndex
from vicinal.indexes import kernels
from vicinal.indexes.flat import flat_index
from vicinal.indexes.kernels import NumpyKernels
from vicinal.indexes.postings import Postings
from vicinal.indexes.text import postings_for

MUTATIONS = int(os.environ.get("VICINAL_MUTATIONS", "80"))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_database(tmp_path_factory.mktemp("sound") / "data")


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "copy"))


def answers(database: Path) -> list[str]:
    with vicinal.connect(database) as db:
        docs = db.collection(NAME)
        found = [docs.search(query, k=7) for query in QUERIES]
        found += [docs.search(text, k=7, mode="keyword") for text in ("alpha", "beta gamma")]
        found.append(docs.search("alpha", vector=QUERIES[0], sparse={3: 1.0}, k=7, mode="hybrid"))
        return [repr([(hit.id, hit.score) for hit in hits]) for hits in found] + [repr(docs.facets("any"))]


@pytest.mark.slow
def test_no_mutation_crashes_hangs_or_raises_what_is_not_ours(sound: Path, tmp_path: Path) -> None:
    outcomes = run(sound, tmp_path, 0, MUTATIONS)
    assert [outcome for outcome in outcomes if outcome.errors] == []
    refused = sum(outcome.refused for outcome in outcomes)
    assert MUTATIONS // 4 < refused < MUTATIONS


def _without(*names: str) -> Callable[[dict[str, Any]], None]:
    def change(arrays: dict[str, Any]) -> None:
        for name in names:
            del arrays[name]

    return change


def _with(name: str, make: Callable[[Any], Any]) -> Callable[[dict[str, Any]], None]:
    def change(arrays: dict[str, Any]) -> None:
        arrays[name] = make(arrays[name])

    return change


def _set(name: str, i: int, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(arrays: dict[str, Any]) -> None:
        arrays[name][i] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        _with("vectors.statistics", lambda array: array[:3]),
        _with("vectors.codes", lambda array: array[:1]),
        _with("slots.live", lambda array: array[:-1]),
        _with("slots.expires", lambda array: array[:-1]),
        _with("slots.live", lambda array: array.view(np.uint8) * np.uint8(2)),
        _with("columns.table", lambda array: array[:-1]),
        _with("columns.table", lambda array: array * 1000),
        _with("columns.paths", lambda array: array[:-1]),
        _with("columns.paths", lambda _: np.frombuffer(b"[" * 100_000, np.uint8)),
        _set("columns.text_ends64", 3, 10**6),
        _set("columns.element_owners8", 0, -1),
        _set("sparse.places", 0, 10**6),
        _set("sparse.ends", -1, 10**6),
        _with("words.numbers", lambda array: array[:1]),
        _set("words.table", slice(None), 1),
        _set("words.slots", 1, 2**32 - 1),
        _set("words.large_places", 0, 0),
        _set("words.blocks", 1, 10**9),
        _with("words.positions", lambda array: array | np.uint8(0x80)),
        _without("columns.rows"),
        _without("words.analyzer"),
    ],
)
def test_what_cannot_be_used_is_made_anew(change: Callable[[dict[str, Any]], None], copy: Path) -> None:
    expected = answers(copy)
    headers, arrays = read_all(copy)
    change(arrays)
    write_all(copy, headers, arrays)
    assert answers(copy) == expected
    with vicinal.connect(copy) as db:
        assert db.verify(NAME).ok


@pytest.mark.parametrize(
    "header",
    [
        [],
        {"version": 1},
        {"version": 1, "sections": 3},
        {"slots": -1},
        {"slots": 10**30},
        {"slots": "many"},
        {"sections": [{"name": "slots.live"}]},
        {"sections": [{"name": "x", "dtype": "O", "offset": 0, "bytes": 0, "crc": 0}]},
        {"sections": [{"name": "x", "dtype": "|u1", "offset": -64, "bytes": 0, "crc": 0}]},
        {"sections": [{"name": "x", "dtype": "<u8", "offset": 1, "bytes": 0, "crc": 0}]},
        {"sections": [{"name": [], "dtype": "<u8", "offset": 0, "bytes": 0, "crc": 0}]},
    ],
)
def test_so_is_one_with_a_header_that_is_not_ours(header: Any, copy: Path) -> None:
    expected = answers(copy)
    for part in PARTS:
        whole, _ = read(saved_part(copy, part))
        write_raw(saved_part(copy, part), whole | header if isinstance(header, dict) else header, bytes(256))
    assert answers(copy) == expected


def test_rows_that_only_the_index_has_are_found_out(copy: Path) -> None:
    """No check at loading detects it: all arrays are consistent."""
    expected = answers(copy)
    headers, arrays = read_all(copy)
    for name in ("slots.live", "slots.searchable"):
        arrays[name][0] |= np.uint64(1 | 1 << 11)
    arrays["columns.rows"][0] = arrays["columns.rows"][11] = True
    write_all(copy, headers, arrays)
    for _ in range(2):
        with vicinal.connect(copy) as db:
            docs = db.collection(NAME)
            assert len(docs.search(QUERIES[0], k=1000)) == docs.count() == 118
        assert answers(copy) == expected


def test_an_index_of_other_rows_is_not_used(sound: Path, tmp_path: Path) -> None:
    """Two copies diverged: their changes have the same numbers, but different nonces."""
    ours, theirs = (Path(shutil.copytree(sound, tmp_path / name)) for name in ("ours", "theirs"))
    for database, word in ((ours, "ours"), (theirs, "theirs")):
        with vicinal.connect(database) as db:
            docs = db.collection(NAME)
            docs.add([word], texts=[word], vectors=QUERIES[:1] if word == "ours" else QUERIES[1:2])
            publish(docs)
    expected = answers(ours)
    for part in PARTS:
        own, foreign = saved_part(ours, part), saved_part(theirs, part)
        assert own.name.split("-")[:2] == foreign.name.split("-")[:2]
        shutil.copy(foreign, own.parent)
        own.unlink()
    assert answers(ours) == expected

    for part in PARTS:  # under the name of ours, it is of theirs
        foreign = saved_part(theirs, part)
        own = own.parent / f"{part}-{own.name.split('-', 1)[1]}"
        shutil.move(own.parent / foreign.name, own)
    assert answers(ours) == expected
    with vicinal.connect(ours) as db:
        report = db.verify(NAME)
    assert report.ok
    assert "other records" in str(report.notes)


# -- the parts alone


@pytest.mark.parametrize("of", [0, 1, 255 * 4])
def test_directions_of_another_length_are_not_relied_on(of: int) -> None:
    if kernels._native is None:
        pytest.skip("the native core is not installed")
    index = flat_index(kernels._native, "ip")
    index.load(SavedIndex(1, 4, {"directions": np.zeros(of, np.float32)}), 4)
    assert index.covered == 0


def test_native_postings_refuse_what_their_referee_refuses(copy: Path) -> None:
    if kernels._native is None:
        pytest.skip("the native core is not installed")
    words = read(saved_part(copy, "words"))[1]
    words.pop("analyzer")
    fields = int(words["numbers"][1])
    accepted = 0
    for seed in range(400):
        choose = Random(seed)
        key = choose.choice(sorted(words.keys() - {"term_bytes", "term_ends"}))  # to native code these are any bytes
        arrays = words | {key: mutated(words[key], choose)[0]}
        taken = [_accepts(postings_for(kernel, fields), arrays) for kernel in (kernels._native, NumpyKernels())]
        assert taken[0] == taken[1], f"{seed}: {key}, native {taken[0]}, numpy {taken[1]}"
        accepted += taken[0]
    assert 0 < accepted < 400


def _accepts(postings: Postings, arrays: dict[str, Any]) -> bool:
    try:
        postings.load({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    except ValueError:
        return False
    return True
