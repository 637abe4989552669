"""A child forked while its parent has a collection open works like any other process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

_PARENT_CLOSES_FIRST = """
import os, sys, vicinal
path = sys.argv[1]
db = vicinal.connect(path)
docs = db.collection("docs", dimension=2)
docs.add(["parent"], vectors=[[1, 2]])
opened, parent_closed = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    mine = vicinal.connect(path).collection("docs")
    mine.count()
    os.write(opened[1], b"x")
    os.read(parent_closed[0], 1)
    mine.add(["child"], vectors=[[3, 4]])
    os._exit(0)
os.read(opened[0], 1)
docs.close()
db.close()
os.write(parent_closed[1], b"x")
assert os.waitpid(child, 0)[1] == 0
"""

_READ = """
import sys, vicinal
with vicinal.connect(sys.argv[1]) as db:
    print(*sorted(record.id for record in db.collection("docs").get()))
"""


def test_rows_of_a_child_survive_the_parents_close(tmp_path: Path):
    """SQLite keeps its locks in process memory; a child inherits the memory, but not the locks."""
    subprocess.run([sys.executable, "-W", "ignore", "-c", _PARENT_CLOSES_FIRST, str(tmp_path)], check=True)
    read = [sys.executable, "-W", "ignore", "-c", _READ, str(tmp_path)]
    assert subprocess.run(read, check=True, stdout=subprocess.PIPE, text=True).stdout.split() == ["child", "parent"]


_LOCKS = [
    "database",
    "stores",
    "encoder",
    "context",
    "memory store",
    "registry",
    "housekeeping",
    "open_stores",
    "store",
    "index",
    "rows",
    "all that are renewed",
]


@pytest.mark.parametrize("which", _LOCKS)
def test_a_child_takes_every_lock_that_its_parents_other_threads_held(tmp_path: Path, which: str):
    program = Path(__file__).with_name("fork_while_locked.py")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(program), str(tmp_path), which],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr or "the child waited for ever"
