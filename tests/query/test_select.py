"""`select`: which parts of rows are in hits."""

from __future__ import annotations

from typing import Any

import pytest

import vicinal
from vicinal.errors import InvalidArgument


@pytest.fixture
def docs() -> Any:
    docs = vicinal.connect(":memory:").collection("docs")
    docs.add(["a", "b"], texts=["red fox", "blue fox"], vectors=[[1, 0], [0, 1]], metadata=[{"n": 1}, {"n": 2}])
    return docs


_PARTS: list[tuple[Any, bool, bool]] = [
    (None, True, True),
    ((), False, False),
    ([], False, False),
    (("text",), True, False),
    (["metadata"], False, True),
    (("metadata", "text"), True, True),
]


@pytest.mark.parametrize(("select", "text", "metadata"), _PARTS)
@pytest.mark.parametrize("mode", ["dense", "keyword", "hybrid", "many", "like"])
def test_hits_have_what_was_selected(docs: Any, mode: str, select: Any, text: bool, metadata: bool) -> None:
    def asked(select: Any) -> vicinal.Hits:
        if mode == "dense":
            return docs.search([1, 0.2], select=select)
        if mode == "keyword":
            return docs.search("red fox", mode="keyword", select=select)
        if mode == "hybrid":
            return docs.search("red fox", mode="hybrid", vector=[1, 0.2], select=select)
        if mode == "many":
            return docs.search_many([[1, 0.2], [0, 1]], select=select)[0]
        return docs.search(id="b", select=select)

    whole, found = asked(None), asked(select)
    assert (found.ids, found.scores) == (whole.ids, whole.scores)
    assert found.texts == (whole.texts if text else [None] * len(whole))
    assert found.metadata == (whole.metadata if metadata else [{}] * len(whole))


@pytest.mark.parametrize("select", ["text", ("vector",), 1, {"text": 1}, [1]])
def test_what_is_no_part_is_refused(docs: Any, select: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"select|part"):
        docs.search([1, 0], select=select)
