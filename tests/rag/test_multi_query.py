"""Several wordings of a question, fused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

import vicinal
from vicinal.errors import InvalidArgument
from vicinal.rag import MultiQueryRetrieval, fused


@dataclass(frozen=True)
class Found:
    id: str
    note: str = ""


@pytest.fixture
def docs() -> Iterator[vicinal.Collection]:
    with vicinal.connect(":memory:") as database:
        docs = database.collection("docs", dimension=2, encoder=None)
        docs.add(["a", "b", "c"], texts=["red fox", "blue fox", "blue sky"], metadata=[{"n": 1}, {"n": 2}, {"n": 3}])
        yield docs


def test_the_worked_example() -> None:
    lists = [[Found("d1", "first"), Found("d2"), Found("d3")], [Found("d2"), Found("d4"), Found("d1", "second")]]
    found = fused(lists, 60, first_rank=0)
    assert [result.id for result, _ in found] == ["d2", "d1", "d4", "d3"]
    assert [value for _, value in found] == pytest.approx([0.033060, 0.032796, 0.016393, 0.016129], abs=1e-6)
    assert found[1][0].note == "first"


def test_ties_stay_in_order_and_repeats_count() -> None:
    assert [r.id for r, _ in fused([[Found("x")], [Found("y")]])] == ["x", "y"]
    assert fused([[Found("x"), Found("x")]], 60) == [(Found("x"), 1 / 61 + 1 / 62)]
    assert fused([]) == []


def test_a_constant_that_divides_by_zero_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="above 0"):
        fused([], 0, first_rank=0)
    assert fused([[Found("x")]], 0) == [(Found("x"), 1.0)]


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        ([Found("x")], r"list of lists of results, but result_sets\[0\] is of type Found"),
        (None, "list of lists of results, but .* is of type NoneType"),
        (["abc"], "is of type str"),
        ([[Found("x")], [Found("y"), 5]], r"a result must have an id, but result_sets\[1\]\[1\] is of type int"),
    ],
)
def test_what_is_no_list_of_rankings_is_refused(sets: Any, said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        fused(sets)


def test_rankings_may_be_made_on_the_way() -> None:
    assert fused((found for found in [Found("x")]) for _ in range(2)) == [(Found("x"), 2 / 61)]


def test_other_wordings_find_what_the_question_does_not(docs: vicinal.Collection) -> None:
    asked: list[str] = []

    def rewrite(question: str) -> list[str]:
        asked.append(question)
        return ["blue", "red", "blue"]

    hits = MultiQueryRetrieval(docs, rewrite).search("fox", k=3, mode="keyword")
    assert asked == ["fox"]
    assert hits.ids == ["a", "b", "c"]
    assert hits[0].metadata == {"n": 1}
    assert hits[0].score == pytest.approx(2 / 61, abs=1e-9)
    assert MultiQueryRetrieval(docs, rewrite).search("fox", k=1, mode="keyword").ids == ["a"]
    assert MultiQueryRetrieval(docs, rewrite).search("fox", where={"n": 1}, mode="keyword").ids == ["a"]


def test_rankings_go_in_unchanged(docs: vicinal.Collection) -> None:
    answers = docs.search_many(["fox", "blue"], mode="keyword")
    scores = [answer.scores for answer in answers]
    one = MultiQueryRetrieval.reciprocal_rank_fusion(answers, 60, first_rank=0)
    assert sorted(one.ids) == ["a", "b", "c"]
    assert one.scores == sorted(one.scores, reverse=True)
    assert [answer.scores for answer in answers] == scores
    assert len(MultiQueryRetrieval.reciprocal_rank_fusion([])) == 0
    with pytest.raises(InvalidArgument, match="must be Hits"):
        MultiQueryRetrieval.reciprocal_rank_fusion([[Found("x")]])  # type: ignore[list-item]


@pytest.mark.parametrize("rewritten", ["abc", None, 5, [5]])
def test_a_rewrite_returns_a_list_of_texts(docs: vicinal.Collection, rewritten: Any) -> None:
    with pytest.raises(InvalidArgument, match="rewrite must return a list of texts, not"):
        MultiQueryRetrieval(docs, lambda question: rewritten).search("fox", mode="keyword")


def test_a_rewrite_is_a_function(docs: vicinal.Collection) -> None:
    with pytest.raises(InvalidArgument, match="rewrite must be a function from a question to other wordings, not int"):
        MultiQueryRetrieval(docs, 5)  # type: ignore[arg-type]
