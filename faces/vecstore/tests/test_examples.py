"""The seven examples run unchanged, each in its own process and folder, and print what they should."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from vecstore import VecStore

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = {"basic_rag", "conversation", "evaluation", "fastapi_app", "hybrid_search", "pdf_rag", "production"}
RUNNER = [sys.executable, "-W", "error"]


def run(name: str, folder: Path, *words: object, status: int = 0) -> str:
    command = [*RUNNER, str(EXAMPLES / f"{name}.py"), *map(str, words)]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, check=False, env=environment
    )
    assert done.returncode == status, done.stderr
    assert not list(folder.glob("vecstore*")), "it leaves something behind"
    return done.stdout if status == 0 else done.stderr


def test_there_are_seven() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == NAMES


def test_basic_rag(tmp_path: Path) -> None:
    said = run("basic_rag", tmp_path)
    assert "5 chunks in the store" in said
    assert re.search(r"\n0\.\d+  bees-4: .*A bee that has found food", said)
    assert said.rstrip().endswith("Question: How do bees tell each other where food is?")


def test_hybrid_search(tmp_path: Path) -> None:
    said = run("hybrid_search", tmp_path)
    best = dict(re.findall(r"^(\S.*)\n  \S+  (\S+)", said, re.MULTILINE))
    assert best == {
        "By the vector alone": "rust",
        "Both, alpha 0.7": "rust",
        "alpha 0.0": "error",
        "alpha 0.5": "error",
        "alpha 1.0": "rust",
        "Only short ones, about the morning": "garden",
    }


def test_conversation(tmp_path: Path) -> None:
    said = run("conversation", tmp_path)
    history = said.partition("next time")[2]
    assert history.count("user: ") == history.count("assistant: ") == 3
    assert "assistant: A snapshot keeps all records as of one point in time" in history
    assert said.count("looked up: fact-") == 3


def test_evaluation(tmp_path: Path) -> None:
    said = run("evaluation", tmp_path)
    for name in ("context_relevance", "answer_faithfulness", "answer_correctness"):
        assert len(re.findall(rf"  {name} +[01]\.\d\d", said)) == 2
    assert "3 questions, overall 0." in said


def test_production(tmp_path: Path) -> None:
    said = run("production", tmp_path)
    assert len(re.findall(r"INFO (ingest|query): \d+ in [\d.]+ s, \d+ a second", said)) == 2
    assert len(re.findall(r"WARNING record '(too-short|not-a-number)' is left out: Upsert failed", said)) == 2
    assert "stored 300, stats {'vector_count': 300" in said
    assert "ticket-3" in said


PAGES = [
    "The history of tea begins in China.\nMonks carried it to Japan, and ships to Europe.",
    "Green tea is not fermented.\nIts leaves are steamed or roasted in a pan right after the harvest.",
    "Water for black tea must boil.\nGreen tea wants no more than seventy degrees, or it turns bitter.",
]


def test_pdf_rag_reads_a_real_pdf_of_several_pages(tmp_path: Path) -> None:
    pytest.importorskip("pypdf", reason="pypdf is not installed")
    from support.papers import pdf

    (tmp_path / "tea.pdf").write_bytes(pdf(PAGES, title="Tea"))
    said = run("pdf_rag", tmp_path, "tea.pdf", "how hot is water for black tea")
    assert "tea.pdf: 3 pages, 3 chunks" in said
    places = re.findall(r"page (\d), score (0\.\d+): (.*)", said)
    assert len(places) == 3
    assert places[0][0] == "3"
    assert places[0][2].startswith("Water for black tea must boil.")


def test_pdf_rag_tells_of_files_that_it_cannot_read(tmp_path: Path) -> None:
    pytest.importorskip("pypdf", reason="pypdf is not installed")
    from support.papers import pdf

    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing more")
    assert "broken.pdf cannot be read: " in run("pdf_rag", tmp_path, "broken.pdf", status=1)
    (tmp_path / "locked.pdf").write_bytes(pdf(PAGES, password="secret"))
    assert "password" in run("pdf_rag", tmp_path, "locked.pdf", status=1)
    assert "none.pdf cannot be read: " in run("pdf_rag", tmp_path, "none.pdf", status=1)


def test_pdf_rag_has_a_manual_of_its_own(tmp_path: Path) -> None:
    said = run("pdf_rag", tmp_path)
    assert "simulated.pdf: 4 pages" in said
    assert re.search(r"page 3, score 0\.\d+: The filter is changed", said)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Yields the URL of the example's server, which runs in a child process."""
    environment = os.environ | {"PORT": "0", "VECSTORE_PATH": str(folder / "store"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, str(EXAMPLES / "fastapi_app.py")]
    server = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    try:
        said = ""
        for line in server.stderr:
            said += line
            running = re.search(r"running on (http://127\.0\.0\.1:\d+)", line)
            if running:
                yield running[1]
                return
        raise AssertionError(f"the server did not start: {said}")
    finally:
        server.terminate()
        with server.stderr:
            server.stderr.read()
        server.wait(60)


def test_fastapi_app_over_http(tmp_path: Path) -> None:
    for package in ("fastapi", "uvicorn", "httpx"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    import httpx

    with serving(tmp_path) as url, httpx.Client(base_url=url, timeout=60) as client:
        assert client.get("/health").json() == {"status": "ok"}
        rows: list[dict[str, Any]] = [
            {"id": "a", "vector": [1, 0], "metadata": {"year": 2024, "tags": ["x"]}},
            {"id": "b/c d", "vector": [0.5, 0.5], "metadata": {"year": 2020}},
            {"id": "c", "vector": [0, 1]},
        ]
        for row in rows:
            assert client.post("/upsert", json=row).json() == {"id": row["id"]}
        found = client.post("/query", json={"vector": [1, 0], "k": 2}).json()
        assert [(one["id"], round(one["score"], 3)) for one in found] == [("a", 1.0), ("b/c d", 0.707)]
        assert found[0]["metadata"] == {"year": 2024, "tags": ["x"]}
        found = client.post("/query", json={"vector": [1, 0], "filter": "year < 2024"}).json()
        assert [one["id"] for one in found] == ["b/c d"]
        assert client.get("/stats").json() == {"vectors": 3, "snapshots": []}
        assert client.delete("/vectors/c").json() == {"deleted": "c"}
        assert client.post("/optimize").json() == {"reclaimed": 1}

        missing = client.delete("/vectors/c")
        assert (missing.status_code, "ID not found: c" in missing.json()["detail"]) == (404, True)
        refused = client.post("/query", json={"vector": [1, 0], "filter": "year <"})
        assert refused.status_code == 400
        assert refused.json()["detail"].startswith("Filter parse error")
        short = client.post("/upsert", json={"id": "d", "vector": [1]})
        assert (short.status_code, "Upsert failed" in short.json()["detail"]) == (400, True)
        for body in ({"id": "", "vector": [1, 0]}, {"id": "e", "vector": []}, {"id": "e"}, {"vector": "x", "id": "e"}):
            assert client.post("/upsert", json=body).status_code == 422
    with VecStore(tmp_path / "store") as store:
        assert {result.id for result in store.query([1, 0], 5)} == {"a", "b/c d"}


def test_fastapi_app_without_fastapi_says_what_to_install(tmp_path: Path) -> None:
    program = f"import sys, runpy; sys.modules['fastapi'] = None; runpy.run_path({str(EXAMPLES / 'fastapi_app.py')!r})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert "Install it with: pip install fastapi uvicorn" in done.stderr
