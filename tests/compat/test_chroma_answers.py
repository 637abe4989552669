"""The same calls return what chromadb returns, and docs/chroma.md has a reason for every difference."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import Any

import pytest

import vicinal.compat.chroma as ours
from compat.chroma_calls import ANSWERS, answers

ROWS_MIN = 150
ONE_ROW = "{'ids': ['n1'], 'embeddings': [[1, 2, 3]], 'metadatas': "
# What differs: the reason, and our result if it is a single value.
DIFFERENT: dict[str, tuple[str, Any]] = {
    "get where_document={'$regex': 'a{2'}": ("patterns are Python's", []),
    "get where_document={'$regex': '(?=x)'}": ("patterns are Python's", []),
    "get where_document={'$regex': '[[:alpha:]]'}": ("patterns are Python's", "raises InvalidArgumentError"),
    "get where={'li': {'$contains': 2.0}}": ("numbers are numbers", ["r4"]),
    "query include=['data']": ("data without a loader is refused, as in get", "raises ValueError"),
    "query {'query_embeddings': [[1, 0, inf]]}": ("nothing is near infinity", "raises InvalidArgumentError"),
    "query {'query_embeddings': [[1, 0, 0]], 'ids': ['r1', 'no']}": ("an unknown id is no fault of the store", None),
    "empty delete {'ids': ['a']}": ("rows are counted that there were", {"deleted": 0}),
    "delete {'ids': ['no']}": ("rows are counted that there were", None),
    "delete {'ids': ['r1', 'no']}": ("rows are counted that there were", None),
    "add {'ids': ['n1'], 'embeddings': [[1, 2, 3]], 'metadatas': 'x'}": ("a fault of the call", "raises ValueError"),
    f"add {ONE_ROW}[{{'z': {2**70}}}]}}": ("integers stay exact", None),
    f"add {ONE_ROW}[{{'z': nan}}]}}": ("what would get lost is refused", "raises InvalidArgumentError"),
    "create {'configuration': {'hnsw': {'space': 'cosine'}}}": ("no embedding function is none", None),
    "create {'configuration': {'hnsw': {'ef_search': 50}}}": ("no embedding function is none", None),
    "create {'metadata': {'hnsw:space': 'ip'}, 'configuration': {'hnsw': {'space': 'cosine'}}}": (
        "no embedding function is none",
        None,
    ),
}


@pytest.fixture(scope="module")
def given() -> dict[str, Any]:
    return answers(ours)


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ANSWERS.read_text(encoding="utf-8"))
    return found


def test_answers_are_those_of_chromadb(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert len(given) == len(expected) >= ROWS_MIN
    assert {
        label: answer for label, answer in given.items() if expected[label] != answer and label not in DIFFERENT
    } == {}


def test_listed_differences_are_there(given: dict[str, Any], expected: dict[str, Any]) -> None:
    for label, (_, answer) in DIFFERENT.items():
        assert given[label] != expected[label]
        assert given[label] == answer or (answer is None and "raises" not in given[label])


def test_most_calls_are_no_errors(expected: dict[str, Any]) -> None:
    """The differences are not mainly errors."""
    assert sum(not str(answer).startswith("raises") for answer in expected.values()) > len(expected) / 2


@pytest.mark.skipif(find_spec("chromadb") is None, reason="chromadb is a peer: pip install --group chroma")
def test_the_saved_answers_are_those_of_the_installed_chromadb(expected: dict[str, Any]) -> None:
    import chromadb

    assert answers(chromadb) == expected
