"""The installed package is this source tree."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distribution, version
from pathlib import Path

import lshrs

SOURCES = Path(__file__).parents[1] / "src" / "lshrs"
INSTALLED = Path(lshrs.__file__).parent


def test_the_tests_run_on_what_was_installed_and_that_is_this_tree() -> None:
    files = [path.relative_to(SOURCES) for path in sorted(SOURCES.rglob("*.py"))]
    stale = [str(name) for name in files if (INSTALLED / name).read_bytes() != (SOURCES / name).read_bytes()]
    assert not stale, "install again: pip install ./faces/lshrs"


def test_version_licence_and_types() -> None:
    assert lshrs.__version__ == version("vicinal-lshrs") == version("vicinal")
    assert distribution("vicinal-lshrs").metadata["License-Expression"] == "Apache-2.0"
    assert (INSTALLED / "py.typed").is_file()


def test_import_is_silent_and_loads_nothing_heavy() -> None:
    program = "import sys; before = set(sys.modules); import lshrs; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert not {"pandas", "psycopg", "pyarrow", "rich", "scipy", "torch"} & set(done.stdout.split())


def test_names_are_where_the_document_and_the_original_have_them() -> None:
    program = """
from lshrs import LSHRS, lshrs, HashSignatures, BucketOperation, get_optimal_config
from lshrs.core import LSHRS as a
from lshrs.core.main import LSHRS as b
from lshrs.hash.lsh import LSHHasher
from lshrs.storage.redis import RedisStorage
from lshrs.storage import BucketOperation as c
from lshrs._config.config import HashSignatures as d
from lshrs.utils.br import compute_collision_probability, compute_lsh_threshold, find_optimal_br
from lshrs.utils.norm import l2_norm
from lshrs.utils.similarity import cosine_similarity, top_k_cosine
from lshrs.io.postgres import iter_postgres_vectors
from lshrs.io.parquet import iter_parquet_vectors
assert LSHRS is a is b is lshrs and c is BucketOperation and d is HashSignatures
"""
    subprocess.run([sys.executable, "-c", program], check=True)
