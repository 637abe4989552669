"""A program may end at any point, whatever its threads and ours are doing."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys, tempfile, threading
import numpy as np
import vicinal

folder = tempfile.mkdtemp()
docs = vicinal.connect(folder).collection("docs", durability="process")
vectors = np.random.default_rng(0).standard_normal((4000, 64), dtype=np.float32)
docs.add(list(range(4000)), vectors=vectors, texts=[f"text {n % 97} of row {n}" for n in range(4000)])
begun = threading.Barrier(3)

def search_for_ever(**how):
    docs.search(**how)
    begun.wait()
    while True:
        docs.search(**how)

if sys.argv[1] == "daemons":
    threading.Thread(target=search_for_ever, kwargs={"query": vectors[0]}, daemon=True).start()
    threading.Thread(target=search_for_ever, kwargs={"query": "row 7 text", "mode": "keyword"}, daemon=True).start()
    begun.wait()
if sys.argv[1] == "many daemons":
    calls = (
        lambda: docs.search_many(vectors[:100], k=50),
        lambda: docs.search("row", vector=vectors[1], sparse={3: 1.0}, mode="hybrid"),
        lambda: docs.upsert(list(range(20)), vectors=vectors[:20], texts=["a b c"] * 20),
        lambda: docs.verify(),
        lambda: list(docs.scroll()),
    )
    all_begun = threading.Barrier(len(calls) + 1)

    def call_for_ever(call):
        call()
        all_begun.wait()
        while True:
            call()

    for call in calls:
        threading.Thread(target=call_for_ever, args=(call,), daemon=True).start()
    all_begun.wait()
"""


@pytest.mark.parametrize("threads", ["none", "daemons", "many daemons"])
def test_the_end_of_a_program_is_quiet(threads: str) -> None:
    """Before Python 3.14, a thread that returns from native code then is unwound, for which C++ would abort."""
    for _ in range(4):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PROGRAM, threads],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
