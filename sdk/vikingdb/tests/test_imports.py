"""What an import provides, and what it costs."""

from __future__ import annotations

import importlib
import subprocess
import sys
from importlib.metadata import version

import pytest

import vikingdb

MODULES = [
    "vikingdb._client", "vikingdb.auth", "vikingdb.exceptions", "vikingdb.request_options", "vikingdb.version",
    *(f"vikingdb.vector.{name}" for name in ("client", "base", "collection", "index", "embedding")),
    *(f"vikingdb.vector.{name}" for name in ("rerank", "exceptions", "models")),
    *(f"vikingdb.vector.models.{name}" for name in ("base", "collection", "index", "embedding", "rerank")),
    *(f"vikingdb.memory.{name}" for name in ("client", "collection", "types", "exceptions")),
]  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_every_module_of_the_document_is_there(name):
    importlib.import_module(name)


@pytest.mark.parametrize("name", vikingdb.__all__)
def test_every_name_is_there(name):
    assert getattr(vikingdb, name) is not None


def loaded_by(statement: str) -> set[str]:
    program = f"import sys; before = set(sys.modules); {statement}; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return set(done.stdout.split())


def test_an_import_loads_next_to_nothing():
    loaded = loaded_by("import vikingdb")
    assert not {"httpx", "pydantic", "numpy", "apsw", "vicinal"} & loaded
    assert len(loaded) < 60  # all of them small, of the standard library


def test_an_import_takes_a_moment():
    """The best of five, because other load on this machine only adds to it."""
    program = "from time import perf_counter; start = perf_counter(); import vikingdb; print(perf_counter() - start)"
    best = 1.0
    for _ in range(5):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        best = min(best, float(done.stdout))
    assert best <= 0.25


def test_the_clients_need_no_engine():
    loaded = loaded_by("from vikingdb import VikingDB, AsyncVikingDB")
    assert not {"numpy", "apsw", "vicinal", "requests"} & loaded


def test_version():
    assert vikingdb.__version__ == version("vicinal-vikingdb")


@pytest.mark.parametrize(
    "statement",
    [
        "import vikingdb.knowledge",
    ],
)
def test_what_is_not_offered_says_so(statement):
    with pytest.raises(ImportError, match=r"not part of this version|not offered"):
        exec(statement)
