"""The programs of lshrs' document run unchanged, on a real Redis and PostgreSQL; without the document, ours do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.documents import Block, python_blocks, seed
from support.servers import Cluster, Postgres, Redis, answers

HERE = Path(__file__).parent
SHARED_TESTS = HERE.parents[2] / "tests"
SEED = seed("004")
OURS = HERE / "document.md"

# Names that the programs expect. PostgreSQL listens at another address than in the document, so that is replaced when
# connecting; nothing connects to `new-host` and `production-redis`.
PRELUDE = """
import numpy as np
import psycopg
from typing import *
from lshrs import *
random = np.random.default_rng(0)
vectors_by_id = random.standard_normal((100_000, 768)).astype(np.float32)
def load_vectors_from_database(indices):
    return vectors_by_id[indices]
query_vec = vectors_by_id[7]
lsh = LSHRS(dim=768, similarity_threshold=0.7, vector_fetch_fn=load_vectors_from_database)
connect = psycopg.connect
psycopg.connect = lambda dsn: connect({dsn!r}) if dsn == "postgresql://user:pass@localhost/db" else connect(dsn)
"""
RUNNER = """
import json, sys, warnings
sys.path.insert(0, sys.argv[1])
import no_network
no_network.install()
warnings.filterwarnings("ignore", message="no bands and rows")
names = {"__name__": "__main__"}
for line, text in json.load(sys.stdin):
    exec(compile("\\n" * line + text, "document", "exec"), names)
    print("ran", line, flush=True)
