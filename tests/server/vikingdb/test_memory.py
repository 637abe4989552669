"""The memory service: the same responses for the vendor's SDK and ours; what it rejects, and from whom."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import vicinal
from support.http_server import HttpServer
from vicinal.memories import Memories
from vicinal.server.keys import KeyFile

PROGRAM = Path(__file__).parents[2] / "support" / "viking_memory_calls.py"
VENDORS = os.environ.get("VICINAL_VIKINGDB_PYTHON")
RUNS = {"blocking": (sys.executable, "blocking"), "awaited": (sys.executable, "awaited")}
if VENDORS is not None:
    RUNS |= {"vendor's": (VENDORS, "blocking"), "vendor's, awaited": (VENDORS, "awaited")}
SECONDS_MAX = 60
REFUSED = {
    "deleted twice": 1000011,
    "fact twice": 1000014,
    "nobody": 1000019,
    "wrong filter": 1000019,
    "wrong type": 1000019,
    "wrong limit": 1000003,
    "wrong session": 1000011,
    "wrong property": 1000003,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    path = tmp_path_factory.mktemp("memory") / "data"
    KeyFile(path).create("boss", "admin")
    with HttpServer(path, workers=2, models="memory=hashing:256", timeout=20) as started:
        yield started


@pytest.fixture(scope="module")
def admin(server: HttpServer) -> Iterator[httpx.Client]:
    _, key = KeyFile(server.path).create("maker", "admin")
    with server.client(key=key) as http:
        yield http


def control(http: httpx.Client, path: str, **body: Any) -> dict[str, Any]:
    answer = http.post(f"/api/memory/collection/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["Result"]


@pytest.fixture(scope="module")
def told(server: HttpServer, admin: httpx.Client) -> dict[str, Any]:
    """Returns the results of each run."""
    pair, secret = KeyFile(server.path).create("signs", "write", signing=True)
    _, api_key = KeyFile(server.path).create("shows", "read")
    found = {}
    for i, (name, (interpreter, who)) in enumerate(RUNS.items()):
        control(admin, "create", CollectionName=f"demo_{i}")
        settings = {
            "host": server.url.removeprefix("http://"), "ak": pair.access_key, "sk": secret, "api_key": api_key,
            "collection": f"demo_{i}",
        }  # fmt: skip
        done = subprocess.run(
            [interpreter, "-P", str(PROGRAM), who], input=json.dumps(settings), capture_output=True, encoding="utf-8",
            timeout=SECONDS_MAX, check=False, env={**os.environ, "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found[name] = json.loads(done.stdout.replace(f"demo_{i}", "demo"))
    return found


@pytest.fixture(params=RUNS)
def one(request: pytest.FixtureRequest, told: dict[str, Any]) -> dict[str, Any]:
    """The results of one run."""
    return told[request.param]["answers"]


@pytest.mark.slow
def test_calls_give_what_they_promise(one: dict[str, Any]) -> None:
    assert one["session"] == {"code": 0, "message": "success", "data": {"session_id": "s1"}}
    assert one["info"]["data"]["status"] == "success"
    assert len(one["info"]["data"]["messages"]) == 3
    [weather] = one["weather"]["data"]["result_list"]
    assert weather["memory_info"]["summary"].startswith("How is the weather today?")
    assert len(weather["memory_info"]["original_messages"]) == 2
    assert (weather["user_id"], weather["assistant_id"], weather["group_id"]) == (["ada"], ["bot"], "g")
    assert one["profile"]["data"]["count"] == 1
    assert one["time"]["data"]["result_list"] == []
    assert one["updated"]["code"] == 0
    assert one["decay"] == [{"summary": "Ada sold a bike"}, 1.0, True]
    assert one["found"] == [{"user_profile": "plays go", "topic": "plays"}]
    assert one["nothing is left"]["data"] == {
        "collection_name": "demo",
        "count": 0,
        "result_list": [],
        "token_usage": 0,
    }
    assert (one["ping"], one["by key"]) == (True, 0)
    assert one["missing"] == [1000005, "CollectionNotExistException", 404]
    assert one["wrong secret"] == [1000001, "UnauthorizedException", 401]


@pytest.mark.slow
def test_refusals_have_their_codes(told: dict[str, Any]) -> None:
    """The vendor's awaitable calls lose the code of every error."""
    for name, run in told.items():
        if name != "vendor's, awaited":
            assert {label: run["answers"][label]["code"] for label in REFUSED} == REFUSED, name


