"""Rows are written, searched, changed, read and deleted."""

from __future__ import annotations

from typing import Any

import pytest
from scenario import eventually

from vikingdb.vector import (
    CollectionClient,
    DeleteDataRequest,
    FetchDataInCollectionRequest,
    IndexClient,
    SearchByMultiModalRequest,
    UpdateDataRequest,
    UpsertDataRequest,
)

STORIES = ("a lighthouse keeper counts ships", "two sisters open a bakery", "the last train to the harbour")


def test_scenario_collection_lifecycle(
    text: CollectionClient, text_index: IndexClient, paragraph: int, cleanup: Any
) -> None:
    cleanup("text", "text_index")
    texts = [f"{story}, told in session {paragraph}" for story in STORIES]
    for i, story in enumerate(texts):
        row = {"title": f"Story {i}", "paragraph": paragraph + i, "score": 60.0 + i, "text": story}
        assert text.upsert(UpsertDataRequest(data=[row])).request_id

    found: list[Any] = []
    for i, story in enumerate(texts):

        def is_first(i: int = i, story: str = story) -> bool:
            hits = text_index.search_by_multi_modal(SearchByMultiModalRequest(text=story, limit=3)).result.data
            if not hits or hits[0].fields["paragraph"] != paragraph + i:
                return False
            found.append(hits[0].id)
            return True

        eventually(is_first)

    text.update(UpdateDataRequest(data=[{"__AUTO_ID__": found[0], "score": 99.5}]))
    [item] = text.fetch(FetchDataInCollectionRequest(ids=[found[0]])).result.items
    assert item.fields["score"] == pytest.approx(99.5)
    assert item.fields["text"] == texts[0]

    text.delete(DeleteDataRequest(ids=found))
    fetched = text.fetch(FetchDataInCollectionRequest(ids=found)).result
    assert (fetched.items, sorted(fetched.ids_not_exist)) == ([], sorted(found))
