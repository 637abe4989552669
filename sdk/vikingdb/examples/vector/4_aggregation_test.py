"""Rows are counted, in total and by value."""

from __future__ import annotations

from typing import Any

from scenario import eventually, of_run

from vikingdb.vector import AggRequest, CollectionClient, IndexClient, UpsertDataRequest


def test_scenario_aggregation(text: CollectionClient, text_index: IndexClient, paragraph: int, cleanup: Any) -> None:
    cleanup("text", "text_index")
    for i in (0, 0, 1):
        row = {"title": "Counted", "paragraph": paragraph + i, "score": 1.0, "text": f"counted {paragraph}"}
        text.upsert(UpsertDataRequest(data=[row]))
    by_paragraph = AggRequest(op="count", field="paragraph", filter=of_run(paragraph), cond={"gt": 1})
    eventually(lambda: text_index.aggregate(by_paragraph).result.agg == {str(paragraph): 2})
    total = text_index.aggregate(AggRequest(op="count", filter=of_run(paragraph))).result.agg
    assert total["__TOTAL__"] == 3
