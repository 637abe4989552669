"""Complete workflows: threads, processes and kills; the command line; from documents to evaluated answers."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import vicinal
from vecstore import (
    AnswerCorrectness,
    AnswerFaithfulness,
    ContextRelevance,
    ConversationMemory,
    EvaluationInput,
    Evaluator,
    MarkdownTextSplitter,
    MultiQueryRetrieval,
    PromptTemplate,
    RecursiveCharacterTextSplitter,
    VecDatabase,
    VecStore,
)
from vicinal.encoders.registry import resolve

DOCUMENT = """# Planets

Jupiter is the largest planet. It has rings, and a storm that is centuries old.

# Bread

Bread is baked in an oven. Dough rests before that, so that yeast can work.

# Rust

Rust checks borrows when a program is compiled. It has no garbage collector.
"""


def embed(text: str) -> list[float]:
    vector: list[float] = resolve("hashing:256").encode([text])[0].tolist()
    return vector


def ids(store: VecStore) -> set[str]:
    return {result.id for result in store.query([1.0, 1.0], 10**6)}


# -- threads, processes and kills


def number_of(store: VecStore) -> int:
    """Returns the number of records, after checking that they are the first ones, each complete, and the counter."""
    found = {result.id: result.metadata["n"] for result in store.query([1.0, 1.0], 10**6)}
    counter = found.pop("counter", -1)
    assert found == {f"d{i}": i for i in range(len(found))}
    assert counter in (len(found) - 1, len(found) - 2)  # it is written after each record
    return len(found)


def test_snapshots_that_are_taken_while_another_thread_writes_are_of_one_moment(store: VecStore) -> None:
    stop, failures = threading.Event(), []

    def write() -> None:
        try:
            for i in range(10**6):
                if stop.is_set():
                    return
                store.upsert(f"d{i}", [1.0, float(i)], {"n": i})
                store.upsert("counter", [1.0, 0.0], {"n": i})
        except Exception as error:
            failures.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for i in range(8):
            before = len(store)
            store.create_snapshot(f"s{i}")
            while len(store) < before + 5 and writer.is_alive():
                pass
    finally:
        stop.set()
        writer.join()
    assert not failures
    listed = store.list_snapshots()
    assert [name for name, _, _ in listed] == [f"s{i}" for i in reversed(range(8))]
    sizes = []
    for name, _, count in reversed(listed):
        store.restore_snapshot(name)
        assert len(store) == count
        sizes.append(number_of(store))
    assert sizes == sorted(sizes)
    assert sizes[-1] > sizes[0]


def test_a_search_during_a_restore_sees_one_side_or_the_other(store: VecStore) -> None:
    store.create_snapshot("empty")
    for side, count in (("left", 40), ("right", 60)):
        store.restore_snapshot("empty")
        for i in range(count):
            store.upsert(f"{side}{i}", [1.0, float(i)], {})
        store.create_snapshot(side)
    stop, seen = threading.Event(), set()

    def search() -> None:
        while not stop.is_set():
            found = ids(store)
            seen.add((len(found), tuple(sorted({id_.rstrip("0123456789") for id_ in found}))))

    searchers = [threading.Thread(target=search) for _ in range(2)]
    for searcher in searchers:
        searcher.start()
    try:
        for i in range(10):
            store.restore_snapshot(("left", "right")[i % 2])
    finally:
        stop.set()
        for searcher in searchers:
            searcher.join()
    assert seen <= {(40, ("left",)), (60, ("right",))}


RESTORER = """
import itertools, sys
from vecstore import VecStore

store = VecStore(sys.argv[1])
for side in itertools.cycle(["left", "right"]):
    print("to", side, flush=True)
    store.restore_snapshot(side)
    print("at", side, flush=True)
