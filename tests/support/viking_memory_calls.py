"""Makes every memory call of a package `vikingdb` to one server, and prints the results as JSON.

    python -P viking_memory_calls.py WHO < settings

WHO is "blocking" or "awaited". The settings are JSON: host, ak, sk, collection and missing, the name of a collection
that does not exist. The package may be the vendor's or ours: nothing else is imported.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from vikingdb import IAM
from vikingdb.auth import APIKey
from vikingdb.memory import Collection, VikingMem, VikingMemException

MESSAGES = [
    {"role": "user", "content": "Hello, how is the weather today?"},
    {"role": "assistant", "content": "Today is sunny, perfect for going out."},
    {"role": "user", "content": "I live in 北京 now. I live in Berlin. I love jazz.", "time": 1_700_000_000_000},
]
METADATA = {"default_user_id": "ada", "default_assistant_id": "bot", "time": 1_700_000_000_000, "group_id": "g"}
ADA = {"user_id": "ada"}
OTHERS = ("batch_delete_event", "batch_delete_profile", "trigger_update_profile")


async def calls(collection: Any, who: str) -> dict[str, Any]:
    """Returns the responses by request, without values that differ between runs."""
    found: dict[str, Any] = {}
    names: dict[str, str] = {}

    async def call(label: str, name: str, *given: Any, **named: Any) -> Any:
        method = getattr(collection, f"async_{name}" if who == "awaited" else name)
        try:
            answer = await method(*given, **named) if who == "awaited" else method(*given, **named)
        except VikingMemException as error:
            answer = {"code": error.code, "class": type(error).__name__, "message": error.message}
            found[label] = {"code": error.code, "class": type(error).__name__}
            return answer
        assert answer["request_id"]
        text = json.dumps({name: value for name, value in answer.items() if name != "request_id"}, ensure_ascii=False)
        for id_, told in names.items():
            text = text.replace(id_, told)
        found[label] = json.loads(text)
        return answer

    await call("session", "add_session", "s1", MESSAGES, metadata=METADATA)
    await call("info", "get_session_info", "s1")
    await call("weather", "search_memory", query="weather today",
               filter={**ADA, "memory_type": ["event_v1"]}, limit=10)  # fmt: skip
    await call("profile", "search_profile_memory", filter={**ADA, "memory_type": "sys_profile_v1"}, limit=1)
    await call("time", "search_event_memory", filter={**ADA, "start_time": 1, "end_time": 1_600_000_000_000})
    event = await call("event", "add_event", "event_v1", {"summary": "Ada 买了一辆自行车"}, "ada", "bot", "g")
    names[event["data"]["event_id"]] = "EVENT"
    found.pop("event")
    await call("updated", "update_event", event["data"]["event_id"], {"summary": "Ada sold a bike"}, user_id="ada")
    decayed = await call("decay", "search_event_memory", query="bike", filter=ADA, limit=1,
                         time_decay_config={"weight": 0.5, "no_decay_period": 30})  # fmt: skip
    [hit] = decayed["data"]["result_list"]
    found["decay"] = [hit["memory_info"], round(hit["time_score"], 3), hit["score"] > hit["origin_score"] / 2]
    await call("deleted", "delete_event", event["data"]["event_id"])
    await call("deleted twice", "delete_event", event["data"]["event_id"])
    fact = {"user_profile": "plays chess", "topic": "plays"}
    profile = await call("fact", "add_profile", "profile_v1", fact, "ada", is_upsert=True)
    await call("fact twice", "add_profile", "profile_v1", fact, "ada")
    await call("fact updated", "update_profile", profile["data"]["profile_id"], {"user_profile": "plays go"})
    await call("found", "search_profile_memory", query="plays go", filter=ADA, limit=1)
    found["found"] = [one["memory_info"] for one in found["found"]["data"]["result_list"]]
    await call("fact deleted", "delete_profile", profile["data"]["profile_id"])
    found["fact deleted"] = found["fact deleted"]["code"]
    await call("worked out", "trigger_update_profile", ["profile_v1"], filters={"user_id": "ada"})
    await call("nobody", "search_memory", query="weather")
    await call("wrong filter", "search_memory", query="x", filter={**ADA, "no_such": 1})
    await call("wrong type", "search_memory", query="x", filter={**ADA, "memory_type": "no_such"})
    await call("wrong limit", "search_memory", query="x", filter=ADA, limit=0)
    await call("wrong session", "get_session_info", "no_such")
    await call("wrong property", "add_event", "event_v1", {"summery": "x"}, "ada")
    await call("events deleted", "batch_delete_event", filter=ADA, delete_type="full")
    await call("profiles deleted", "batch_delete_profile", filter=ADA)
    await call("nothing is left", "search_memory", filter=ADA)
    return found


def client_of(settings: dict[str, Any], auth: Any) -> Any:
    return VikingMem(host=settings["host"], region="cn-beijing", auth=auth, scheme="http")


def main() -> None:
    who, settings = sys.argv[1], json.load(sys.stdin)
    client = client_of(settings, IAM(ak=settings["ak"], sk=settings["sk"]))
    collection = client.get_collection(collection_name=settings["collection"], project_name="default")
    answers = asyncio.run(calls(collection, who))
    answers["ping"] = client.ping()
    by_key = client_of(settings, APIKey(api_key=settings["api_key"])).get_collection(settings["collection"])
    answers["by key"] = by_key.search_memory(filter=ADA)["code"]
    for label, wrong in (
        (
            "wrong secret",
            client_of(settings, IAM(ak=settings["ak"], sk="x" * 40)).get_collection(settings["collection"]),
        ),
        ("missing", client.get_collection("sdk_missing")),
    ):
        try:
            wrong.add_session("s1", MESSAGES, METADATA)
        except VikingMemException as error:
            answers[label] = [error.code, type(error).__name__, error.status_code]
    offered = {name for name in vars(Collection) if not name.startswith("_") and callable(getattr(Collection, name))}
    print(json.dumps({"answers": answers, "offered": sorted(offered)}, ensure_ascii=False))


if __name__ == "__main__":
    main()
