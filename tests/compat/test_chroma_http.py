"""The same calls behind `vicinal serve`."""

from __future__ import annotations

import asyncio
import contextlib
import json
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import pytest

import vicinal.compat.chroma as chroma
from compat.chroma_calls import ANSWERS, answers
from compat.test_chroma_answers import DIFFERENT
from support.served import VicinalServer, shared_server
from support.servers import free_port

if any(find_spec(name) is None for name in ("httpx", "uvicorn", "starlette", "msgspec", "prometheus_client")):
    pytest.skip("the server's packages are not installed", allow_module_level=True)


@pytest.fixture
def server() -> VicinalServer:
    return shared_server()


@pytest.mark.slow
def test_answers_are_the_same_behind_a_server(server: VicinalServer) -> None:
    with contextlib.ExitStack() as clients:

        def client(settings: Any = None, **place: str) -> chroma.ClientAPI:
            return clients.enter_context(chroma.HttpClient("127.0.0.1", server.port, settings=settings, **place))

        given = answers(SimpleNamespace(EphemeralClient=client, Settings=chroma.Settings))
    expected = json.loads(ANSWERS.read_text(encoding="utf-8"))
    assert given.pop("other settings") is False  # clients of a server share nothing, in Chroma neither
    assert {
        label: answer for label, answer in given.items() if expected[label] != answer and label not in DIFFERENT
    } == {}


def test_a_client_of_a_server(server: VicinalServer) -> None:
    settings = chroma.Settings(allow_reset=True)
    with chroma.HttpClient("127.0.0.1", server.port, settings=settings) as client:
        client.reset()
        docs = client.create_collection("docs", metadata={"hnsw:space": "ip"}, embedding_function=None)
        docs.add(ids=["a", "b"], embeddings=[[1, 2], [3, 4]], documents=["one", "two"], metadatas=[{"n": 1}, {"n": 2}])
        found = docs.query(query_embeddings=[[1, 1]], where={"n": {"$gt": 0}}, where_document={"$regex": "^t"})
        assert (found["ids"], found["distances"]) == ([["b"]], [[-6.0]])
        docs.modify(name="papers")
        assert [one.name for one in client.list_collections()] == ["papers"]
        assert client.heartbeat() > 0
        client.delete_collection("papers")
        with pytest.raises(chroma.errors.NotFoundError):
            docs.count()


def test_an_awaited_client(server: VicinalServer) -> None:
    async def work() -> None:
        settings = chroma.Settings(allow_reset=True)
        client = await chroma.AsyncHttpClient("127.0.0.1", server.port, settings=settings)
        await client.reset()
        docs = await client.get_or_create_collection("docs", embedding_function=None)
        assert isinstance(docs, chroma.AsyncCollection)
        adding = [docs.add(ids=[str(i)], embeddings=[[i, 1]], metadatas=[{"n": i}]) for i in range(10)]
        await asyncio.gather(*adding)
        assert await docs.count() == 10
        found = await docs.query(query_embeddings=[[7, 1]], n_results=1)
        assert (found["ids"], found["metadatas"]) == ([["7"]], [[{"n": 7}]])
        await docs.upsert(ids=["7"], embeddings=[[70, 1]])
        await docs.update(ids=["8"], metadatas=[{"n": 80}])
        assert (await docs.get(ids=["8"], include=["metadatas"]))["metadatas"] == [{"n": 80}]
        assert await docs.delete(where={"n": {"$lt": 5}}) == {"deleted": 5}
        assert len((await docs.peek(3))["ids"]) == 3
        await docs.modify(name="papers")
        assert [one.name for one in await client.list_collections()] == ["papers"]
        with pytest.raises(chroma.errors.NotFoundError):
            await client.get_collection("docs")
        await client.close()

    asyncio.run(work())


def test_where_nobody_answers() -> None:
    with pytest.raises(ValueError, match="Could not connect"):
        chroma.HttpClient("127.0.0.1", free_port())