"""


KILLS = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")


@KILLS
@pytest.mark.slow
def test_a_restore_that_is_killed_has_happened_or_has_not(tmp_path: Path) -> None:
    sides = {"left": {f"left{i}" for i in range(30)}, "right": {f"right{i}" for i in range(50)}}
    with VecStore(tmp_path / "store") as store:
        store.create_snapshot("empty")
        for side, wanted in sides.items():
            store.restore_snapshot("empty")
            for id_ in sorted(wanted):
                store.upsert(id_, [1.0, 2.0], {"side": side})
            store.index_text(f"{side}0", f"word {side}")
            store.create_snapshot(side)
    dice, moved = random.Random(5), set()
    for _ in range(6):
        command = [sys.executable, "-c", RESTORER, str(tmp_path / "store")]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        with child.stdout:
            for _ in range(dice.randint(1, 6)):
                child.stdout.readline()
            child.send_signal(signal.SIGKILL)
            child.stdout.read()
        assert child.wait(60) == -signal.SIGKILL
        with VecStore(tmp_path / "store") as store:
            found = ids(store)
            (side,) = [side for side, wanted in sides.items() if found == wanted]
            assert store.hybrid_query([1.0, 2.0], side, 1, 0.0)[0].id == f"{side}0"
            assert {name for name, _, _ in store.list_snapshots()} == {"left", "right", "empty"}
            moved.add(side)
            store.upsert("new", [2.0, 1.0], {})
            store.remove("new")
    assert moved == set(sides)


WRITER = """
import itertools, sys
from vecstore import VecStore

store = VecStore(sys.argv[1])
for i in itertools.count(len(store)):
    store.upsert(str(i), [1.0, float(i)], {"n": i})
    store.index_text(str(i), f"word{i}")
    print(i, flush=True)
"""


@KILLS
def test_what_was_stored_survives_a_kill_without_save(tmp_path: Path) -> None:
    last = -1
    for _ in range(3):
        command = [sys.executable, "-c", WRITER, str(tmp_path / "store")]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        with child.stdout:
            for _ in range(20):
                last = int(child.stdout.readline())
            child.send_signal(signal.SIGKILL)
        child.wait(60)
        with VecStore(tmp_path / "store") as store:
            assert len(store) >= last + 1
            assert store.hybrid_query([1.0, 0.0], f"word{last}", 1, 0.0)[0].metadata == {"n": last}


def test_two_processes_share_a_store(store: VecStore, tmp_path: Path) -> None:
    store.upsert("mine", [1.0, 0.0], {})
    program = """
import sys
from vecstore import VecStore
store = VecStore(sys.argv[1])
assert [result.id for result in store.query([1.0, 0.0], 5)] == ["mine"]
store.upsert("theirs", [0.0, 1.0], {"from": "another process"})
store.create_snapshot("theirs")
store.remove("mine")
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "store")], check=True, timeout=60)
    assert ids(store) == {"theirs"}
    store.restore_snapshot("theirs")
    assert ids(store) == {"mine", "theirs"}


# -- the command line, a server and the engine


