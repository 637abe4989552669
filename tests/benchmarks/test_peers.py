"""Every adapter, in its own process as in a suite. Peers that are not installed are skipped."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest

from benchmarks.answers import judge
from benchmarks.contract import KeywordPeer, VectorPeer
from benchmarks.crew import THREAD_VARIABLES, Crew, Member, PeerFailed
from benchmarks.data import Data, make
from benchmarks.peers import KEYWORDS, VECTORS, available, load
from benchmarks.suites.keyword import analysed, save_tokens

ROWS, DIMENSION, QUERIES, K = 500, 16, 20, 5


def params(names: list[str]) -> list[object]:
    return [
        pytest.param(
            name, marks=pytest.mark.skipif(not available(name), reason=f"optional peer {name}: {load(name).install}")
        )
        for name in names
    ]


@pytest.fixture(scope="module")
def data() -> Data:
    return make("generated", ROWS, DIMENSION)


@pytest.fixture(scope="module")
def folder(data: Data, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    data.save(folder)
    return folder


@pytest.mark.parametrize("name", params(list(VECTORS)))
def test_vector_peers_find_the_nearest(name: str, data: Data, folder: Path, tmp_path: Path):
    peer = load(name)
    assert issubclass(peer, VectorPeer)
    with Member(name, tmp_path, folder, 1) as member:
        built = member.ask("build", count=ROWS, size=100, bare=not peer.rows)
        assert built["seconds"] == pytest.approx(built["insert_seconds"] + built["finish_seconds"])
        found = member.ask("answers", count=QUERIES, k=K, below=None)["numbers"]
        many = member.ask("answers_of_many", count=QUERIES, k=K)["numbers"]
        timed = member.ask("search", count=QUERIES, k=K, below=None)
        assert 0 < timed["p50_seconds"] <= timed["p95_seconds"]
        assert member.ask("search_many", count=QUERIES, k=K)["seconds"] > 0
        if peer.rows:
            check_filters(member, data)
    for numbers in (found, many):
        facts = judge(data, {name: numbers}, K)[name]
        assert facts["recall"] > 0.9
        if peer.exact:
            assert facts["other_answers"] == 0


def check_filters(member: Member, data: Data) -> None:
    for below in (500, 70, 2):
        numbers = member.ask("answers", count=QUERIES, k=K, below=below)["numbers"]
        assert all(data.metadata[number]["part"] < below for row in numbers for number in row)
        assert judge(data, {"peer": numbers}, K, below)["peer"]["recall"] > 0.9


@pytest.mark.parametrize("name", params([name for name in VECTORS if getattr(load(name), "persistent", False)]))
def test_persistent_peers_are_opened_by_another_process(name: str, folder: Path, tmp_path: Path):
    kept = tmp_path / "kept"
    kept.mkdir()
    with Member(name, tmp_path, folder, 1, kept) as member:
        member.ask("build", count=ROWS, size=100, bare=False)
        before = member.ask("answers", count=QUERIES, k=K, below=500)["numbers"]
    with Member(name, tmp_path, folder, 1, kept) as member:
        opened = member.ask("open", k=K, below=500)
        assert opened["seconds"] > 0
        assert member.ask("answers", count=QUERIES, k=K, below=500)["numbers"] == before


def test_reads_of_records_are_counted(folder: Path, tmp_path: Path):
    kept = tmp_path / "kept"
    kept.mkdir()
    with Member("vicinal", tmp_path, folder, 1, kept) as member:
        member.ask("build", count=ROWS, size=100, bare=False)
    with Member("vicinal", tmp_path, folder, 1, kept) as member:
        counted = member.ask("count", k=K, below=500)
    size = next(kept.rglob("records.db")).stat().st_size
    assert 0 < counted["records_read_at_open"] <= counted["records_read_at_answer"] <= 4 * size


def bm25(documents: list[list[str]], query: list[str], k1: float, b: float, *, floor: bool) -> dict[int, float]:
    """Robertson and Zaragoza, "The Probabilistic Relevance Framework" (2009), eq. 3.15, without the factor k1 + 1.

    The idf has 1 + inside its logarithm, or is floored as in SQLite's fts5_aux.c.
    """
    average = sum(map(len, documents)) / len(documents)
    scores: dict[int, float] = {}
    for token in query:
        holding = [number for number, tokens in enumerate(documents) if token in tokens]
        odds = (len(documents) - len(holding) + 0.5) / (len(holding) + 0.5)
        idf = max(math.log(odds), 1e-6) if floor else math.log(1 + odds)
        for number in holding:
            count = documents[number].count(token)
            length = 1 - b + b * len(documents[number]) / average
            scores[number] = scores.get(number, 0.0) + idf * count / (count + k1 * length)
    return scores


TEXTS = [
    "The quick brown fox jumps over the lazy dog",
    "A fox, a dog and a cat",
    "Dogs and foxes quarrel; dogs win",
    "Crème brûlée in Zürich, and more crème",
    "crème fraîche",
    "Nothing of that",
    "running runs ran",
    "the the the the",
]


@pytest.mark.parametrize("name", params(list(KEYWORDS)))
def test_keyword_peers_score_by_bm25(name: str, tmp_path: Path):
    peer = load(name)
    assert issubclass(peer, KeywordPeer)
    documents = analysed(TEXTS)
    queries = [["fox"], ["dog", "cat"], ["crème"], ["run", "the"], ["the"], ["absent"], ["zürich", "fox", "dog"]]
    (tmp_path / "tokens.json").write_text(json.dumps({"texts": TEXTS, "documents": documents, "queries": queries}))
    with Member(name, tmp_path, tmp_path, 1) as member:
        assert member.ask("build")["seconds"] > 0
        assert len(member.ask("search", k=3)["each"]) == len(queries)
        if peer.analyses:
            assert member.ask("build_from_texts")["seconds"] > 0
        answers = member.ask("answers", k=len(TEXTS))["hits"]
    for query, hits in zip(queries, answers, strict=True):
        expected = bm25(documents, query, peer.k1, peer.b, floor=name == "sqlite-fts5")
        assert {number for number, _ in hits} == set(expected)
        assert [score for _, score in hits] == sorted((score for _, score in hits), reverse=True)
        factors = {round(score / expected[number], 3) for number, score in hits}
        assert len(factors) <= 1 or max(factors) - min(factors) < 2e-3  # the same but for one constant


def test_queries_are_drawn_from_the_documents(tmp_path: Path):
    documents = analysed(TEXTS)
    lengths = save_tokens(tmp_path, TEXTS)
    saved = json.loads((tmp_path / "tokens.json").read_text())
    assert saved["documents"] == documents
    assert len(saved["queries"]) == 1000
    assert set(lengths) == set(range(1, 9))
    known = {token for row in documents for token in row}
    assert all(set(query) <= known and len(set(query)) == len(query) for query in saved["queries"])
    assert documents[0][:3] == ["the", "quick", "brown"]
    assert documents[2][0] == "dog"


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not tie processes to processors")
@pytest.mark.parametrize("threads", [1, 2])
def test_everybody_has_the_same_threads(threads: int, folder: Path, tmp_path: Path):
    before = os.sched_getaffinity(0)
    with Member("numpy", tmp_path, folder, threads) as member:
        process = member.process_id
        environment = dict(
            line.split("=", 1) for line in Path(f"/proc/{process}/environ").read_text().split("\0") if "=" in line
        )
        assert {environment[variable] for variable in THREAD_VARIABLES} == {str(threads)}
        assert len(os.sched_getaffinity(process)) == min(threads, len(before))
    assert os.sched_getaffinity(0) == before


def test_a_peer_that_raises_is_left_out_and_the_others_go_on(folder: Path, tmp_path: Path, capsys):
    crew = Crew(["numpy", "scanner"], tmp_path)
    with crew.members(folder, 1) as members:
        members["numpy"].ask("build", count=ROWS, size=100, bare=True)
        replies = crew.attempt(members, "answers", count=2, k=K, below=None)  # the scanner has built nothing
        assert set(replies) == set(members) == {"numpy"}
    assert crew.names == ["numpy"]
    assert "AttributeError" in crew.left_out["scanner"]
    assert "Traceback" in capsys.readouterr().err


def test_a_peer_whose_process_dies_is_told_with_its_last_words(folder: Path, tmp_path: Path):
    with pytest.raises(PeerFailed, match="ended with status") as failure:
        Member("numpy", tmp_path, tmp_path / "no data here", 1)
    assert "FileNotFoundError" in failure.value.details
    assert not any(path.name.startswith("numpy-") for path in tmp_path.iterdir())


def test_what_a_peer_prints_is_not_taken_for_a_reply(folder: Path, tmp_path: Path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("import atexit\nprint('hello')\natexit.register(print, 'bye')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(PeerFailed, match="hello"):  # before the worker could turn its output away
        Member("numpy", tmp_path, folder, 1)


def test_peers_name_what_they_need():
    for name in (*VECTORS, *KEYWORDS):
        peer = load(name)
        assert peer.name == name
        assert peer.install
        assert peer.__doc__
