"""Correct user programs: mypy (strict) and pyright find nothing in this file."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

import vicinal
from vicinal import Collection, Hit, Hits, Record, Row, VicinalError


class Mine:
    """An encoder by a user."""

    dim = 3

    def encode(self, sentences: list[str], batch_size: int = 32) -> list[list[float]]:
        return [[1.0, float(len(sentence)), float(batch_size)] for sentence in sentences]


class Longest:
    """A reranker by a user."""

    name = "longest"

    def rerank(self, query: str, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return np.array([len(text) for text in texts], dtype=np.float32)


class Tensor:
    """The arrays of other libraries."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[np.float32]:
        return np.zeros((2, 3), dtype=np.float32)


def rows() -> Iterator[Row]:
    yield {"id": 1, "text": "one", "metadata": {"year": 2024}}
    yield {"text": "two", "vector": [1, 2, 3], "ttl": timedelta(days=1)}


def plain_rows() -> list[dict[str, Any]]:
    return [{"id": 1, "text": "one"}]


def opening() -> None:
    with vicinal.connect("./data", encoder_cache="disk", exclusive=True) as db:
        db.collection("plain")
        db.collection("docs", encoder="minilm", metric="cosine", auto_ids="integer", zero_vectors="allow")
        db.collection("mine", encoder=Mine(), dimension=3, durability="process", timeout=3)
        names: list[str] = db.collections()
        print(names, "docs" in db)


def writing(docs: Collection) -> list[str | int | uuid.UUID]:
    docs.add("a", texts="one text")
    docs.add(42, texts="a text", metadata={"year": 2024})
    docs.add(texts=["one", None], metadata=[{"tags": ["a", "b"]}, None], ttl=60)
    docs.add(["a", 2, uuid.uuid4()], vectors=np.eye(3), ttl=[60, None, datetime.now(UTC)])
    docs.add(np.arange(3), vectors=[[1, 2, 3], None, np.zeros(3, dtype=np.float32)])
    docs.add(vectors=Tensor())
    docs.add(texts=(text for text in ("one", "two")))
    docs.upsert(["a"], texts=["one"], sparse=[{3: 0.5, 7: 1}], ttl=timedelta(hours=1))
    docs.upsert(rows=rows())
    docs.upsert(rows=[{"id": "a", "text": "one", "metadata": {"year": 2024}}], ttl=60)
    docs.upsert(rows=({"id": i, "text": text} for i, text in enumerate(["one", "two"])))
    docs.upsert(rows=plain_rows())
    docs.upsert(rows=[record.to_dict() for record in docs.get()])
    docs.update("a", metadata={"year": 2025})
    docs.update(where={"year": {"$lt": 2000}}, metadata={"old": True})
    docs.delete(["a", 2])
    docs.delete(where={"year": 2024})
    return docs.add(ids=["a"], texts=["one"])


def reading(docs: Collection) -> list[Record]:
    for record in docs.scroll({"year": 2024}, order_by="year", descending=True):
        text: str | None = record.text
        print(text, record.metadata["year"])
    return docs.get(["a", 2], vectors=True) + docs.get(limit=3) + docs.get("a")


def searching(docs: Collection, vector: Sequence[float], queries: Iterable[str]) -> Hits:
    why: vicinal.Explanation = docs.explain("a question", 3, {"year": 2024}, mode="hybrid", alpha=0.3)
    docs.explain(id="a", exact=True)
    lost: vicinal.WhyNot = docs.why_not("a", "a question", k=3, mode="keyword", syntax="operators")
    hits: Hits = docs.search_range([1, 2, 3], {"year": 2024}, min_score=0.5, id=None)
    hits = docs.search_range("a", max_distance=1, mode="keyword", select=("text",))
    hits = docs.recommend(["a", 2], [[1.0, 2.0, 3.0]], 3, mmr=0.5, offset=10)
    hits = docs.recommend("a", negative=uuid.uuid4(), group_by="year")
    hits = docs.search("a", mmr=0.5, fetch_k=50)
    print([group.value for group in docs.search("a", group_by="year", group_size=3).groups], hits.groups)
    docs.search("a", rerank="lexical")
    docs.search("a", rerank=Longest())
    copies: vicinal.Duplicates = docs.duplicates(0.9, {"year": 2024}, max_pairs=10, progress=True)
    docs.delete(copies.extra)
    docs.log_queries(slower_than=0.1)
    slow: list[vicinal.LoggedQuery] = docs.slow_queries(3)
    print(slow[0].seconds, copies.groups)
    print(why.hits[0].legs["dense"].rank, why.step("filter").seconds, lost.reason, lost.found)
    docs.search("a question", k=3, where={"year": {"$gte": 2020}})
    docs.search(vector)
    docs.search(np.zeros(3))
    docs.search([0.1, 0.2, 3])
    docs.search(id="a")
    docs.search("words", mode="hybrid", alpha=0.3, fusion="rrf", vector=[1.0, 2.0], sparse={3: 1.0})
    docs.search("words", mode="keyword", scorer=vicinal.Bm25(k1=1.5))
    many: list[Hits] = docs.search_many(list(queries), k=3)
    docs.search_many(np.eye(3))
    hits = docs.search("a question")
    first: Hit = hits[0]
    part: Hits = hits[:2]
    scores: list[float] = [hit.score for hit in part]
    print(first.id, scores, hits.texts, hits.to_json(), len(many))
    return part


def failing(docs: Collection) -> None:
    try:
        docs.reembed("minilm")
    except VicinalError as error:
        print(error.remedy)
