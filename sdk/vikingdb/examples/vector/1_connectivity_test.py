"""The server responds."""

from __future__ import annotations

from vikingdb.vector import IndexClient, SearchByRandomRequest


def test_scenario_connectivity(text_index: IndexClient) -> None:
    response = text_index.search_by_random(SearchByRandomRequest(limit=1))
    assert response.request_id
    assert len(response.result.data) <= 1