@pytest.mark.slow
def test_all_get_the_same_answers_and_offer_the_same_calls(told: dict[str, Any]) -> None:
    first = told["blocking"]
    for name, run in told.items():
        assert set(run["offered"]) <= set(first["offered"])
        for label, answer in run["answers"].items():
            if name != "vendor's, awaited" or label not in REFUSED:
                assert answer == first["answers"][label], (name, label)


def test_collections_are_made_described_changed_and_deleted(server: HttpServer, admin: httpx.Client) -> None:
    lesson = {
        "EventType": "lesson",
        "Properties": [
            {"PropertyName": "subject"},
            {"PropertyName": "minutes", "PropertyValueType": "int64", "Description": "how long"},
        ],
    }
    total = {"Op": "SUM", "EventType": "lesson", "EventPropertyName": "minutes"}
    progress = {
        "ProfileType": "progress",
        "UpdateTiming": "realtime",
        "Properties": [
            {"PropertyName": "subject", "IsPrimaryKey": True},
            {"PropertyName": "total", "PropertyValueType": "int64", "AggregateExpression": total},
        ],
    }
    made = control(
        admin, "create", CollectionName="school", ProjectName="p", Description="d",
        BuiltinEventTypes=["sys_event_v1"], CustomEventTypeSchemas=[lesson], CustomProfileTypeSchemas=[progress],
    )  # fmt: skip
    again = admin.post("/api/memory/collection/create", json={"CollectionName": "school", "ProjectName": "p"})
    code = again.json()["ResponseMetadata"]["Error"]["Code"]
    assert (again.status_code, code) == (409, "AlreadyExists.MemoryCollection")
    body = {"resource_id": made["ResourceId"], "event_type": "lesson", "user_id": "kim"}
    for minutes in (30, 45):
        info = {"subject": "maths", "minutes": minutes}
        answer = admin.post("/api/memory/event/add", json={**body, "memory_info": info})
        assert answer.status_code == 200, answer.text
    found = admin.post(
        "/api/memory/profile/search",
        json={"collection_name": "school", "project_name": "p", "filter": {"user_id": "kim"}},
    ).json()
    assert found["data"]["result_list"][0]["memory_info"] == {"subject": "maths", "total": 75}
    told = control(admin, "info", CollectionName="school", ProjectName="p")
    assert (told["EventCount"], told["ProfileCount"], told["DescMsg"]) == (2, 1, "d")
    assert told["PipelineConfig"]["EventTypes"] == ["sys_event_v1", "lesson"]
    control(admin, "update", CollectionName="school", ProjectName="p", BuiltinProfileTypes=["profile_v1"])
    answer = admin.post("/?Action=MemoryCollectionInfo&Version=2025-06-09", json={"ResourceId": made["ResourceId"]})
    assert "profile_v1" in answer.json()["Result"]["PipelineConfig"]["ProfileTypes"]
    assert "school" in [one["Name"] for one in control(admin, "list", ProjectName="p")["Collections"]]
    control(admin, "delete", ResourceId=made["ResourceId"])
    assert control(admin, "list", ProjectName="p")["TotalCount"] == 0


