"""Makes every vector call of a package `vikingdb` to one server, and prints the results as JSON.

    python -P viking_calls.py WHO < settings

WHO is "blocking", or "awaited" if the package has a client for asyncio. The settings are JSON: host, ak, sk, api_key,
pictures, and suffix, which is appended to names of collections. The package may be the vendor's or ours: nothing else
is imported.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
from typing import Any

import vikingdb
from vikingdb import IAM, APIKey, RequestOptions
from vikingdb.auth import HeaderAuth
from vikingdb.vector import (
    AggRequest,
    DeleteDataRequest,
    EmbeddingData,
    EmbeddingModelOpt,
    EmbeddingRequest,
    FetchDataInCollectionRequest,
    FetchDataInIndexRequest,
    FullModalData,
    Highlight,
    ModelRerank,
    RerankRequest,
    SearchAdvance,
    SearchByIDRequest,
    SearchByKeywordsRequest,
    SearchByMultiModalRequest,
    SearchByRandomRequest,
    SearchByScalarRequest,
    SearchByVectorRequest,
    UpdateDataRequest,
    UpsertDataRequest,
    VikingVectorException,
)

CLIENTS = (
    vikingdb.vector.CollectionClient,
    vikingdb.vector.IndexClient,
    vikingdb.vector.EmbeddingClient,
    vikingdb.vector.RerankClient,
)
ROWS: list[dict[str, Any]] = [
    {"id": 1, "v": [1, 0, 0, 0], "n": 1, "score": 0.5, "tag": "a", "tags": ["x"], "body": "red fox", "title": "one",
     "when": "2024-05-01T10:00:00Z", "place": "116.4,39.9", "sparse": {"fox": 1.0}, "ok": True},
    {"id": 2, "v": [0, 1, 0, 0], "n": 2, "score": 1.5, "tag": "b", "tags": ["y", "z"], "body": "blue whale",
     "title": "two", "when": "2024-06-01T10:00:00+08:00", "place": "121.5,31.2", "sparse": {"whale": 2.0}, "ok": False},
    {"id": 3, "v": [0, 0, 2, 0], "n": 2, "score": 2.5, "tag": "北京", "body": "red deer", "title": "three",
     "sparse": {"fox": 3.0}, "ok": True},
]  # fmt: skip
STORIES = [{"id": "a", "story": "a fox in the snow"}, {"id": "b", "story": "ships in the harbour"}]
FILTER = {"op": "and", "conds": [{"op": "range", "field": "n", "gte": 1, "lt": 3},
                                 {"op": "must_not", "field": "tag", "conds": ["b"]}]}  # fmt: skip
ONCE = RequestOptions(max_attempts=1)


class Suite:
    """The calls of one run, their results, and which methods were called."""

    def __init__(self, settings: dict[str, Any], who: str) -> None:
        self.settings, self.who = settings, who
        self.suffix = settings["suffix"]
        self.answers: dict[str, Any] = {}
        self.called: set[str] = set()
        self.loop = asyncio.new_event_loop() if who == "awaited" else None

    def client(self, auth: Any, **more: Any) -> Any:
        kind = vikingdb.AsyncVikingDB if self.loop else vikingdb.VikingDB
        return kind(host=self.settings["host"], region="cn-beijing", auth=auth, scheme="http", **more)

    def close(self, client: Any) -> None:
        """The vendor's clients have a session instead of close()."""
        if self.loop:
            self.loop.run_until_complete(client.aclose())
        else:
            (client if hasattr(client, "close") else client.session).close()

    def ask(self, label: str, part: Any, method: str, *request: Any, **options: Any) -> Any:
        """Returns the response and records it under the label. A failure is recorded as its error."""
        self.called.add(f"{type(part).__name__.removeprefix('Async')}.{method}")
        try:
            found = getattr(part, method)(*request, **options)
            answer = self.loop.run_until_complete(found) if self.loop and inspect.iscoroutine(found) else found
        except VikingVectorException as error:
            kind = type(error).__name__
            message = error.message.replace(self.suffix, "")
            told = {"error": kind, "code": error.code, "status": error.status_code, "message": message}
            self.answers[label] = {**told, "request_id": bool(error.request_id)}
            return None
        told = answer.model_dump()
        self.answers[label] = {**told, "request_id": bool(told["request_id"])}
        return answer

    def run(self) -> None:
        signed = self.client(IAM(ak=self.settings["ak"], sk=self.settings["sk"]), sts_token="a-token", timeout=20)
        docs = signed.collection(collection_name=f"docs{self.suffix}")
        index = signed.index(collection_name=f"docs{self.suffix}", index_name="i")
        self.rows(docs, index)
        self.searches(index)
        self.keywords(index)
        self.aggregates(index)
        self.stories(signed)
        self.models(signed)
        self.doors()
        self.failures(signed, docs, index)
        self.ask("delete", docs, "delete", DeleteDataRequest(ids=[1, 99]))
        self.ask("delete all", docs, "delete", DeleteDataRequest(delete_all=True))
        self.ask("nothing is left", docs, "fetch", {"ids": [1, 2, 3]})
        self.close(signed)

    def rows(self, docs: Any, index: Any) -> None:
        again = RequestOptions(request_id=f"once{self.suffix}", headers={"X-Foo": "1"}, query={"b": "2 x", "a": "/é~"})
        first = UpsertDataRequest(data=ROWS, ttl=3600)
        self.ask("upsert", docs, "upsert", first, request_options=again)
        answer = self.ask("upsert again", docs, "upsert", first, request_options=again)
        self.answers["id of the caller"] = answer.request_id == f"once{self.suffix}"
        later = {"data": [{**ROWS[0], "more": 1}], "ttl": None, "async": True, "ignore_unknown_fields": True}
        self.ask("upsert later", docs, "upsert", later)
        self.ask("update", docs, "update", UpdateDataRequest(data=[{"id": 2, "score": 9.5}], ttl=7200))
        self.ask("fetch", docs, "fetch", FetchDataInCollectionRequest(ids=[2, 9, 3], return_download_url=True))
        of_index = FetchDataInIndexRequest(ids=[1, 9], output_fields=["n", "tag"], partition="default")
        self.ask("fetch in index", index, "fetch", of_index)

    def searches(self, index: Any) -> None:
        near = {"dense_vector": [0.1, 0.2, 1.0, 0.0], "limit": 5}
        self.ask("vector", index, "search_by_vector", SearchByVectorRequest(**near))
        filtered = SearchByVectorRequest(**near, filter=FILTER, output_fields=["title"], offset=1)
        self.ask("vector, filtered", index, "search_by_vector", filtered)
        advance = SearchAdvance(dense_weight=0.3, ids_in=[1, 3], scale_k=2.0)
        both = SearchByVectorRequest(**near, sparse_vector={"fox": 1.0}, advance=advance)
        self.ask("vector and sparse", index, "search_by_vector", both)
        freshness = {"factor": 2.0, "base_value_from": "scalar_field", "field": "score"}
        fusion = {"op": "score_fusion", "fusion_by": "add", "addition_score": [freshness]}
        ops = [{"op": "string_contain", "field": "body", "pattern": "red"}, fusion]
        processed = SearchByVectorRequest(
            **near, advance=SearchAdvance(post_process_ops=ops, post_process_input_limit=10)
        )
        self.ask("vector, processed", index, "search_by_vector", processed)
        self.ask("id", index, "search_by_id", SearchByIDRequest(id=3, limit=2))
        self.ask("scalar", index, "search_by_scalar", SearchByScalarRequest(field="score", order="asc", limit=3))
        self.ask("scalar, a mapping", index, "search_by_scalar", {"field": "n", "filter": FILTER})
        for label, node in (
            ("time", {"op": "time_range", "field": "when", "gte": "2024-05-15T00:00:00Z"}),
            ("place", {"op": "geo_range", "field": "place", "center": "116.4,39.9", "radius": "50km"}),
            ("list", {"op": "or", "conds": [{"op": "must", "field": "tags", "conds": ["z"]}]}),
            ("outside", {"op": "range_out", "field": "score", "gte": 1, "lte": 3}),
        ):
            self.ask(label, index, "search_by_scalar", SearchByScalarRequest(field="n", filter=node))
        only = {"op": "must", "field": "n", "conds": [1]}
        self.ask("random", index, "search_by_random", SearchByRandomRequest(limit=1, filter=only))
        answer = self.ask("random, bare", index, "search_by_random")
        self.answers["random, bare"] = sorted(hit.id for hit in answer.result.data)

    def keywords(self, index: Any) -> None:
        words = SearchByKeywordsRequest(
            keywords=["red", "fox"], limit=3, mode="bm25", fields=["body"], fields_weights={"body": 2.0},
            highlight=Highlight(enable=True), bm25_k1=1.2, bm25_b=0.5, case_sensitive=False,
        )  # fmt: skip
        self.ask("keywords", index, "search_by_keywords", words)
        self.ask("keywords of a query", index, "search_by_keywords", {"query": "blue whale", "limit": 3})

    def aggregates(self, index: Any) -> None:
        self.ask("count", index, "aggregate", AggRequest(op="count"))
        self.ask("count by value", index, "aggregate", AggRequest(op="count", field="n", cond={"gt": 1}))
        self.ask("count, newer", index, "aggregate", AggRequest(op="count", group_by="tag", filter=FILTER, order="asc"))
        weighted = AggRequest(op="vector_weighted_sum", ids=[1, 3], weights=[2.0, 0.5])
        self.ask("sum of vectors", index, "aggregate", weighted)

    def stories(self, client: Any) -> None:
        of = {"collection_name": f"stories{self.suffix}", "project_name": "default"}
        self.ask("stories", client.collection(**of), "upsert", UpsertDataRequest(data=STORIES))
        index = client.index(**of, index_name="i")
        order = ModelRerank(model_name="doubao-seed-rerank", input_limit=2)
        request = SearchByMultiModalRequest(text="a fox in the snow", limit=2, need_instruction=False)
        self.ask("multi-modal", index, "search_by_multi_modal", request)
        reranked = SearchByMultiModalRequest(text="ships", limit=2, rerank=order)
        self.ask("multi-modal, reranked", index, "search_by_multi_modal", reranked)
        self.ask("words that mean", index, "search_by_keywords", SearchByKeywordsRequest(keywords=["harbour"]))
        pictures = {"collection_name": f"pictures{self.suffix}"}
        rows = [{"id": i, "picture": one} for i, one in enumerate(self.settings["pictures"], 1)]
        self.ask("pictures", client.collection(**pictures), "upsert", {"data": rows[:1]})
        self.ask("another picture", client.collection(**pictures), "upsert", {"data": rows[1:]})
        seen = SearchByMultiModalRequest(image=self.settings["pictures"][1], limit=2, output_fields=[])
        self.ask("picture", client.index(**pictures, index_name="i"), "search_by_multi_modal", seen)

    def models(self, client: Any) -> None:
        embedding = client.embedding()
        name = EmbeddingModelOpt(name="bge-m3", dim=8)
        texts = EmbeddingRequest(data=[EmbeddingData(text="北京"), EmbeddingData(text="two")], dense_model=name)
        self.ask("embedding", embedding, "embedding", texts)
        both = EmbeddingRequest(data=[EmbeddingData(text="a fox")], dense_model=name, sparse_model=name)
        self.ask("embedding, sparse", embedding, "embedding", both)
        parts = EmbeddingRequest(
            data=[EmbeddingData(full_modal_seq=[FullModalData(image=self.settings["pictures"][0])])],
            dense_model=EmbeddingModelOpt(name="pictures", version="1"),
        )
        self.ask("embedding of a picture", embedding, "embedding", parts)
        request = RerankRequest(
            model_name="doubao-seed-rerank", model_version="251028", query=[FullModalData(text="ships")],
            data=[[FullModalData(text="bread")], [FullModalData(text="ships")]], return_origin_data=True,
        )  # fmt: skip
        self.ask("rerank", client.rerank(), "rerank", request)

    def doors(self) -> None:
        """Uses other credentials, one of them unknown to the server."""
        key = self.settings["api_key"]
        for label, auth in (
            ("key", APIKey(api_key=key)),
            ("header", HeaderAuth({"X-API-Key": key, "X-Top-Role-Id": None})),
            ("wrong key", APIKey(api_key=key + "x")),
            ("wrong secret", IAM(ak=self.settings["ak"], sk="x" + self.settings["sk"])),
            ("account", HeaderAuth({"X-Top-Account-Id": "1"})),
        ):
            client = self.client(auth, pool_connections=1, pool_maxsize=1)
            index = client.index(collection_name=f"docs{self.suffix}", index_name="i")
            self.ask(label, index, "aggregate", {"op": "count"}, request_options=ONCE)
            self.close(client)

    def failures(self, client: Any, docs: Any, index: Any) -> None:
        unknown = client.index(collection_name="unknown", index_name="unknown")
        self.ask("unknown collection", unknown, "search_by_random", request_options=ONCE)
        unknown = client.index(collection_name=f"docs{self.suffix}", index_name="unknown")
        self.ask("unknown index", unknown, "search_by_random", {"limit": 1}, request_options=ONCE)
        nothing = client.collection()
        self.ask("no collection", nothing, "fetch", {"ids": [1]}, request_options=ONCE)
        self.ask("wrong row", docs, "upsert", {"data": [{"id": "x"}]}, request_options=ONCE)
        self.ask("wrong dimension", index, "search_by_vector", {"dense_vector": [1]}, request_options=ONCE)
        self.ask("wrong filter", index, "search_by_random", {"filter": {"op": "like"}}, request_options=ONCE)
        self.ask("absent row", docs, "update", {"data": [{"id": 77, "n": 1}]}, request_options=ONCE)


def main() -> None:
    suite = Suite(json.load(sys.stdin), sys.argv[1])
    suite.run()
    if suite.loop:
        suite.loop.close()
    there = {
        f"{client.__name__}.{name}"
        for client in CLIENTS
        for name, _ in inspect.getmembers(client, inspect.isfunction)
        if name[0] != "_"
    }
    told = {"answers": suite.answers, "not called": sorted(there - suite.called), "from": vikingdb.__file__}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
