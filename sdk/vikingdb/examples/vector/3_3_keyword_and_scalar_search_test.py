"""Rows are found by keywords, and sorted by a number."""

from __future__ import annotations

from typing import Any

from scenario import eventually, of_run

from vikingdb.vector import (
    CollectionClient,
    IndexClient,
    SearchByKeywordsRequest,
    SearchByScalarRequest,
    UpsertDataRequest,
)


def test_scenario_keyword_and_scalar_search(
    text: CollectionClient, text_index: IndexClient, paragraph: int, cleanup: Any
) -> None:
    cleanup("text", "text_index")
    for i, words in enumerate(("Signal lost at dusk", "Signal found at dawn", "Nothing was heard")):
        row = {"title": f"{words} {paragraph}", "paragraph": paragraph + i, "score": 10.0 * i, "text": words}
        text.upsert(UpsertDataRequest(data=[row]))
    request = SearchByKeywordsRequest(keywords=["Signal"], filter=of_run(paragraph), limit=3)
    eventually(lambda: len(text_index.search_by_keywords(request).result.data) == 2)
    for hit in text_index.search_by_keywords(request).result.data:
        assert "Signal" in hit.fields["title"]
        assert str(paragraph) in hit.fields["title"]
    ordered = SearchByScalarRequest(field="score", order="asc", filter=of_run(paragraph), limit=3)
    assert [hit.score for hit in text_index.search_by_scalar(ordered).result.data] == [0.0, 10.0, 20.0]
