"""A text query finds the text with the same meaning, among the rows that match a filter."""

from __future__ import annotations

from typing import Any

from scenario import eventually, of_run

from vikingdb.vector import CollectionClient, IndexClient, SearchByMultiModalRequest, UpsertDataRequest


def test_scenario_multi_modal_search(
    text: CollectionClient, text_index: IndexClient, paragraph: int, cleanup: Any
) -> None:
    cleanup("text", "text_index")
    titles = ("Harbour", "Orchard", "Observatory")
    rows = [
        {
            "title": title,
            "paragraph": paragraph + i,
            "score": 50.0 + 10 * i,
            "text": f"{title.lower()} notes {paragraph}",
        }
        for i, title in enumerate(titles)
    ]
    for row in rows:
        text.upsert(UpsertDataRequest(data=[row]))
    condition = {"op": "and", "conds": [of_run(paragraph), {"op": "range", "field": "score", "gt": 55.0}]}
    request = SearchByMultiModalRequest(
        text=f"orchard notes {paragraph}", filter=condition, limit=3, output_fields=["title", "score"]
    )
    eventually(lambda: len(text_index.search_by_multi_modal(request).result.data) == 2)
    hits = text_index.search_by_multi_modal(request).result.data
    assert hits[0].fields == {"title": "Orchard", "score": 60.0}
    assert {hit.fields["title"] for hit in hits} == {"Orchard", "Observatory"}
