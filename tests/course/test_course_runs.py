"""Each program of the course runs as its first lines say, from any folder, without warnings, in under a minute."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from support.course import PROGRAMS
from vicinal.encoders import MiniLM

NAMES = [path.stem for path in sorted(PROGRAMS.glob("*.py"))]
# What each program of the course requires, besides the core.
NEEDS = {
    "advanced_embedding_system": ("plotly", "sklearn"),
    "exercise_1_multimodal_search": ("PIL",),
    "multimodal_embeddings": ("PIL",),
    "production_vector_db": ("starlette", "msgspec", "httpx", "typer"),
    "two_towers": ("PIL",),
    "exercise_2_performance_comparison": ("plotly",),
    "ivf_implementation": ("plotly",),
}
MEANING = {
    "advanced_embedding_system",
    "advanced_chroma_features",
    "chroma_implementation",
    "comprehensive_vector_database",
    "exercise_3_hybrid_search",
    "text_embedding_pipeline",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_program_runs(name: str, tmp_path: Path) -> None:
    for module in NEEDS.get(name, ()):
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    if name in MEANING and not MiniLM.available():
        pytest.skip("the weights of MiniLM are not installed")
    command = [sys.executable, "-W", "error", str(PROGRAMS / f"{name}.py")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_its_first_lines_say_how(name: str) -> None:
    text = (PROGRAMS / f"{name}.py").read_text(encoding="utf-8")
    assert f"python examples/course/{name}.py" in text.split('"""')[1]
    assert "pip install" in text.split('"""')[1]
