"""Mistakes in calls, each on a line that ends in "# wrong": mypy and pyright report exactly these lines."""

from __future__ import annotations

import vicinal
from vicinal import Collection, Row


def opening() -> None:
    vicinal.connect(42)  # wrong
    vicinal.connect("./data", encoder_cache="redis")  # wrong
    db = vicinal.connect("./data")
    db.collection(7)  # wrong
    db.collection("docs", metric="euclidean")  # wrong
    db.collection("docs", auto_ids="int")  # wrong
    db.collection("docs", zero_vectors=True)  # wrong
    db.collection("docs", durability="none")  # wrong
    db.collection("docs", encoder=42)  # wrong
    db.collection("docs", dimension="384")  # wrong
    db.collection("docs", model="minilm")  # wrong


def writing(docs: Collection) -> None:
    docs.add(42, texts=3.5)  # wrong
    docs.add(texts=[1, 2])  # wrong
    docs.add(3.5)  # wrong
    docs.add(vectors="not a vector")  # wrong
    docs.add(vectors=[["a"]])  # wrong
    docs.add(metadata=["a"])  # wrong
    docs.add(texts=["a"], metadatas=[{}])  # wrong
    docs.add(documents=["a"])  # wrong
    docs.add(["a"], rows=[{"id": "a"}])  # wrong
    docs.add(rows=["a"])  # wrong
    docs.upsert(rows=3)  # wrong
    docs.upsert(texts=["a"], ttl="a day")  # wrong
    docs.update("a", metadata=7)  # wrong
    docs.update(where="year > 3", metadata={})  # wrong
    docs.delete(where=["a"])  # wrong
    one: Row = {"id": "a", "txt": "b"}  # wrong
    two: Row = {"id": "a", "text": 7}  # wrong
    print(one, two)


def reading(docs: Collection) -> None:
    docs.get(limit="3")  # wrong
    docs.get(3.5)  # wrong
    docs.get(["a"], include=["text"])  # wrong
    docs.scroll(order_by=3)  # wrong
    print(docs.peek()[0].txt)  # wrong


def searching(docs: Collection) -> None:
    docs.search("a", mmr="half")  # wrong
    docs.search("a", rerank=3)  # wrong
    docs.search_range("a", k=3)  # wrong
    docs.recommend()  # wrong
    docs.recommend("a", mode="hybrid")  # wrong
    docs.duplicates("0.9")  # wrong
    docs.explain("a", mode="both")  # wrong
    docs.why_not()  # wrong
    docs.why_not("a", "b", id="c")  # wrong
    docs.search("a", fusion="rff")  # wrong
    docs.search(3.5)  # wrong
    docs.search(["a", "b"])  # wrong
    docs.search("a", vector="b")  # wrong
    docs.search("a", syntax="lucene")  # wrong
    docs.search_many(3)  # wrong
    docs.search_many([1, 2])  # wrong
    docs.search("a", mode="bm25")  # wrong
    docs.search("a", k="3")  # wrong
    docs.search("a", limit=3)  # wrong
    docs.search("a", where="year > 3")  # wrong
    docs.search("a", alpha="half")  # wrong
    hits = docs.search("a")
    print(hits[0].distances)  # wrong
    print(hits["a"])  # wrong
