"""The notebooks of the three exercises, executed as in Jupyter, each in its own kernel."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.course import PROGRAMS
from vicinal.encoders import MiniLM

NOTEBOOKS = PROGRAMS / "notebooks"
# In a separate process: Jupyter's event loop and threads emit warnings that are not ours.
EXECUTE = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": sys.argv[2]}}).execute()
nbformat.write(notebook, sys.argv[3])
"""


def values(name: str, tmp_path: Path) -> list[Any]:
    """Returns the outputs of the cells of a notebook, in order."""
    for package in ("nbclient", "ipykernel"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    done, path = tmp_path / "done.ipynb", NOTEBOOKS / f"{name}.ipynb"
    command = [sys.executable, "-c", EXECUTE, str(path), str(NOTEBOOKS), str(done)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert run.returncode == 0, run.stderr
    outputs = [one for cell in json.loads(done.read_text())["cells"] for one in cell.get("outputs", [])]
    assert not [one for one in outputs if one["output_type"] == "error"]
    shown = ["".join(one["data"]["text/plain"]) for one in outputs if one["output_type"] == "execute_result"]
    return [ast.literal_eval(text) for text in shown]


@pytest.mark.slow
def test_pictures(tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="pillow is not installed")
    model, stored, by_text, by_image = values("exercise_1_multimodal_search", tmp_path)
    assert "trained here on drawings" in model
    assert stored == 18
    assert by_text[0][2] == "green square"
    assert {*by_image} == {"yellow circle", "A golden ball rolls by"}


@pytest.mark.slow
def test_comparison(tmp_path: Path) -> None:
    pytest.importorskip("plotly", reason="plotly is not installed")
    names, figures, legend = values("exercise_2_performance_comparison", tmp_path)
    assert names[0] == "Vicinal"
    assert figures["Vicinal"][1] == 1.0
    assert legend == names == list(figures)


@pytest.mark.slow
@pytest.mark.skipif(not MiniLM.available(), reason="the weights of MiniLM are not installed")
def test_meaning_and_words(tmp_path: Path) -> None:
    stored, results, by_words, terms = values("exercise_3_hybrid_search", tmp_path)
    assert stored == 5
    assert {id_ for id_, *_ in results[:2]} == {"rye", "sourdough"}
    assert {*by_words} == {"rye", "sourdough", "wine"}
    assert terms["yeast"] == {"in_document": True, "document_frequency": 2, "term_frequency": 1}


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells)
