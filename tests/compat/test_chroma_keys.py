"""Access keys of a server, as programs written for Chroma pass them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

import pytest

if any(find_spec(name) is None for name in ("httpx", "uvicorn", "starlette", "msgspec", "prometheus_client")):
    pytest.skip("the server's packages are not installed", allow_module_level=True)

import vicinal.compat.chroma as chroma
from support.http_server import HttpServer
from vicinal.compat.chroma.systems import System
from vicinal.server.keys import KeyFile

REFUSED = chroma.errors.AuthorizationError


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """Yields the URL of a server and keys of each role."""
    path = tmp_path_factory.mktemp("keys") / "data"
    file = KeyFile(path)
    keys = {role: file.create(role, role)[1] for role in ("admin", "write", "read")}
    keys["a"] = file.create("a", "read", where={"owner": "a"})[1]
    keys["docs"] = file.create("docs", "read", collections=("docs", "$chroma"))[1]
    keys["unlisted"] = file.create("unlisted", "read", collections=("docs",))[1]
    with HttpServer(path) as server:
        yield server.url, keys


@pytest.fixture(autouse=True)
def no_key_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VICINAL_API_KEY", raising=False)


@pytest.fixture
def client(served: tuple[str, dict[str, str]]) -> Iterator[Callable[..., chroma.ClientAPI]]:
    """Returns a client by the role of its key."""
    url, keys = served
    parts = urlsplit(url)
    made = []

    def make(role: str | None, header: str = "Authorization", scheme: str = "Bearer ", **more: Any) -> Any:
        headers = None if role is None else {header: scheme + keys.get(role, role)}
        made.append(chroma.HttpClient(str(parts.hostname), int(parts.port or 0), headers=headers, **more))
        return made[-1]

    System.forget_all()
    yield make
    for one in made:
        one.close()
    System.forget_all()


@pytest.fixture
def docs(client: Callable[..., chroma.ClientAPI]) -> chroma.Collection:
    admin = client("admin")
    if "docs" in [one.name for one in admin.list_collections()]:
        admin.delete_collection("docs")
    docs = admin.create_collection("docs", embedding_function=None)
    docs.add(ids=["1", "2"], embeddings=[[1, 2], [3, 4]], metadatas=[{"owner": "a"}, {"owner": "b"}])
    return docs


@pytest.mark.parametrize("header", ["Authorization", "authorization", "X-Chroma-Token"])
@pytest.mark.parametrize("scheme", ["Bearer ", ""])
def test_a_key_is_in_either_header(client: Any, docs: chroma.Collection, header: str, scheme: str) -> None:
    assert client("read", header, scheme).get_collection("docs").count() == 2


def test_settings_have_a_key_too(client: Any, docs: chroma.Collection, served: tuple[str, dict[str, str]]) -> None:
    url, keys = served
    parts = urlsplit(url)
    settings = chroma.Settings(chroma_client_auth_credentials=keys["read"])
    assert client(None, settings=settings).get_collection("docs").count() == 2
    assert keys["read"] not in repr(settings)
    given: dict[str, Any] = {"chroma_server_host": parts.hostname, "chroma_server_http_port": parts.port}
    admin = chroma.AdminClient(chroma.Settings(**given, chroma_client_auth_credentials=keys["read"]))
    assert admin.get_tenant("default_tenant") == {"name": "default_tenant"}
    with pytest.raises(REFUSED):
        chroma.AdminClient(chroma.Settings(**given)).get_tenant("default_tenant")


def test_without_a_right_key_there_is_no_client(client: Any, served: tuple[str, dict[str, str]]) -> None:
    admin = served[1]["admin"]
    wrong = [None, "nonsense", admin[:-1], admin[:-1] + ("a" if admin[-1] != "a" else "b")]
    for key in wrong:
        with pytest.raises(REFUSED) as caught:
            client(key)
        assert key is None or key not in str(caught.value)


def test_a_key_allows_what_its_role_may(client: Any, docs: chroma.Collection) -> None:
    reader = client("read").get_collection("docs", embedding_function=None)
    assert reader.query(query_embeddings=[[1, 2]], n_results=1)["ids"] == [["1"]]
    writes: list[Callable[[], Any]] = [
        lambda: reader.add(ids=["3"], embeddings=[[5, 6]]),
        lambda: reader.upsert(ids=["1"], embeddings=[[5, 6]]),
        lambda: reader.update(ids=["1"], metadatas=[{"owner": "me"}]),
        lambda: reader.delete(ids=["1"]),
        lambda: reader.modify(name="mine"),
        lambda: client("read").delete_collection("docs"),
        lambda: client("read").create_collection("more", embedding_function=None),
    ]
    for write in writes:
        with pytest.raises(REFUSED):
            write()
    assert docs.get()["ids"] == ["1", "2"]
    writer = client("write").get_collection("docs", embedding_function=None)
    writer.add(ids=["3"], embeddings=[[5, 6]])
    assert reader.count() == 3


def test_a_key_of_some_rows_is_refused(client: Any, docs: chroma.Collection) -> None:
    """The list of collections is stored out of its reach."""
    with pytest.raises(REFUSED, match="a part of the rows"):
        client("a").get_collection("docs", embedding_function=None)


def test_a_key_of_some_collections_reaches_them_by_the_list(client: Any, docs: chroma.Collection) -> None:
    client("admin").get_or_create_collection("others", embedding_function=None).count()
    some = client("docs")
    assert some.get_collection("docs", embedding_function=None).count() == 2
    with pytest.raises(REFUSED, match="'others'"):
        some.get_collection("others", embedding_function=None).count()
    with pytest.raises(chroma.errors.ChromaError):
        client("unlisted").get_collection("docs", embedding_function=None)


def test_clients_of_one_server_keep_their_own_keys(client: Any, docs: chroma.Collection) -> None:
    """Whichever of them came first."""
    writer, reader = client("write"), client("read")
    with pytest.raises(REFUSED):
        client(None)
    with pytest.raises(REFUSED):
        reader.get_collection("docs", embedding_function=None).add(ids=["4"], embeddings=[[1, 1]])
    writer.get_collection("docs", embedding_function=None).add(ids=["4"], embeddings=[[1, 1]])
    reader.close()
    assert writer.get_collection("docs", embedding_function=None).count() == 3


def test_awaited(served: tuple[str, dict[str, str]], docs: chroma.Collection) -> None:
    url, keys = served
    parts = urlsplit(url)

    async def work() -> None:
        place = str(parts.hostname), int(parts.port or 0)
        client = await chroma.AsyncHttpClient(*place, headers={"Authorization": f"Bearer {keys['read']}"})
        found = await client.get_collection("docs", embedding_function=None)
        assert await found.count() == 2
        with pytest.raises(REFUSED):
            await found.add(ids=["9"], embeddings=[[1, 1]])
        await client.close()
        with pytest.raises(REFUSED):
            await chroma.AsyncHttpClient(*place, headers={"X-Chroma-Token": "nonsense"})

    asyncio.run(work())