def test_a_session_says_which_profiles_and_an_event_which_are_worked_out(admin: httpx.Client) -> None:
    total = {"Op": "SUM", "EventType": "lesson", "EventPropertyName": "minutes"}
    minutes = {"PropertyName": "minutes", "PropertyValueType": "int64"}
    progress = {"PropertyName": "total", "PropertyValueType": "int64", "AggregateExpression": total}
    fact = [{"PropertyName": "user_profile"}, {"PropertyName": "topic", "IsPrimaryKey": True}]
    control(
        admin, "create", CollectionName="chosen", BuiltinProfileTypes=["profile_v1"], BuiltinEventTypes=["event_v1"],
        CustomEventTypeSchemas=[{"EventType": "lesson", "Properties": [minutes]}],
        CustomProfileTypeSchemas=[
            {"ProfileType": "progress", "Properties": [progress]}, {"ProfileType": "facts", "Properties": fact},
        ],
    )  # fmt: skip

    def post(path: str, **body: Any) -> dict[str, Any]:
        found: dict[str, Any] = admin.post(f"/api/memory/{path}", json={"collection_name": "chosen", **body}).json()
        return found

    def profiles(user: str) -> dict[str, Any]:
        listed = post("profile/search", filter={"user_id": user})["data"]["result_list"]
        return {one["memory_type"]: one["memory_info"] for one in listed}

    talk = [{"role": "user", "content": "I live in Rome. Yesterday I bought a boat."}]
    whose = {"default_user_id": "ada"}
    chosen = [{"profile_type": "facts", "profile_scope": [{}]}]
    assert post("session/add", session_id="s1", messages=talk, metadata=whose, profiles=chosen)["code"] == 0
    assert profiles("ada") == {"facts": {"user_profile": "lives in Rome", "topic": "home"}}
    assert post("event/search", filter={"user_id": "ada"})["data"]["count"] == 1
    unknown = post("session/add", session_id="s2", messages=talk, metadata=whose, profiles=[{"profile_type": "no"}])
    assert unknown["code"] == 1000003

    event = {"event_type": "lesson", "memory_info": {"minutes": 30}, "user_id": "kim"}
    assert post("event/add", **event)["code"] == 0
    assert profiles("kim") == {}
    assert post("event/add", **event, update_profiles=["progress"])["code"] == 0
    assert profiles("kim") == {"progress": {"total": 60}}
    assert post("event/add", **event, update_profiles=True)["code"] == 0
    assert profiles("kim") == {"progress": {"total": 90}}
    assert post("event/add", **event, update_profiles=["no"])["code"] == 1000003
    assert post("event/add", **event, update_profiles=7)["code"] == 1000003
    assert post("event/search", filter={"user_id": "kim"})["data"]["count"] == 3


def test_a_collection_of_a_program_is_one_of_the_service(server: HttpServer, admin: httpx.Client) -> None:
    """And the program can read what the service writes."""
    with vicinal.connect(server.path) as db, db.collection("mine", encoder="hashing:64") as docs:
        memories = Memories(docs)
        memories.add_event("event_v1", {"summary": "found a coin"}, user_id="ada")
        body = {"collection_name": "mine", "filter": {"user_id": "ada"}, "query": "coin"}
        found = admin.post("/api/memory/search", json=body).json()["data"]["result_list"]
        assert [one["memory_info"] for one in found] == [{"summary": "found a coin"}]
        given = {
            "collection_name": "mine",
            "session_id": "s9",
            "messages": [{"role": "user", "content": "I live in Rome."}],
        }
        answer = admin.post("/api/memory/session/add", json={**given, "metadata": {"default_user_id": "ada"}})
        assert answer.status_code == 200, answer.text
        assert memories.search("Rome", 1, user_id="ada")[0].info["user_profile"] == "lives in Rome"
        db.collection("plain", encoder="hashing:64").close()
    answer = admin.post("/api/memory/search", json={**body, "collection_name": "plain"})
    assert (answer.status_code, answer.json()["code"]) == (404, 1000005)


