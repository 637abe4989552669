"""Errors are reported with a code."""

from __future__ import annotations

import pytest

from vikingdb import RequestOptions
from vikingdb.vector import SearchByRandomRequest, VikingDB, VikingVectorException


def test_scenario_unknown_collection(client: VikingDB) -> None:
    index = client.index(collection_name="unknown", index_name="unknown")
    with pytest.raises(VikingVectorException) as caught:
        index.search_by_random(SearchByRandomRequest(limit=1), request_options=RequestOptions(max_attempts=1))
    assert caught.value.code == "NotFound.VikingdbCollection"
    assert caught.value.request_id
