"""The memory client: the requests of blocking and awaitable calls, and the error for each error response."""

from __future__ import annotations

import asyncio
import enum
import inspect
import json

import pytest

from vikingdb import IAM, APIKey
from vikingdb.exceptions import VikingException
from vikingdb.memory import Collection, VikingMem, VikingMemException
from vikingdb.memory.client import PATHS
from vikingdb.memory.exceptions import EXCEPTION_MAP, CollectionNotExistException, InternalServerException

SELECTOR = {"project_name": "default", "collection_name": "c"}
CALLS = [
    (
        "add_event",
        "AddEvent",
        {"event_type": "e", "memory_info": {"summary": "北京"}, "user_id": "u", "update_profiles": []},
    ),
    ("update_event", "UpdateEvent", {"event_id": "1", "memory_info": {}}),
    ("delete_event", "DeleteEvent", {"event_id": "1"}),
    ("batch_delete_event", "BatchDeleteEvent", {"filter": {"user_id": "u"}, "delete_type": "full"}),
    ("add_profile", "AddProfile", {"profile_type": "p", "memory_info": {}, "group_id": "g", "is_upsert": False}),
    ("update_profile", "UpdateProfile", {"profile_id": "1", "memory_info": {}}),
    ("delete_profile", "DeleteProfile", {"profile_id": "1"}),
    ("batch_delete_profile", "BatchDeleteProfile", {"filter": {"user_id": "u"}}),
    ("trigger_update_profile", "TriggerUpdateProfile", {"update_profile_type": "p", "filters": {"user_id": "u"}}),
    ("add_session", "AddSession", {"session_id": "s", "messages": [], "metadata": {}, "profiles": [], "store_file": 1}),
    ("get_session_info", "GetSessionInfo", {"session_id": "s"}),
    ("search_memory", "SearchMemory", {"query": "q", "filter": {"user_id": "u"}, "limit": 3}),
    ("search_event_memory", "SearchEventMemory", {"query": "q", "time_decay_config": {"weight": 0.5}}),
    ("search_profile_memory", "SearchProfileMemory", {"limit": 3}),
]


@pytest.fixture
def client(peer):
    with VikingMem(host=peer.host, auth=IAM(ak="ak", sk="sk")) as client:
        yield client


@pytest.mark.parametrize(("name", "api", "given"), CALLS, ids=[call[0] for call in CALLS])
def test_a_call_and_its_twin_send_the_same(client, peer, name, api, given):
    collection = client.get_collection("c")
    answers = [
        getattr(collection, name)(**given, headers={"X-Tt-Logid": "r-9"}, timeout=5),
        asyncio.run(getattr(collection, f"async_{name}")(**given, headers={"X-Tt-Logid": "r-9"}, timeout=5)),
    ]
    assert [type(answer) for answer in answers] == [dict, dict]
    for sent in peer.sent:
        assert (sent.method, sent.target) == ("POST", PATHS[api])
        assert json.loads(sent.body) == {**SELECTOR, **given}
        assert "/cn-beijing/air/request" in sent.headers["Authorization"]
        assert sent.headers["X-Tt-Logid"] == "r-9"
    assert len(peer.sent) == 2


def test_every_call_has_a_twin_with_the_same_parameters():
    names = {name for name in vars(Collection) if not name.startswith("_")}
    assert names == {name for name, *_ in CALLS} | {f"async_{name}" for name, *_ in CALLS}
    for name, *_ in CALLS:
        twins = [inspect.signature(getattr(Collection, twin)) for twin in (name, f"async_{name}")]
        assert twins[0].parameters == twins[1].parameters


def test_members_of_an_enum_are_sent_as_their_values(client, peer):
    kind = enum.Enum("kind", {"EVENT": "event_v1"})
    client.get_collection(resource_id="r").add_event(kind.EVENT, {"summary": kind.EVENT}, user_id="u")
    assert json.loads(peer.sent[0].body)["event_type"] == "event_v1"
    assert json.loads(peer.sent[0].body)["resource_id"] == "r"


def test_a_code_has_a_class_of_its_own_and_nothing_is_sent_twice(client, peer):
    for code, kind in EXCEPTION_MAP.items():
        peer.answers.append((500, {"code": code, "message": "no", "request_id": "r-2"}))
        with pytest.raises(kind) as caught:
            client.get_collection("c").delete_event("1")
        assert (type(caught.value), caught.value.code, caught.value.request_id) == (kind, code, "r-2")
        assert isinstance(caught.value, VikingException)
    assert len(peer.sent) == len(EXCEPTION_MAP) == 18
    for answer in ((400, {"code": "1000005", "message": "a text"}), (418, {"code": 7})):
        peer.answers.append(answer)
        with pytest.raises(VikingMemException) as caught:
            client.get_collection("c").delete_event("1")
        assert type(caught.value) is VikingMemException


def test_awaited_calls_keep_the_code_of_an_error(client, peer):
    peer.answers.append((404, {"code": 1000005, "message": "no", "request_id": "r-2"}))
    with pytest.raises(CollectionNotExistException):
        asyncio.run(client.get_collection("c").async_delete_event("1"))


@pytest.mark.parametrize("answer", [(200, b"not JSON"), (502, b"<html>"), (200, None)])
def test_what_is_no_answer_is_an_error_of_the_server(client, peer, answer):
    peer.answers.append(answer)
    with pytest.raises(InternalServerException):
        client.get_collection("c").search_memory()


def test_ping(client, peer):
    peer.answers.append((200, {"code": 0}))
    assert client.ping() is True
    assert (peer.sent[0].method, peer.sent[0].target) == ("GET", "/api/memory/ping")
    peer.answers.append((503, {"code": 1000028}))
    with pytest.raises(VikingMemException):
        client.ping()


def test_wrong_calls_are_told_before_anything_is_sent(client, peer):
    with pytest.raises(ValueError, match="collection_name or resource_id"):
        client.get_collection()
    with pytest.raises(ValueError, match="there is no call 'Search'"):
        client.json_exception("Search", None, {})
    with pytest.raises(TypeError, match="JSON"):
        client.get_collection("c").add_event("e", {"when": object()})
    with pytest.raises(ValueError, match="JSON"):
        client.get_collection("c").add_event("e", {"score": float("nan")})
    with pytest.raises(ValueError, match="timeout"):
        client.get_collection("c").delete_event("1", timeout=0)
    assert peer.sent == []


def test_a_key_serves_as_well(peer):
    with VikingMem(host=peer.host, auth=APIKey(api_key="vk_1")) as client:
        client.json_exception("SearchMemory", {"a": "b"}, '{"limit": 1}')
        assert "vk_1" not in repr(client.get_collection("c"))
    assert peer.sent[0].headers["Authorization"] == "Bearer vk_1"
    assert peer.sent[0].target == "/api/memory/search?a=b"
