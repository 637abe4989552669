"""Calls of Chroma's API and their results, as values that can be compared: with chromadb itself, or with ours.

`python tests/compat/chroma_calls.py` writes the results of the installed chromadb to `chroma_answers.json`.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

ANSWERS = Path(__file__).with_name("chroma_answers.json")

VECTORS = [[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 3.5], [1.0, 1.0, 0.25], [-1.0, 0.5, 4.0], [6.0, 7.0, 8.0]]
IDS = ["r1", "r2", "r3", "r4", "r5", "r6"]
DOCUMENTS = ["Alpha one. The cat", "beta two", "gamma\nthree", None, "delta one", "the CAT_50%"]
METADATAS: list[dict[str, Any] | None] = [
    {"n": 1, "s": "x", "b": True, "f": 1.5},
    {"n": 2, "s": "y", "b": False, "f": 2.0},
    {"n": 2.0, "s": "xyz", "l": ["a", "b"]},
    {"k": 1, "li": [1, 2]},
    None,
    {"n": "1", "dot.ted": 5},
]

WHERES: list[Any] = [
    {"n": 1}, {"n": 2}, {"n": 2.0}, {"n": 1.0}, {"n": "1"}, {"b": True}, {"b": False}, {"b": 1}, {"n": True},
    {"s": "x"}, {"s": "X"}, {"dot.ted": 5}, {"nothing": 1}, {"n": {"$eq": 1}}, {"n": {"$ne": 1}}, {"s": {"$ne": "x"}},
    {"b": {"$ne": True}}, {"nothing": {"$ne": 5}}, {"n": {"$gt": 1}}, {"n": {"$gt": 1.0}}, {"n": {"$gte": 2}},
    {"n": {"$lt": 2}}, {"n": {"$lte": 2}}, {"n": {"$lte": 2.0}}, {"f": {"$gt": 1}}, {"f": {"$eq": 2}},
    {"nothing": {"$gt": 5}}, {"n": {"$in": [1, 2]}}, {"n": {"$in": [1.0, 2.0]}}, {"n": {"$in": ["1"]}},
    {"s": {"$in": ["x", "y", "q"]}}, {"b": {"$in": [True, False]}}, {"b": {"$in": [1]}}, {"n": {"$nin": [1, 2]}},
    {"s": {"$nin": ["x"]}}, {"l": {"$contains": "a"}}, {"l": {"$contains": "c"}}, {"l": {"$not_contains": "a"}},
    {"li": {"$contains": 1}}, {"li": {"$contains": 2.0}}, {"s": {"$contains": "x"}}, {"l": "a"}, {"l": {"$in": ["a"]}}, {"l": {"$ne": "a"}},
    {"$and": [{"n": 1}, {"s": "x"}]}, {"$or": [{"n": 1}, {"k": 1}]},
    {"$and": [{"n": {"$gte": 1}}, {"$or": [{"s": "x"}, {"s": "y"}]}]},
    {"$or": [{"$and": [{"n": 1}, {"b": True}]}, {"k": {"$gt": 0}}]}, {"#document": {"$contains": "beta"}},
    {"chroma:document": "beta two"}, {"s": {"$ne": "\u00fc"}},
]  # fmt: skip
WRONG_WHERES: list[Any] = [
    {}, {"n": 1, "s": "x"}, {"n": {"$gt": 0, "$lt": 2}}, {"n": None}, {"n": {"$eq": None}}, {"n": {"$ne": None}},
    {"n": {}}, {"n": [1]}, {"n": {"$foo": 1}}, {"n": {"$not": 1}}, {"n": {"$regex": "1"}}, {"$not": {"n": 1}},
    {"$and": []}, {"$and": [{"n": 1}]}, {"$or": []}, {"$and": {"n": 1}}, {"s": {"$gt": "a"}}, {"b": {"$gt": True}},
    {"n": {"$in": []}}, {"n": {"$nin": []}}, {"n": {"$in": [1, "1"]}}, {"n": {"$in": [1, 2.0]}}, {"n": {"$in": 5}},
    {"l": {"$eq": ["a", "b"]}}, {"n": {"$contains": [1]}}, {"$id": "r1"}, {5: 1}, "x", 5,
]  # fmt: skip
DOCUMENT_WHERES: list[Any] = [
    {"$contains": "one"}, {"$contains": "ONE"}, {"$contains": "_50%"}, {"$contains": "t_o"}, {"$contains": "t%o"},
    {"$contains": "\n"}, {"$contains": "a"}, {"$not_contains": "one"}, {"$not_contains": "a"}, {"$regex": "^beta"},
    {"$regex": "one$"}, {"$regex": "(?i)cat"}, {"$regex": "a\\b"}, {"$regex": "\\d"}, {"$regex": "a.*t"},
    {"$regex": "gamma.three"}, {"$regex": "t(h|w)[eo]"}, {"$not_regex": "o.e"}, {"$not_regex": "zzz"},
    {"$and": [{"$contains": "one"}, {"$contains": "Alpha"}]}, {"$or": [{"$contains": "two"}, {"$regex": "^A"}]},
    {"$or": [{"$and": [{"$contains": "one"}, {"$not_contains": "Alpha"}]}, {"$contains": "two"}]},
]  # fmt: skip
WRONG_DOCUMENT_WHERES: list[Any] = [
    {}, {"$contains": ""}, {"$not_contains": ""}, {"$regex": ""}, {"$contains": 5}, {"$contains": ["a"]},
    {"$contains": None}, {"$regex": 5}, {"$regex": "("}, {"$regex": "a{2"}, {"$regex": "(?=x)"}, {"$eq": "x"},
    {"$contains": "one", "$not_contains": "x"}, {"$not": {"$contains": "x"}}, {"text": "one"}, {"$and": []},
    {"$and": [{"$contains": "one"}]}, {"$and": {"$contains": "x"}}, {"$regex": "[[:alpha:]]"}, "one", 5,
]  # fmt: skip
INCLUDES: list[Any] = [
    [], ["documents"], ["metadatas"], ["embeddings"], ["uris"], ["distances"], ["data"], ["foo"], "documents", None,
    ["embeddings", "documents"], ["metadatas", "documents", "embeddings", "uris"],
]  # fmt: skip
# Calls that write, by method, each to a separate collection with the rows above.
WRITES: dict[str, list[dict[str, Any]]] = {
    "add": [
        {"ids": ["n1"], "embeddings": [[1, 2, 3]]}, {"ids": "n1", "embeddings": [1, 2, 3], "documents": "x"},
        {"ids": ["n1"], "embeddings": [[1, 2, 3]], "metadatas": {"k": 1}}, {"ids": ["r1", "n1"], "embeddings": VECTORS[:2]},
        {"ids": ["n1", "n1"], "embeddings": VECTORS[:2]}, {"ids": ["n1"]}, {"ids": [], "embeddings": []},
        {"ids": ["n1"], "embeddings": [[1, 2]]}, {"ids": ["n1", "n2"], "embeddings": [[1, 2, 3]]},
        {"ids": ["n1", "n2"], "embeddings": [[1, 2, 3], [1, 2]]}, {"ids": [1], "embeddings": [[1, 2, 3]]},
        {"ids": [""], "embeddings": [[1, 2, 3]]}, {"ids": None, "embeddings": [[1, 2, 3]]},
        {"ids": ["n1"], "embeddings": [["a", "b", "c"]]}, {"ids": ["n1"], "embeddings": [[True, False, True]]},
        {"ids": ["n1"], "embeddings": [None]}, {"ids": ["n1"], "embeddings": [[1, 2, float("nan")]]},
        {"ids": ["n1"], "embeddings": [[1e300, 0, 0]]}, {"ids": ["n1"], "embeddings": np.ones((1, 3))},
        {"ids": ["n1"], "embeddings": [np.array([1, 2, 3])]}, {"ids": ["n1"], "embeddings": [[0.1, 0.2, 0.3]]},
        {"ids": ["n1"], "embeddings": [[1, 2, 3]], "metadatas": [{}]}, {"ids": ["n1"], "embeddings": [[1, 2, 3]], "metadatas": "x"},
        {"ids": ["n1"], "embeddings": [[1, 2, 3]], "metadatas": [{"z": {"q": 1}}]},
        {"ids": ["n1"], "embeddings": [[1, 2, 3]], "metadatas": [{"z": None}]},
        {"ids": ["n1"], "embeddings": [[1, 2, 3]], "metadatas": [{"z": ["q", "r"]}]},
        {"ids": ["n1"], "embeddings": [[1, 2, 3]], "metadatas": [{"z": []}]},
        {"ids": ["n1"], "embeddings": [[1, 2, 3]], "metadatas": [{"z": [1, "a"]}]},
        {"ids": ["n1"], "embeddings": [[1, 2, 3]], "metadatas": [{1: 1}]},
        {"ids": ["n1"], "embeddings": [[1, 2, 3]], "metadatas": [{"chroma:document": "q"}]},
        {"ids": ["n1"], "embeddings": [[1, 2, 3]], "metadatas": [{"$k": "q"}]},
        {"ids": ["n1"], "embeddings": [[1, 2, 3]], "metadatas": [{"z": 2**70}]},
        {"ids": ["n1"], "embeddings": [[1, 2, 3]], "metadatas": [{"z": float("nan")}]},
        {"ids": ["n1"], "embeddings": [[1, 2, 3]], "metadatas": [{"\u00fc": "\u65e5\u672c", "e": "\U0001f600"}]},
        {"ids": ["n1"], "embeddings": [[1, 2, 3]], "metadatas": [{"a": 1}, {"b": 1}]},
        {"ids": ["n1"], "embeddings": [[1, 2, 3]], "documents": ["a", "b"]}, {"ids": ["n1"], "embeddings": [[1, 2, 3]], "documents": [5]},
        {"ids": ["n1"], "embeddings": [[1, 2, 3]], "documents": [None]}, {"ids": ["n1"], "embeddings": [[1, 2, 3]], "documents": [""]},
        {"ids": ["n1"], "embeddings": [[1, 2, 3]], "uris": ["file://x"]}, {"ids": ["n1"], "uris": ["file://x"]},
        {"ids": ["n1"], "documents": ["a"], "images": [np.ones((2, 2))]}, {"ids": ["n1"], "embeddings": ((1, 2, 3),)},
        {"ids": ("n1",), "embeddings": [[1, 2, 3]]}, {"ids": ["n1"], "embeddings": [[1, 2, 3]], "foo": 1},
    ],
    "upsert": [
        {"ids": ["r2", "n1"], "embeddings": [[3, 3, 3], [4, 4, 4]], "metadatas": [{"q": 1}, {"r": 2}]},
        {"ids": ["r2"], "embeddings": [[3, 3, 3]], "documents": ["other"]}, {"ids": ["r2"], "embeddings": [[3, 3, 3]]},
        {"ids": ["r1"], "embeddings": [[3, 3, 3]], "metadatas": [{"n": None, "new": 1}]},
        {"ids": ["n1"], "embeddings": [[3, 3, 3]], "metadatas": [{"n": None, "new": 1}]}, {"ids": ["r2"]},
        {"ids": ["n1"], "embeddings": [[3, 3, 3]], "metadatas": [{"n": None}]},
        {"ids": ["r2", "r2"], "embeddings": VECTORS[:2]}, {"ids": ["r2"], "embeddings": [[1, 2]]}, {"ids": [], "embeddings": []},
        {"ids": ["r2"], "embeddings": [[1, 2, 3]], "metadatas": [{}]}, {"ids": ["r2"], "embeddings": [[1, 2, 3]], "metadatas": [None]},
    ],
    "update": [
        {"ids": ["r1", "r2"], "metadatas": [{"new": 1}, {"s": None}]}, {"ids": ["r1"], "metadatas": [{"n": None, "s": None, "b": None, "f": None}]},
        {"ids": ["r1"], "embeddings": [[7, 7, 7]]}, {"ids": ["r1"], "embeddings": [[7, 7, 7]], "documents": ["seven"]},
        {"ids": ["r1"], "embeddings": [[7, 7, 7]], "documents": [None]}, {"ids": ["r5"], "metadatas": [{"first": "one"}]},
        {"ids": ["no"], "embeddings": [[1, 2, 3]]}, {"ids": ["no", "r1"], "metadatas": [{"a": 1}, {"a": 2}]},
        {"ids": ["no"], "embeddings": [[1, 2]]}, {"ids": ["r1"]}, {"ids": ["r1"], "metadatas": [{}]}, {"ids": ["r1"], "metadatas": [None]},
        {"ids": ["r1", "r1"], "metadatas": [{"a": 1}, {"a": 2}]}, {"ids": ["r1"], "embeddings": [[1, 2]]}, {"ids": [5], "metadatas": [{"a": 1}]},
        {"ids": ["r1"], "metadatas": [{"a": 1}, {"b": 1}]}, {"ids": "r1", "metadatas": {"a": 1}}, {"ids": ["r1"], "uris": ["u"]},
    ],
    "delete": [
        {"ids": ["r1"]}, {"ids": "r1"}, {"ids": ["r1", "no"]}, {"ids": ["no"]}, {}, {"ids": []}, {"ids": [3]}, {"ids": ["r1", "r1"]},
        {"where": {"n": {"$gt": 0}}}, {"where": {"nothing": 1}}, {"where": {}}, {"where_document": {"$contains": "one"}},
        {"where": {"n": 1}, "where_document": {"$contains": "two"}}, {"ids": ["r1", "r2"], "where": {"n": 1}}, {"ids": ("r1",)},
        {"ids": ["r1"], "where_document": {"$contains": "nothing"}}, {"where": {"n": {"$gt": 0}}, "limit": 1},
        {"ids": ["r1"], "limit": 1}, {"where": {"n": 1}, "limit": -1},
    ],
}  # fmt: skip
READS: dict[str, list[dict[str, Any]]] = {
    "get": [
        {}, {"ids": ["r3", "r1", "no"]}, {"ids": "r2"}, {"ids": ["r1", "r1"]}, {"ids": []}, {"ids": [5]}, {"ids": [""]},
        {"limit": 2}, {"limit": 2, "offset": 1}, {"offset": 4}, {"offset": 100}, {"limit": 0}, {"limit": -1}, {"offset": -1},
        {"limit": "2"}, {"ids": ["r5", "r3", "r1"], "limit": 2, "offset": 1}, {"ids": ["r1", "r2"], "where": {"n": 2}},
        {"where": {"n": {"$gte": 1}}, "where_document": {"$contains": "two"}}, {"where": {"n": {"$gte": 1}}, "limit": 1, "offset": 1},
        {"ids": ["r1", "r5"], "where_document": {"$contains": "delta"}}, {"foo": 1}, {"where": None, "where_document": None},
    ],
    "peek": [{}, {"limit": 2}, {"limit": 0}, {"limit": -1}],
    "count": [{}],
    "query": [
        {"query_embeddings": [[1, 0, 0]]}, {"query_embeddings": [[1, 0, 0]], "n_results": 2}, {"query_embeddings": [1, 0, 0], "n_results": 1},
        {"query_embeddings": [[1, 0, 0], [0, 1, 1]], "n_results": 3}, {"query_embeddings": np.ones((2, 3)), "n_results": 1},
        {"query_embeddings": [[1, 0, 0]], "n_results": 1000}, {"query_embeddings": [[1, 0, 0]], "n_results": 0},
        {"query_embeddings": [[1, 0, 0]], "n_results": -1}, {"query_embeddings": [[1, 0, 0]], "n_results": "3"},
        {"query_embeddings": [[1, 0, 0]], "n_results": 3.0}, {"query_embeddings": [[1, 0]]}, {"query_embeddings": []}, {},
        {"query_embeddings": "abc"}, {"query_embeddings": [[1, 0, float("inf")]]}, {"query_embeddings": [[1, 0, 0]], "ids": ["r2", "r6"]},
        {"query_embeddings": [[1, 0, 0]], "ids": ["r1", "no"]}, {"query_embeddings": [[1, 0, 0]], "where": {"n": 77}},
        {"query_embeddings": [[1, 0, 0]], "where": {"n": {"$gte": 1}}, "where_document": {"$contains": "two"}},
        {"query_uris": ["u"]}, {"query_embeddings": [[1, 0, 0]], "foo": 1}, {"query_embeddings": [[0, 0, 0]], "n_results": 2},
    ],
}  # fmt: skip
SPACES: list[dict[str, Any]] = [
    {}, {"metadata": {"hnsw:space": "l2"}}, {"metadata": {"hnsw:space": "cosine"}}, {"metadata": {"hnsw:space": "ip"}},
    {"configuration": {"hnsw": {"space": "cosine"}}}, {"metadata": {"hnsw:space": "ip"}, "configuration": {"hnsw": {"space": "cosine"}}},
    {"metadata": {"hnsw:space": "manhattan"}}, {"configuration": {"hnsw": {"space": "xx"}}}, {"metadata": {"hnsw:M": 5, "note": "kept"}},
    {"metadata": {"hnsw:foo": 5}}, {"configuration": {"hnsw": {"foo": 1}}}, {"configuration": {"hnsw": {"ef_search": 50}}},
    {"metadata": {}}, {"metadata": {"a": {"b": 1}}}, {"metadata": {"a": 1, "b": 2.5, "c": True, "d": "s"}}, {"metadata": {"a": None}},
]  # fmt: skip
NAMES: list[Any] = [
    "abc", "A-b_c.9", "ab", "a b c", "a..b", "192.168.1.1", "a" * 513, "-abc", "abc-", "\u00fcber", 5, "", "a" * 512,
]  # fmt: skip
CHANGES: list[dict[str, Any]] = [
    {"name": "renamed"}, {"metadata": {"m": 1}}, {"metadata": {"hnsw:space": "ip"}}, {"metadata": {}}, {"name": "x"}, {"name": 5}, {},
    {"name": "rows2", "metadata": {"a": 1}}, {"configuration": {"hnsw": {"ef_search": 50}}}, {"configuration": {"hnsw": {"space": "ip"}}},
]  # fmt: skip


class Session:
    """Calls on one client. Reads share a collection, each write has a separate one."""

    def __init__(self, chroma: ModuleType) -> None:
        self.chroma = chroma
        self.client = chroma.EphemeralClient(chroma.Settings(anonymized_telemetry=False, allow_reset=True))
        self.client.reset()
        self._made = 0

    def new(self, **options: Any) -> Any:
        self._made += 1
        collection = self.client.create_collection(f"rows-{self._made}", embedding_function=None, **options)
        collection.add(ids=IDS, embeddings=VECTORS, documents=DOCUMENTS, metadatas=METADATAS)
        return collection

    def calls(self) -> Iterator[tuple[str, Callable[[], Any]]]:
        yield from self._reads()
        yield from self._writes()
        yield from self._collections()

    def _reads(self) -> Iterator[tuple[str, Callable[[], Any]]]:
        rows = self.new()
        asked = {"query_embeddings": [[0.5, 0.25, 0.125]]}
        for where in [*WHERES, *WRONG_WHERES]:
            yield f"get where={where}", lambda where=where: rows.get(where=where)["ids"]
        for where in WHERES[::2]:
            yield f"query where={where}", lambda where=where: rows.query(**asked, where=where)
        for where in [*DOCUMENT_WHERES, *WRONG_DOCUMENT_WHERES]:
            yield f"get where_document={where}", lambda where=where: rows.get(where_document=where)["ids"]
        for where in DOCUMENT_WHERES[::2]:
            yield f"query where_document={where}", lambda where=where: rows.query(**asked, where_document=where)
        for include in INCLUDES:
            yield f"get include={include}", lambda include=include: rows.get(include=include)
            yield f"query include={include}", lambda include=include: rows.query(**asked, n_results=2, include=include)
        for method, calls in READS.items():
            for given in calls:
                yield f"{method} {given}", lambda m=method, g=given: getattr(rows, m)(**g)
        empty = self.client.create_collection("empty", embedding_function=None)
        for method, given in [("get", {}), ("peek", {}), ("count", {}), ("query", asked), ("delete", {"ids": ["a"]})]:
            yield f"empty {method} {given}", lambda m=method, g=given: getattr(empty, m)(**g)

    def _writes(self) -> Iterator[tuple[str, Callable[[], Any]]]:
        for method, calls in WRITES.items():
            for given in calls:
                yield f"{method} {given}", lambda m=method, g=given: self._written(m, g)
        for where in WHERES[1::3]:
            yield f"delete where={where}", lambda where=where: self._written("delete", {"where": where})
        for where in DOCUMENT_WHERES[1::3]:
            given = {"where_document": where}
            yield f"delete where_document={where}", lambda given=given: self._written("delete", given)

    def _written(self, method: str, given: dict[str, Any]) -> Any:
        """Returns the result of the call, and the rows by id afterwards."""
        rows = self.new()
        answer = getattr(rows, method)(**given)
        found = rows.get(include=["documents", "metadatas", "embeddings", "uris"])
        self.client.delete_collection(rows.name)
        parts = zip(found["ids"], found["documents"], found["metadatas"], found["embeddings"], found["uris"])
        return answer, sorted((id_, *map(plain, rest)) for id_, *rest in parts)

    def _collections(self) -> Iterator[tuple[str, Callable[[], Any]]]:
        for given in SPACES:
            yield f"create {given}", lambda given=given: self._created(given)
        for name in NAMES:
            yield (
                f"create name={name!r}",
                lambda name=name: self.client.create_collection(name, embedding_function=None),
            )
        for change in CHANGES:
            yield f"modify {change}", lambda change=change: self._changed(change)
        client = self.client
        yield "create again", lambda: client.create_collection("empty", embedding_function=None)
        yield (
            "get_or_create again",
            lambda: client.get_or_create_collection("empty", metadata={"x": 1}, embedding_function=None),
        )
        yield "get_or_create space", lambda: client.get_or_create_collection(
            "empty", metadata={"hnsw:space": "ip"}, embedding_function=None
        ).configuration_json  # fmt: skip
        yield (
            "create get_or_create",
            lambda: client.create_collection("empty", embedding_function=None, get_or_create=True),
        )
        for name in ("nope", 5):
            yield f"get_collection {name}", lambda name=name: client.get_collection(name, embedding_function=None)
            yield f"delete_collection {name}", lambda name=name: client.delete_collection(name)
        yield "by id", lambda: client.get_collection_by_id(client.get_collection("empty").id).name
        yield "rename taken", lambda: self.new().modify(name="empty")
        yield "renamed under its name", self._renamed
        for method, given in [("count", {}), ("get", {}), ("add", {"ids": ["a"], "embeddings": [[1, 2, 3]]}),
                              ("query", {"query_embeddings": [[1, 0, 0]]}), ("delete", {"ids": ["a"]})]:  # fmt: skip
            yield f"dropped {method}", lambda m=method, g=given: getattr(self._dropped(), m)(**g)
        yield "list", lambda: sorted(one.name for one in client.list_collections() if not one.name.startswith("rows-"))
        yield "list limit", lambda: len(client.list_collections(limit=2, offset=1))
        yield "list beyond", lambda: len(client.list_collections(limit=5, offset=100_000))
        yield "list -1", lambda: client.list_collections(limit=-1)
        yield "tenant", lambda: self.chroma.EphemeralClient(client.get_settings(), tenant="other")
        yield "database", lambda: self.chroma.EphemeralClient(client.get_settings(), database="other")
        yield "set_database", lambda: client.set_database("other")
        yield "other client", lambda: self.chroma.EphemeralClient(client.get_settings()).get_collection("empty").count()
        yield "other settings", lambda: self.chroma.EphemeralClient(self.chroma.Settings()).get_settings().allow_reset
        yield "max batch", client.get_max_batch_size
        yield "search", lambda: client.get_collection("empty").search(None)
        yield "fork", lambda: client.get_collection("empty").fork("forked")
        yield "count_collections after reset", lambda: (client.reset(), client.count_collections())

    def _created(self, given: dict[str, Any]) -> Any:
        rows = self.new(**given)
        found = rows.query(query_embeddings=[[0.5, 0.25, 0.125], [0, 0, 0]])
        self.client.delete_collection(rows.name)
        return rows.metadata, rows.configuration_json, found["distances"]

    def _changed(self, change: dict[str, Any]) -> Any:
        rows = self.new(metadata={"old": True})
        rows.modify(**change)
        name = change.get("name", rows.name)
        again = self.client.get_collection(name)
        self.client.delete_collection(name)
        return rows.name == name, rows.metadata, again.metadata, again.configuration_json

    def _renamed(self) -> Any:
        first = self.new()
        old = first.name
        first.modify(name="moved-away")
        second = self.client.create_collection(old, embedding_function=None)
        return first.count(), second.count(), self.client.get_collection("moved-away").count()

    def _dropped(self) -> Any:
        rows = self.new()
        self.client.delete_collection(rows.name)
        return rows


def plain(value: Any) -> Any:
    """Returns a JSON value; floats are rounded to five digits, as the order of summation determines the last ones."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in sorted(value.items(), key=lambda item: str(item[0]))}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.5g}") + 0.0 if np.isfinite(value) else str(value)
    if hasattr(value, "configuration_json"):
        return {"name": value.name, "metadata": value.metadata}
    return value


def answers(chroma: ModuleType) -> dict[str, Any]:
    """Returns the result of each call, or the class of its error."""
    found: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for label, call in Session(chroma).calls():
            assert label not in found, label
            try:
                found[label] = plain(call())
            except Exception as error:
                found[label] = f"raises {type(error).__name__}"
    return json.loads(json.dumps(found))  # tuples and keys as the file has them


if __name__ == "__main__":
    import chromadb

    ANSWERS.write_text(json.dumps(answers(chromadb), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"chromadb {chromadb.__version__}: {len(json.loads(ANSWERS.read_text()))} calls")
