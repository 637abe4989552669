"""The model of the disk: what a sync promised is there, and everything else may or may not be."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from .power_cut import SECTOR_BYTES, STYLES, Disk
from .recording import NotModelled, Operation

_ROOT, _FILE, _FOLDER, _OTHER = 1, 2, 3, 4


def _disk(*operations: tuple[str, int, int, str, bytes]) -> Disk:
    """Returns a disk after operations of (kind, inode, offset, path, data); a rename has its new path as data."""
    disk = Disk(_ROOT)
    for kind, inode, offset, path, data in operations:
        other, data = (data.decode(), b"") if kind == "R" else ("", data)
        disk.apply(Operation(kind, 1, inode, offset, path, other, data))
    return disk


def _states(disk: Disk, tmp_path: Path, style: str = "any", count: int = 200) -> list[dict[str, bytes | None]]:
    """Returns many states after a power failure now: path -> contents, None for folders."""
    states = []
    for number in range(count):
        place = tmp_path / str(number)
        disk.cut(place, random.Random(number), style)
        found = {str(path.relative_to(place)): path for path in place.rglob("*")}
        states.append({name: path.read_bytes() if path.is_file() else None for name, path in found.items()})
    return states


_CREATED = ("C", _FILE, 0, "a", b"")
_SYNCED = ("S", _FILE, 0, "a", b"")
_ROOT_SYNCED = ("S", _ROOT, 0, "", b"")


def _write(offset: int, data: bytes) -> tuple[str, int, int, str, bytes]:
    return ("W", _FILE, offset, "a", data)


@pytest.mark.parametrize("style", STYLES)
def test_what_was_synced_is_there(tmp_path: Path, style: str):
    disk = _disk(_CREATED, _write(0, b"x" * 2000), _SYNCED, _ROOT_SYNCED)
    assert all(state == {"a": b"x" * 2000} for state in _states(disk, tmp_path, style, 20))


def test_the_sync_of_a_file_says_nothing_about_its_name(tmp_path: Path):
    states = _states(_disk(_CREATED, _write(0, b"x"), _SYNCED), tmp_path)
    assert {} in states
    assert {"a": b"x"} in states
    assert all(state in ({}, {"a": b"x"}) for state in states)


def test_unsynced_sectors_arrive_each_for_itself(tmp_path: Path):
    old, new = b"o" * 4 * SECTOR_BYTES, b"n" * 4 * SECTOR_BYTES
    disk = _disk(_CREATED, _write(0, old), _SYNCED, _ROOT_SYNCED, _write(0, new))
    patterns = {state["a"][::SECTOR_BYTES] for state in _states(disk, tmp_path)}
    assert len(patterns) == 16  # every combination of four sectors
    assert all(set(pattern) <= set(b"on") for pattern in patterns)


def test_a_sector_is_never_torn_inside(tmp_path: Path):
    disk = _disk(_CREATED, _write(0, b"o" * 1024), _SYNCED, _ROOT_SYNCED, _write(100, b"n" * 800))
    for state in _states(disk, tmp_path):
        assert state["a"][100:512] in (b"o" * 412, b"n" * 412)
        assert state["a"][:100] == b"o" * 100


def test_the_size_is_one_that_the_file_had_or_between(tmp_path: Path):
    disk = _disk(_CREATED, _write(0, b"x" * 100), _SYNCED, _ROOT_SYNCED, _write(100, b"y" * 5000))
    sizes = {len(state["a"]) for state in _states(disk, tmp_path)}
    assert min(sizes) == 100
    assert max(sizes) == 5100
    assert len(sizes) > 10


def test_a_truncation_that_is_not_synced_may_not_have_happened(tmp_path: Path):
    disk = _disk(_CREATED, _write(0, b"x" * 2000), _SYNCED, _ROOT_SYNCED, ("T", _FILE, 0, "a", b""))
    states = _states(disk, tmp_path)
    assert {"a": b""} in states
    assert {"a": b"x" * 2000} in states


def test_what_was_cut_off_does_not_come_back_with_a_later_append(tmp_path: Path):
    disk = _disk(_CREATED, _write(0, b"x" * 2000), ("T", _FILE, 0, "a", b""), _write(1500, b"y"), _SYNCED, _ROOT_SYNCED)
    assert _states(disk, tmp_path, count=1) == [{"a": bytes(1500) + b"y"}]


def test_a_rename_is_both_or_neither(tmp_path: Path):
    disk = _disk(_CREATED, _SYNCED, _ROOT_SYNCED, ("R", 0, 0, "a", b"b"))
    states = _states(disk, tmp_path)
    assert {"a": b""} in states
    assert {"b": b""} in states
    assert all(len(state) == 1 for state in states)


def test_what_stands_on_a_missing_name_is_missing(tmp_path: Path):
    inside = ("C", _FILE, 0, "f/a", b"")
    disk = _disk(("M", _FOLDER, 0, "f", b""), inside, ("S", _FOLDER, 0, "f", b""), ("R", 0, 0, "f", b"g"))
    assert {tuple(sorted(state)) for state in _states(disk, tmp_path)} == {(), ("f", "f/a"), ("g", "g/a")}


def test_a_move_between_folders_is_durable_with_either(tmp_path: Path):
    made = [("M", _FOLDER, 0, "f", b""), ("M", _OTHER, 0, "g", b""), ("C", _FILE, 0, "f/a", b""), _ROOT_SYNCED]
    for synced in (_FOLDER, _OTHER):
        disk = _disk(*made, ("R", 0, 0, "f/a", b"g/a"), ("S", synced, 0, "", b""))
        assert all(sorted(state) == ["f", "g", "g/a"] for state in _states(disk, tmp_path / str(synced), count=20))


def test_shared_memory_of_sqlite_means_nothing_afterwards(tmp_path: Path):
    disk = _disk(("C", _FILE, 0, "a-shm", b""), ("W", _FILE, 0, "a-shm", b"index"), ("S", _FILE, 0, "a-shm", b""))
    assert all(state.get("a-shm") != b"index" for state in _states(disk, tmp_path))


def test_a_prefix_keeps_the_order_of_writes(tmp_path: Path):
    writes = [_write(i * SECTOR_BYTES, bytes([i + 1]) * SECTOR_BYTES) for i in range(40)]
    disk = _disk(_CREATED, _write(0, bytes(40 * SECTOR_BYTES)), _SYNCED, _ROOT_SYNCED, *writes)
    for state in _states(disk, tmp_path, "prefix", 50):
        arrived = [byte != 0 for byte in state["a"][::SECTOR_BYTES]]
        assert arrived == sorted(arrived, reverse=True)


def test_a_write_to_a_folder_is_not_modelled():
    with pytest.raises(NotModelled):
        _disk(("W", _ROOT, 0, "", b"x"))