def run_vicinal(*words: object) -> str:
    command = [sys.executable, "-m", "vicinal", *map(str, words)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def test_the_command_line_opens_a_store(store: VecStore, tmp_path: Path) -> None:
    pytest.importorskip("typer", reason="typer is not installed")
    store.upsert("fox", [1.0, 0.0], {"n": 1})
    store.upsert("dog", [0.0, 1.0], {})
    store.index_text("fox", "the quick brown fox")
    assert '"rows": 2' in run_vicinal("stats", tmp_path / "store", "--json")
    found = run_vicinal("search", tmp_path / "store", "vectors", "brown", "--mode", "keyword", "--json")
    assert '"fox"' in found
    assert '"dog"' not in found


@pytest.mark.slow
def test_a_store_and_a_database_may_be_behind_a_server() -> None:
    for needed in ("httpx", "msgspec", "starlette", "typer", "uvicorn"):
        pytest.importorskip(needed, reason=f"{needed} is not installed")
    from support.served import VicinalServer

    with VicinalServer() as server:
        with VecStore(server.url) as store:
            store.upsert("fox", [1.0, 0.0], {"n": 1})
            store.upsert("fox", [1.0, 0.1], {"n": 2})
            store.upsert("dog", [0.0, 1.0], {})
            store.index_text("fox", "the quick brown fox")
            assert store.hybrid_query([0.0, 1.0], "brown", 1, 0.0)[0].metadata == {"n": 2}
            assert [result.id for result in store.query([1.0, 0.0], 5, "n >= 2")] == ["fox"]
            assert (store.optimize(), store.optimize()) == (2, 0)  # before the second upsert, and before the text
            store.create_snapshot("two")
            store.remove("dog")
            with pytest.raises(ValueError, match="Remove failed: ID not found: dog"):
                store.remove("dog")
            store.restore_snapshot("two")
            assert {result.id for result in store.query([1.0, 1.0], 5)} == {"fox", "dog"}
            assert [(name, count) for name, _, count in store.list_snapshots()] == [("two", 2)]
        with VecDatabase(server.url) as db:
            docs = db.create_collection("docs")
            docs.upsert("a", [1.0], {})
            assert (db.list_collections(), docs.count(), docs.delete("a"), docs.delete("a")) == (
                ["docs", "vectors"], 1, True, False,
            )  # fmt: skip
            assert db.delete_collection("docs") is True
            with pytest.raises(
                ValueError, match="Failed to create collection: Error: Namespace already exists: vectors"
            ):
                db.create_collection("vectors")


def test_a_store_is_a_database_of_the_engine(store: VecStore, tmp_path: Path) -> None:
    store.upsert("a", [3.0, 4.0], {"n": 1})
    store.index_text("a", "fox")
    with vicinal.connect(tmp_path / "store") as db:
        (row,) = db.collection("vectors").get(vectors=True)
        assert (row.id, row.text, row.metadata) == ("a", "fox", {"n": 1})
        assert np.array_equal(row.vector, [3.0, 4.0])
        assert db.collection("vectors").verify().ok
    with VecDatabase(tmp_path / "store") as database:
        found = database.get_collection("vectors")
        assert found is not None
        assert found.query([3.0, 4.0], 1)[0].score == 1.0


# -- from documents to answers


@pytest.fixture
def library(store: VecStore) -> VecStore:
    for i, chunk in enumerate(MarkdownTextSplitter(120, 20).split_text(DOCUMENT)):
        store.upsert(f"chunk{i}", embed(chunk), {"text": chunk, "source": "document.md", "number": i})
        store.index_text(f"chunk{i}", chunk)
    return store


def test_a_document_becomes_a_prompt(library: VecStore) -> None:
    question = "which planet is the largest"
    found = library.query(embed(question), k=1)
    assert "Jupiter is the largest planet" in found[0].metadata["text"]
    context = "\n".join(result.metadata["text"] for result in found)
    prompt = PromptTemplate("Context: {context}\nQuestion: {question}").format(
        {"context": context, "question": question}
    )
    assert prompt.endswith("Question: which planet is the largest")
    assert "Jupiter" in prompt


def test_words_find_what_meaning_misses(library: VecStore) -> None:
    unrelated = embed("zzz")
    assert "yeast" in library.hybrid_query(unrelated, "yeast", 1, alpha=0.1)[0].metadata["text"]
    only = library.hybrid_query(unrelated, "yeast", 5, alpha=0.1, filter="number > 1 AND source STARTSWITH 'doc'")
    assert all(result.metadata["number"] > 1 for result in only)


def test_several_wordings_of_a_question_are_fused(library: VecStore) -> None:
    wordings = ["largest planet", "which planet is biggest", "the planet with a storm and rings"]
    sets = [library.query(embed(wording), k=3) for wording in wordings]
    best = MultiQueryRetrieval.reciprocal_rank_fusion(sets, 60)[0]
    assert "Jupiter" in best.metadata["text"]
    assert best.score <= 3 / 60


def test_a_conversation_about_what_was_found(library: VecStore) -> None:
    memory = ConversationMemory(max_tokens=60)
    memory.add_message("system", "Answer from the context.")
    for question in ("which planet is the largest", "how is bread baked", "what does Rust check"):
        found = library.query(embed(question), k=1)[0]
        memory.add_message("user", question)
        memory.add_message("assistant", found.metadata["text"].split("\n")[2])
    said = memory.format_messages()
    assert said.startswith("system: Answer from the context.")
    assert "Rust checks borrows" in said
    assert memory.token_count() <= 60


def test_a_changed_document_takes_the_place_of_the_old_one(library: VecStore) -> None:
    library.create_snapshot("before")
    for result in library.query(embed("x"), 100, filter="source = 'document.md'"):
        library.remove(result.id)
    chunks = RecursiveCharacterTextSplitter(60, 0).split_text("Saturn is the largest planet now.")
    for i, chunk in enumerate(chunks):
        library.upsert(f"chunk{i}", embed(chunk), {"text": chunk, "source": "document.md"})
    assert "Saturn" in library.query(embed("largest planet"), 1)[0].metadata["text"]
    assert library.optimize() > 0
    library.restore_snapshot("before")
    assert "Jupiter" in library.query(embed("largest planet"), 1)[0].metadata["text"]


def test_tenants_do_not_see_each_other(db: VecDatabase) -> None:
    for tenant in ("acme", "globex"):
        docs = db.create_collection(tenant)
        for i in range(5):
            docs.upsert(f"doc{i}", embed(f"{tenant} report {i}"), {"tenant": tenant, "year": 2020 + i})
    acme = db.get_collection("acme")
    assert acme is not None
    found = acme.query(embed("report"), k=10, filter="year >= 2022 AND NOT year = 2023")
    assert {result.metadata["tenant"] for result in found} == {"acme"}
    assert {result.metadata["year"] for result in found} == {2022, 2024}
    db.delete_collection("acme")
    assert db.list_collections() == ["globex"]


def test_answers_are_judged_by_a_model_behind_a_server_that_is_late_at_first(library: VecStore) -> None:
    pytest.importorskip("httpx", reason="httpx is not installed")
    from support.chat_server import serving
    from vicinal.llm import OpenAIServer

    answers = judging()
    next(answers)
    with serving(lambda path, asked: answers.send((path, asked))) as server:
        model = OpenAIServer("judge", server.url, timeout=30, retries=2)
        evaluator = Evaluator()
        for metric in (ContextRelevance(model), AnswerFaithfulness(model), AnswerCorrectness(model)):
            evaluator.add_metric(metric)
        found = library.query(embed("which planet is the largest"), k=3)
        contexts = [result.metadata["text"] for result in found]
        given = EvaluationInput("Which planet is the largest?", contexts, "Jupiter.", "It is Jupiter.")
        report = evaluator.evaluate(given)
        model.close()
    assert report.metric_scores == {
        "context_relevance": pytest.approx(1 / 3),
        "answer_faithfulness": 0.9,
        "answer_correctness": 1.0,
    }


def judging() -> Iterator[tuple[int, object]]:
    """A server that is busy at first: yes for Jupiter, 0.9 for faithful answers, the same vector for all texts."""
    from support.chat_server import says, vector

    path, asked = yield (503, "starting")
    path, asked = yield (503, "starting")
    while True:
        prompt = "" if path.endswith("embeddings") else asked["messages"][0]["content"]
        if not prompt:
            answer = vector([1.0, 2.0])
        elif "yes or no" in prompt:
            answer = says("**Yes**" if "Jupiter" in prompt else "no, that is about something else")
        else:
            answer = says("Score: 0.9 / 1.0")
        path, asked = yield answer
