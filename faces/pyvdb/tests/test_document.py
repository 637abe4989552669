"""The programs of pyvdb's document run unchanged; without that document, those of document.md do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pyvdb
from support.documents import Block, python_blocks, seed
from support.gguf_models import write_model
from vicinal.encoders.minilm_files import PATH_VARIABLE

HERE = Path(__file__).parent
SHARED_TESTS = HERE.parents[2] / "tests"
OURS = HERE / "document.md"
SEED = seed("000")
needs_llm = pytest.mark.skipif(not pyvdb.has_llm_support(), reason="xllamacpp is not installed")

# Blocks of the document by line: those that also run alone, that need a model file, and that end the program.
SEED_LABELS = {"fresh": (105, 1282, 1326, 1365, 1403, 1433), "model": (1089, 1107, 1148, 1175), "exits": (1365,)}

# Runs blocks in one namespace; one that ends the program must do so with status 1, and the rest still runs.
RUNNER = """
import json, sys, traceback
sys.path.insert(0, sys.argv[1])
import no_network
no_network.install()
names = {"__name__": "__main__"}
for line, text, exits in json.load(sys.stdin):
    if exits:  # it does where there is no LLM support
        sys.modules["xllamacpp"] = None
    try:
        exec(compile("\\n" * line + text, "document", "exec"), names)
    except SystemExit as end:
        if not exits or end.code != 1:
            raise SystemExit(f"line {line} ended the program with {end.code!r}")
    else:
        if exits:
            raise SystemExit(f"line {line} did not end the program")
    print("ran", line)
"""


def blocks_of(document: Path) -> list[Block]:
    blocks = python_blocks(document)
    if document != SEED:
        return blocks
    return [replace(b, labels=frozenset(k for k, lines in SEED_LABELS.items() if b.line in lines)) for b in blocks]


def documents() -> list[object]:
    absent = pytest.mark.skipif(SEED is None, reason="pyvdb's document is not here: ../shared/seeds/000_*.txt")
    return [pytest.param(SEED, id="document", marks=absent), pytest.param(OURS, id="ours")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Creates everything that the programs expect: two images and a database of 512 dimensions."""
    Image.new("RGB", (64, 48), "navy").save(tmp_path / "chart.png")
    Image.linear_gradient("L").save(tmp_path / "analysis.png")
    config = pyvdb.DatabaseConfig()
    config.path, config.text_model_path = tmp_path / "vectors_db", "hashing"
    db = pyvdb.VectorDatabase(config)
    db.init()
    db.add_vector(np.ones(512), {})
    return tmp_path


def run(blocks: list[Block], folder: Path, **environment: str) -> list[int]:
    """Runs the blocks in a separate process; returns the lines of those that ran."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RUNNER, str(SHARED_TESTS)],
        input=json.dumps([(block.line, block.text, "exits" in block.labels) for block in blocks]),
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("ran ")]


@pytest.mark.parametrize("document", documents())
def test_every_block_is_a_program_a_listing_or_a_signature(document: Path) -> None:
    blocks = blocks_of(document)
    programs = [block for block in blocks if block.is_program]
    assert len(programs) == 46
    assert sum(block.is_listing for block in blocks) == 8
    assert sum("model" in block.labels for block in programs) == 4
    assert sum("fresh" in block.labels for block in programs) == 6


@pytest.mark.parametrize("document", documents())
def test_all_programs_run_in_order_in_one_namespace(document: Path, folder: Path) -> None:
    programs = [block for block in blocks_of(document) if block.is_program and "model" not in block.labels]
    assert run(programs, folder) == [block.line for block in programs]
    assert len(programs) == 42


@needs_llm
@pytest.mark.parametrize("document", documents())
def test_the_blocks_with_a_language_model_run_against_one(document: Path, folder: Path) -> None:
    for name in ("llama-2-7b-q4.gguf", "small.gguf"):
        write_model(folder / "models" / name, ends=True)
    programs = [block for block in blocks_of(document) if block.is_program and "model" in block.labels]
    assert len(programs) == 4
    setup = Block(0, "import pyvdb\n")
    example = [replace(block, labels=frozenset()) for block in blocks_of(document) if "exits" in block.labels]
    assert run([setup, *programs, *example], folder) == [0, *(block.line for block in [*programs, *example])]
    assert len(example) == 1


@pytest.mark.parametrize("document", documents())
def test_they_run_where_no_model_is_installed(document: Path, folder: Path) -> None:
    programs = [block for block in blocks_of(document) if block.is_program and "model" not in block.labels]
    (folder / "empty").mkdir()
    assert len(run(programs, folder, **{PATH_VARIABLE: str(folder / "empty")})) == 42
    encoder = pyvdb.open_database(folder / "financial_db")._ready().rows.stats().encoder
    assert encoder == "hashing:512"


@pytest.mark.parametrize("document", documents())
def test_whole_examples_run_each_in_a_fresh_process(document: Path, folder: Path) -> None:
    programs = [block for block in blocks_of(document) if "fresh" in block.labels]
    for block in programs:
        assert run([block], folder) == [block.line]
    db = pyvdb.open_database(folder / "financial_db")
    assert len(db) == 3
    assert db.all_dates() == ["2026-01-07", "2026-01-08"]