def test_a_key_of_one_user_reaches_nobody_else(server: HttpServer, admin: httpx.Client) -> None:
    control(admin, "create", CollectionName="tenants")
    _, key = KeyFile(server.path).create("of ada", "write", where={"user_id": "ada"})
    event = {"collection_name": "tenants", "event_type": "event_v1", "memory_info": {"summary": "a secret"}}
    for user in ("ada", "bob"):
        answer = admin.post("/api/memory/event/add", json={**event, "user_id": user})
        assert answer.status_code == 200, answer.text
    bobs = answer.json()["data"]["event_id"]
    with server.client(key=key) as http:
        for user, count in (("ada", 1), ("bob", 0), (["ada", "bob"], 1)):
            body = {"collection_name": "tenants", "query": "secret", "filter": {"user_id": user}}
            assert http.post("/api/memory/search", json=body).json()["data"]["count"] == count
        answer = http.post("/api/memory/event/delete", json={"collection_name": "tenants", "event_id": bobs})
        assert (answer.status_code, answer.json()["code"]) == (404, 1000011)
        answer = http.post("/api/memory/collection/create", json={"CollectionName": "other"})
        assert answer.status_code == 403
        _keeps_memories_of_its_own_user(http, event)
    _, reader = KeyFile(server.path).create("reads", "read")
    with server.client(key=reader) as http:
        answer = http.post("/api/memory/event/add", json={**event, "user_id": "ada"})
        assert answer.status_code == 403
    with server.client() as http:
        assert http.get("/api/memory/ping").json()["code"] == 1000001
        assert http.post("/api/memory/search", json={}).json()["code"] == 1000001


def _keeps_memories_of_its_own_user(http: httpx.Client, event: dict[str, Any]) -> None:
    """With a key for one user: it writes, searches and deletes, and cannot write for anyone else."""
    answer = http.post("/api/memory/event/add", json={**event, "user_id": "ada"})
    assert answer.status_code == 200, answer.text
    session = {"session_id": "hers", "messages": [{"role": "user", "content": "I live in Rome."}]}
    told = {**session, "collection_name": "tenants", "metadata": {"default_user_id": "ada"}}
    assert http.post("/api/memory/session/add", json=told).status_code == 200
    body = {"collection_name": "tenants", "query": "Rome", "filter": {"user_id": "ada"}}
    found = http.post("/api/memory/search", json=body).json()["data"]["result_list"]
    assert "lives in Rome" in [one["memory_info"].get("user_profile") for one in found]
    for users in ("bob", ["ada", "bob"]):
        answer = http.post("/api/memory/event/add", json={**event, "user_id": users})
        assert answer.status_code == 403, answer.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("session/add", {"session_id": "s", "messages": "x"}),
        ("session/add", {"session_id": "s", "messages": []}),
        ("session/add", {"session_id": "s"}),
        ("session/add", {"session_id": "a b", "messages": [{"role": "user", "content": "x"}]}),
        ("session/add", {"session_id": "s", "messages": [{"role": "user", "content": 7}]}),
        ("session/add", {"session_id": "s", "messages": [{"role": "user", "content": "x"}], "metadata": {"time": "x"}}),
        ("event/add", {"event_type": 7}),
        ("event/add", {}),
        ("search", {"query": "x" * 5000, "filter": {"user_id": "u"}}),
        ("search", {"limit": 10**9, "filter": {"user_id": "u"}}),
        ("event/search", {"time_decay_config": {"weight": 2}, "filter": {"user_id": "u"}}),
        ("event/batch_delete", {"delete_type": "some", "filter": {"user_id": "u"}}),
        ("no/such/path", {}),
    ],
)
def test_what_is_wrong_is_refused_with_a_number(admin: httpx.Client, path: str, body: dict[str, Any]) -> None:
    control(admin, "create", CollectionName="refusing") if _absent(admin) else None
    answer = admin.post(f"/api/memory/{path}", json={"collection_name": "refusing", **body})
    assert answer.status_code in (400, 404), answer.text
    told = answer.json()
    assert isinstance(told["code"], int)
    assert told["code"] != 0
    assert told["message"]
    assert told["request_id"]


def _absent(admin: httpx.Client) -> bool:
    return "refusing" not in [one["Name"] for one in control(admin, "list", PageSize=100)["Collections"]]