"""


Event = Callable[[], None]


@pytest.fixture(scope="module", params=["one server", "cluster"])
def redis_6379(request: pytest.FixtureRequest) -> Iterator[Event]:
    """The programs name no port: they mean Redis' default. A Redis that already listens there belongs to CI, or to
    someone else.

    A cluster of three masters also listens there. The fixture returns a function that moves its slots.
    """
    if request.param == "cluster":
        if answers(6379):
            pytest.skip("somebody's Redis is at port 6379, so no cluster can be")
        with Cluster(6379) as cluster:
            yield partial(cluster.reshard, 300)
    elif not answers(6379):
        with Redis(port=6379):
            yield lambda: None
    elif os.environ.get("CI") == "true":
        yield lambda: None
    else:
        pytest.skip("somebody's Redis is at port 6379, and these programs would write into it")


@pytest.fixture
def folder(tmp_path: Path, postgres: Postgres) -> Path:
    """Creates the files and the table that the programs expect."""
    vectors = np.random.default_rng(0).standard_normal((20, 768)).astype(np.float32)
    cells = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 768)
    pq.write_table(pa.table({"id": range(1_000, 1_020), "vector": cells}), tmp_path / "embeddings.parquet")
    with psycopg.connect(postgres.dsn) as connection:
        connection.execute("DROP TABLE IF EXISTS documents")
        connection.execute("CREATE TABLE documents (doc_id int, embedding float4[], created_at date)")
        with connection.cursor() as cursor:
            rows = [
                (2_000 + n, vector.tolist(), "2023-06-01" if n < 5 else "2024-06-01")
                for n, vector in enumerate(vectors)
            ]
            cursor.executemany("INSERT INTO documents VALUES (%s, %s, %s)", rows)
    return tmp_path


def run(programs: list[tuple[int, str]], folder: Path, meanwhile: Event) -> list[int]:
    """Returns the lines of the programs that ran. Calls `meanwhile` when half of them have run."""
    with (
        (folder / "errors").open("w+") as errors,
        subprocess.Popen(
            [sys.executable, "-c", RUNNER, str(SHARED_TESTS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, cwd=folder, text=True,
        ) as process,
    ):  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        deadline = threading.Timer(300, process.kill)
        deadline.start()
        try:
            process.stdin.write(json.dumps(programs))
            process.stdin.close()
            ran = []
            for line in process.stdout:
                if line.startswith("ran "):
                    ran.append(int(line.split()[1]))
                if len(ran) == len(programs) // 2 and line.startswith("ran "):
                    meanwhile()
        finally:
            deadline.cancel()
        errors.seek(0)
        assert process.wait() == 0, errors.read()
    return ran


@pytest.mark.skipif(SEED is None, reason="lshrs' document is not here: ../shared/seeds/004_*.txt")
def test_all_programs_of_the_document_run(folder: Path, redis_6379: Event, postgres: Postgres) -> None:
    assert SEED is not None
    programs = [block for block in python_blocks(SEED) if is_program(block)]
    assert len(programs) == 14
    prelude = (0, PRELUDE.format(dsn=postgres.dsn))
    check = "assert lsh.stats()['dim'] == 768 and restored_lsh._redis_config['host'] == 'production-redis'"
    end = "assert len(indices) >= 0 and candidates is not None"
    after = [(9_998, check), (9_999, end)]
    assert run([prelude, *((block.line, block.text) for block in programs), *after], folder, redis_6379)[-1] == 9_999


@pytest.mark.skipif(SEED is None, reason="lshrs' document is not here: ../shared/seeds/004_*.txt")
def test_its_sources_fill_the_index(folder: Path, redis_6379: Event, postgres: Postgres) -> None:
    assert SEED is not None
    program = next(block for block in python_blocks(SEED) if "lsh.create_signatures(" in block.text)
    check = (
        "lsh.clear()\n" + program.text + "\n"
        "import pyarrow.parquet as pq\n"
        "vectors = np.array(pq.read_table('embeddings.parquet')['vector'].to_pylist(), np.float32)\n"
        "for row, vector in enumerate(vectors):\n"
        "    found = lsh.query(vector, topk=2)\n"
        "    assert 1_000 + row in found\n"
        "    assert (2_000 + row in lsh.query(vector, topk=None)) == (row >= 5)\n"
    )
    assert run([(0, PRELUDE.format(dsn=postgres.dsn)), (1, check)], folder, redis_6379) == [0, 1]


def is_program(block: Block) -> bool:
    """Excludes listings of signatures: `class X(...)` and `def f(...) -> ...` without a body do not parse."""
    return block.is_program and "bands: List[bytes]" not in block.text


def test_our_programs_run(folder: Path, redis_6379: Event) -> None:
    programs = [(block.line, block.text) for block in python_blocks(OURS)]
    assert run(programs, folder, redis_6379) == [line for line, _ in programs]


@pytest.mark.skipif(SEED is None, reason="lshrs' document is not here: ../shared/seeds/004_*.txt")
def test_every_signature_of_the_document_is_ours() -> None:
    """Names, order and defaults of parameters, for each signature that the document prints."""
    import ast
    import inspect

    import lshrs

    assert SEED is not None
    checked = 0
    for block in python_blocks(SEED):
        text = block.text.replace("class ", "def ", 1) if block.text.startswith("class ") else block.text
        text = text.replace("@classmethod\n", "")
        if not text.startswith("def ") or block.is_program:
            continue
        listing = ast.parse(text.rstrip() + ": ...").body[0]
        assert isinstance(listing, ast.FunctionDef)
        if listing.name in ("load_from_disk",):
            continue  # **kwargs
        owner = lshrs if hasattr(lshrs, listing.name) and listing.name != "index" else lshrs.LSHRS
        ours = inspect.signature(getattr(owner, listing.name)).parameters
        defaults = [None] * (len(listing.args.args) - len(listing.args.defaults)) + list(listing.args.defaults)
        for argument, default in zip(listing.args.args, defaults):
            assert argument.arg in ours, (listing.name, argument.arg)
            if default is not None and argument.arg != "num_perm":  # 128 unless bands and rows say otherwise
                assert ours[argument.arg].default == ast.literal_eval(default), (listing.name, argument.arg)
        checked += 1
    assert checked == 21
