"""The recorder sees everything, and the model of the disk equals the disk if nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from . import recording
from .power_cut import Disk, File, Folder, contents
from .recording import NotModelled, Operation, read_log

_WHY_NOT = recording.why_not()

pytestmark = pytest.mark.skipif(
    _WHY_NOT is not None and os.environ.get("CI") != "true", reason=f"not available here: {_WHY_NOT}"
)

_START = """
import ctypes, os, sys
folder, log = sys.argv[1:3]
assert ctypes.CDLL(None).recorder_start(os.fsencode(folder), os.fsencode(log)) == 0
os.chdir(folder)
"""

_SQLITE = """
import apsw
connection = apsw.Connection(folder + "/a.db")
connection.execute("PRAGMA journal_mode=WAL")
connection.execute("PRAGMA synchronous=FULL")
connection.execute("CREATE TABLE t(a)")
for i in range(50):
    connection.execute("INSERT INTO t VALUES (randomblob(3000))")
"""

_FILES = """
import shutil
os.makedirs("one/two")
with open("one/text", "w") as file:
    file.write("line\\n" * 10_000)
with open("one/text", "a") as file:
    file.write("appended")
shutil.copyfile("one/text", "one/copy")
fd = os.open("one/two/raw", os.O_RDWR | os.O_CREAT)
os.pwrite(fd, b"x" * 1000, 700)
os.writev(fd, [b"first", b"second"])
os.ftruncate(fd, 900)
os.ftruncate(fd, 2000)
os.truncate("one/copy", 77)
os.fsync(fd)
os.rename("one/two/raw", "one/two/raw2")
os.replace("one/text", "one/copy")
inner = os.open("one", os.O_RDONLY)
os.mkdir("three", dir_fd=inner)
os.rename("two", "moved", src_dir_fd=inner, dst_dir_fd=inner)
os.fsync(inner)
for name in ("gone", "kept"):
    open(name, "wb").write(name.encode())
os.unlink("gone")
os.makedirs("tree/deep")
open("tree/deep/file", "w").write("x")
shutil.rmtree("tree")
"""

_PROCESSES = """
def work(name):
    fd = os.open("shared", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for i in range(300):
        os.write(fd, f"{name} {i}\\n".encode())
children = []
for name in "abc":
    child = os.fork()
    if child == 0:
        work(name)
        os._exit(0)
    children.append(child)
for child in children:
    os.waitpid(child, 0)
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recording.build(tmp_path_factory.mktemp("recorder"))


def _record(tmp_path: Path, library: Path, program: str, *, status: int = 0) -> tuple[Path, Path]:
    """Returns (folder, log) after a program ran under the recorder."""
    folder, log = tmp_path / "folder", tmp_path / "log"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", _START + program, str(folder), str(log)],
        env={**os.environ, "LD_PRELOAD": str(library)},
        check=False,
    )
    assert done.returncode == status
    return folder, log


def _replay(folder: Path, log: Path) -> Disk:
    disk = Disk(folder.stat().st_ino)
    for operation in read_log(log):
        disk.apply(operation)
    return disk


def _tree_of(folder: Folder, prefix: str = "") -> dict[str, bytes | None]:
    tree: dict[str, bytes | None] = {}
    for name, node in folder.seen.items():
        tree[prefix + name] = contents(node) if isinstance(node, File) else None
        if isinstance(node, Folder):
            tree.update(_tree_of(node, f"{prefix}{name}/"))
    return tree


def _tree_on_disk(folder: Path) -> dict[str, bytes | None]:
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*")}
    return {name: path.read_bytes() if path.is_file() else None for name, path in found.items()}


@pytest.mark.parametrize("program", [_FILES, _SQLITE + "connection.close()", _PROCESSES])
def test_replay_of_everything_gives_the_folder(tmp_path: Path, library: Path, program: str):
    folder, log = _record(tmp_path, library, program)
    assert _tree_of(_replay(folder, log).root) == _tree_on_disk(folder)


def test_sqlite_is_seen_writing_and_syncing_its_log(tmp_path: Path, library: Path):
    _, log = _record(tmp_path, library, _SQLITE + "os._exit(0)")
    seen = Counter((operation.kind, operation.path) for operation in read_log(log))
    assert seen["W", "a.db-wal"] > 100
    assert seen["S", "a.db-wal"] >= 50


def test_all_processes_are_in_one_order(tmp_path: Path, library: Path):
    folder, log = _record(tmp_path, library, _PROCESSES)
    told = b"".join(operation.data for operation in read_log(log) if operation.kind == "W")
    assert told == (folder / "shared").read_bytes()
    assert len({operation.process for operation in read_log(log) if operation.kind == "W"}) == 3


def test_what_it_cannot_express_fails(tmp_path: Path, library: Path):
    program = """
import mmap
with open("mapped", "wb+") as file:
    file.truncate(4096)
    mmap.mmap(file.fileno(), 4096)
"""
    _, log = _record(tmp_path, library, program)
    with pytest.raises(NotModelled, match="mmap on mapped"):
        list(read_log(log))


@pytest.mark.parametrize("torn", [False, True])
def test_it_kills_at_an_operation(tmp_path: Path, library: Path, torn: bool):
    program = f"""
ctypes.CDLL(None).recorder_kill_after(ctypes.c_long(3), {int(torn)})
fd = os.open("file", os.O_WRONLY | os.O_CREAT)
os.write(fd, b"whole")
os.write(fd, b"halved")
os.write(fd, b"never")
"""
    folder, log = _record(tmp_path, library, program, status=-9)
    assert (folder / "file").read_bytes() == (b"wholehal" if torn else b"whole")
    assert _tree_of(_replay(folder, log).root) == _tree_on_disk(folder)


def test_the_journal_is_never_a_place_to_die(tmp_path: Path, library: Path):
    program = """
os.mkdir("journal")
ctypes.CDLL(None).recorder_kill_after(ctypes.c_long(1), 0)
open("journal/a", "w").write("told")
open("file", "w").write("x")
"""
    folder, _ = _record(tmp_path, library, program, status=-9)
    assert _tree_on_disk(folder) == {"journal": None, "journal/a": b"told"}


def test_operations_carry_what_they_did(tmp_path: Path, library: Path):
    _, log = _record(tmp_path, library, 'fd = os.open("a", os.O_RDWR | os.O_CREAT)\nos.pwrite(fd, b"abc", 5)')
    created, written = read_log(log)
    assert (created.kind, created.path) == ("C", "a")
    assert written == Operation("W", created.process, created.inode, 5, "a", "", b"abc")
