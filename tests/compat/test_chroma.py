"""What cannot be compared with chromadb: reopening, other processes, embedding functions, and replacing it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

import vicinal
import vicinal.compat.chroma as chroma
import vicinal.encoders.registry
from vicinal.compat.chroma.systems import System
from vicinal.compat.chroma.utils import embedding_functions
from vicinal.compat.chroma.utils.batch_utils import create_batches


class Lengths(chroma.EmbeddingFunction[Any]):
    """Encodes a text as its length."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def __call__(self, input: list[str]) -> Any:
        return [[len(text) * self.scale, 1.0] for text in input]

    def embed_query(self, input: list[str]) -> Any:
        return [np.array([float(text), 1.0], dtype=np.float32) for text in input]

    @staticmethod
    def name() -> str:
        return "lengths"

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> Lengths:
        return Lengths(config["scale"])

    def get_config(self) -> dict[str, Any]:
        return {"scale": self.scale}


class Others(Lengths):
    @staticmethod
    def name() -> str:
        return "others"


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """Closes everything that a test has opened."""
    System.forget_all()
    yield
    System.forget_all()


@pytest.fixture
def client(tmp_path: Path) -> Iterator[chroma.ClientAPI]:
    with chroma.PersistentClient(tmp_path) as client:
        yield client


def test_what_was_written_is_there_again(tmp_path: Path) -> None:
    with chroma.PersistentClient(tmp_path) as client:
        docs = client.create_collection(
            "docs", metadata={"hnsw:space": "cosine", "by": "me"}, embedding_function=Lengths(2)
        )
        docs.add(ids=["a", "b"], documents=["x", "xxxx"], metadatas=[{"n": 1}, None])
        docs.update(ids=["a", "b"], uris=["file:a", "file:b"])
        docs.modify(name="papers")
    with chroma.PersistentClient(tmp_path) as client:
        again = client.get_collection("papers")
        assert again.id == docs.id
        assert again.metadata == {"hnsw:space": "cosine", "by": "me"}
        assert again.configuration["embedding_function"].scale == 2
        found = again.get(include=["documents", "embeddings", "metadatas", "uris"])
        assert found["embeddings"].tolist() == [[2, 1], [8, 1]]
        assert (found["documents"], found["metadatas"], found["uris"]) == (
            ["x", "xxxx"],
            [{"n": 1}, {}],
            ["file:a", "file:b"],
        )
        assert again.query(query_texts=["8"], n_results=1)["ids"] == [["b"]]
        with pytest.raises(chroma.errors.NotFoundError):
            client.get_collection("docs")


def test_another_process_sees_it(client: chroma.ClientAPI, tmp_path: Path) -> None:
    client.create_collection("docs", embedding_function=None).add(ids=["a"], embeddings=[[1, 2]])
    program = (
        "import sys, vicinal.compat.chroma as chroma\n"
        "docs = chroma.PersistentClient(sys.argv[1]).get_collection('docs')\n"
        "docs.upsert(ids=['a', 'b'], embeddings=[[3, 4], [5, 6]])\n"
        "print(docs.count())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "2\n", done.stderr
    assert client.get_collection("docs").get(include=["embeddings"])["embeddings"].tolist() == [[3, 4], [5, 6]]


def test_the_engine_opens_the_same_rows(client: chroma.ClientAPI, tmp_path: Path) -> None:
    client.create_collection("docs", embedding_function=None).add(
        ids=["a"], embeddings=[[3, 4]], documents=["words here"]
    )
    docs = vicinal.connect(tmp_path).collection("docs", create=False)
    assert docs.search("words", mode="keyword").ids == ["a"]
    assert docs.search([0, 0])[0].distance == 5
    assert client.get_collection("docs").query(query_embeddings=[0, 0])["distances"] == [[25.0]]


def test_rows_of_chromas_own_are_not_opened_over(tmp_path: Path) -> None:
    (tmp_path / "chroma.sqlite3").touch()
    with pytest.raises(ValueError, match="vicinal import NEW --from chroma"):
        chroma.PersistentClient(tmp_path)


def test_a_deletion_that_was_interrupted_is_finished(client: chroma.ClientAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    client.create_collection("docs", embedding_function=None).add(ids=["a"], embeddings=[[1, 2]])
    with monkeypatch.context() as patch:
        patch.setattr(vicinal.Database, "drop", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            client.delete_collection("docs")
    assert client.list_collections() == []
    assert client.get_or_create_collection("docs", embedding_function=None).count() == 0


def test_a_collection_is_made_once_by_many(client: chroma.ClientAPI) -> None:
    found: list[Any] = []
    start = threading.Barrier(8)

    def make() -> None:
        start.wait()
        found.append(client.get_or_create_collection("docs", embedding_function=None).id)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_upserts_of_many_threads_lose_nothing(client: chroma.ClientAPI) -> None:
    docs = client.create_collection("docs", embedding_function=None)

    def upsert(key: int) -> None:
        for i in range(5):
            docs.upsert(ids=[f"{i}"], embeddings=[[i, 1]], metadatas=[{f"k{key}": key}])

    threads = [threading.Thread(target=upsert, args=[key]) for key in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert docs.get()["metadatas"] == [{f"k{key}": key for key in range(4)}] * 5


def test_a_changed_row_comes_last(client: chroma.ClientAPI) -> None:
    """Unlike in chromadb: docs/chroma.md says so."""
    docs = client.create_collection("docs", embedding_function=None)
    docs.add(ids=["a", "b"], embeddings=[[1, 2], [3, 4]])
    docs.update(ids=["a"], metadatas=[{"n": 1}])
    assert docs.get()["ids"] == ["a", "b"]
    docs.update(ids=["a"], embeddings=[[5, 6]])
    assert docs.get()["ids"] == ["b", "a"]


def test_vectors_under_cosine_come_back_as_given(client: chroma.ClientAPI) -> None:
    """Unlike in chromadb, which keeps them of length 1: docs/chroma.md says so."""
    docs = client.create_collection("docs", metadata={"hnsw:space": "cosine"}, embedding_function=None)
    docs.add(ids=["a"], embeddings=[[3, 4]])
    assert docs.get(include=["embeddings"])["embeddings"].tolist() == [[3, 4]]


# -- embedding functions


def test_documents_and_queries_are_encoded(client: chroma.ClientAPI) -> None:
    docs = client.create_collection("docs", embedding_function=Lengths())
    docs.add(ids=["a", "b"], documents=["x", "xxx"])
    docs.update(ids=["a"], documents=["xxxxx"])
    assert sorted(docs.get(include=["embeddings"])["embeddings"].tolist()) == [[3, 1], [5, 1]]
    assert docs.query(query_texts=["3", "5"], n_results=1)["ids"] == [["b"], ["a"]]
    assert docs.query(query_texts="5", n_results=1)["distances"] == [[0.0]]


def test_another_embedding_function_is_refused(client: chroma.ClientAPI) -> None:
    client.create_collection("docs", embedding_function=Lengths())
    for get in (client.get_collection, client.get_or_create_collection):
        with pytest.raises(ValueError, match="another"):
            get("docs", embedding_function=Others())
    assert client.get_collection("docs", embedding_function=Lengths()).count() == 0


def test_one_that_nobody_knows_says_so_when_it_is_needed(
    client: chroma.ClientAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.create_collection("docs", embedding_function=Lengths())
    monkeypatch.delitem(embedding_functions.known_embedding_functions, "lengths")
    docs = client.get_collection("docs")
    docs.add(ids=["a"], embeddings=[[1, 1]])
    with pytest.raises(ValueError, match="'lengths'"):
        docs.query(query_texts=["1"])


def test_the_default_stays_what_it_was(client: chroma.ClientAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    default = embedding_functions.DefaultEmbeddingFunction
    monkeypatch.setattr(default, "_chosen", vicinal.encoders.registry.resolve("hashing:64"))
    docs = client.create_collection("docs")
    docs.add(ids=["a", "b"], documents=["an apple", "a pear"])
    monkeypatch.setattr(default, "_chosen", vicinal.encoders.registry.resolve("hashing:128"))
    again = client.get_collection("docs")
    assert again.query(query_texts=["apples"], n_results=1)["ids"] == [["a"]]
    assert again.get(include=["embeddings"])["embeddings"].shape == (2, 64)


def test_uris_and_pictures(client: chroma.ClientAPI) -> None:
    class Sizes(chroma.EmbeddingFunction[Any]):
        def __call__(self, input: Any) -> Any:
            return [np.array(one.shape, dtype=np.float32) for one in input]

    def load(uris: Any) -> Any:
        return [None if uri is None else np.ones((len(uri), 1)) for uri in uris]

    docs = client.create_collection("docs", embedding_function=Sizes(), data_loader=load)
    docs.add(ids=["a"], uris=["abc"])
    docs.add(ids=["b"], images=[np.ones((7, 7))])
    found = docs.query(query_uris=["abc"], n_results=2, include=["uris", "data", "distances"])
    assert (found["ids"], found["uris"], found["distances"]) == ([["a", "b"]], [["abc", None]], [[0.0, 52.0]])
    assert found["data"][0][0].shape == (3, 1)
    assert docs.query(query_images=[np.ones((7, 7))], n_results=1)["ids"] == [["b"]]


# -- tenants and databases


def test_the_default_tenant_and_its_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    admin = chroma.AdminClient(chroma.Settings(is_persistent=True))
    assert admin.get_tenant("default_tenant") == {"name": "default_tenant"}
    there = {"id": UUID(int=0), "name": "default_database", "tenant": "default_tenant"}
    assert admin.get_database("default_database") == there
    assert admin.list_databases() == [there]
    assert admin.list_databases(limit=0) == admin.list_databases(offset=1) == admin.list_databases(tenant="x") == []
    with pytest.raises(OverflowError):
        admin.list_databases(limit=-1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("call", "arguments", "error"),
    [
        ("get_tenant", ["x"], chroma.errors.NotFoundError),
        ("get_tenant", [5], TypeError),
        ("create_tenant", ["default_tenant"], chroma.errors.InternalError),
        ("create_tenant", ["x"], chroma.errors.InvalidArgumentError),
        ("create_tenant", [5], TypeError),
        ("create_tenant", ["another"], NotImplementedError),
        ("get_database", ["nope"], chroma.errors.NotFoundError),
        ("get_database", ["default_database", "nope"], chroma.errors.NotFoundError),
        ("create_database", ["default_database"], chroma.errors.InternalError),
        ("create_database", ["d"], chroma.errors.InvalidArgumentError),
        ("create_database", [5], TypeError),
        ("create_database", ["another"], NotImplementedError),
        ("create_database", ["default_database", "another"], NotImplementedError),
        ("delete_database", ["nope"], chroma.errors.NotFoundError),
        ("delete_database", ["default_database", "nope"], chroma.errors.NotFoundError),
        ("delete_database", ["default_database"], NotImplementedError),
    ],
)
def test_there_are_no_others(call: str, arguments: list[Any], error: type[Exception]) -> None:
    """As in Chroma, but for NotImplementedError."""
    with pytest.raises(error):
        getattr(chroma.AdminClient(), call)(*arguments)


# -- standing in


def test_libraries_that_import_chromadb_get_it() -> None:
    program = (
        "import vicinal.compat.chroma as ours\n"
        "ours.install()\n"
        "import chromadb, chromadb.config\n"
        "from chromadb.api import AdminAPI, ClientAPI\n"
        "from chromadb.api.client import AdminClient, SharedSystemClient\n"
        "from chromadb.api.models.Collection import Collection\n"
        "from chromadb.api.types import Documents, EmbeddingFunction, Embeddings\n"
        "from chromadb.errors import NotFoundError\n"
        "from chromadb.utils import embedding_functions\n"
        "from chromadb.utils.batch_utils import create_batches\n"
        "assert chromadb is ours and Collection is ours.Collection\n"
        "assert AdminClient is ours.AdminClient\n"
        "chromadb.EphemeralClient().create_collection('gone', embedding_function=None)\n"
        "SharedSystemClient.clear_system_cache()\n"
        "assert chromadb.EphemeralClient().count_collections() == 0\n"
        "SharedSystemClient.clear_system_cache()\n"
        "print(type(chromadb.Client(chromadb.config.Settings(anonymized_telemetry=False))).__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60)
    assert done.stdout == "ClientAPI\n", done.stderr


@pytest.mark.parametrize(
    "name",
    [
        "utils.embedding_functions.DefaultEmbeddingFunction",
        "utils.batch_utils.create_batches",
        "api.ClientAPI",
        "api.types.Documents",
        "api.models.Collection.Collection",
        "api.models.AsyncCollection.AsyncCollection",
    ],
)
def test_what_is_there_after_the_import_alone(name: str) -> None:
    program = (
        "import vicinal.compat.chroma as chromadb\n"
        f"chromadb.{name}\n"
        "for module in (chromadb, chromadb.api, chromadb.api.models, chromadb.utils):\n"
        "    assert not hasattr(module, 'nonsense')"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_it_does_not_stand_in_for_what_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "chromadb", np)
    with pytest.raises(RuntimeError, match="imported already"):
        chroma.install()


def test_batches(client: chroma.ClientAPI) -> None:
    ids = [str(i) for i in range(client.get_max_batch_size() + 1)]
    first, second = create_batches(client, ids, documents=ids)
    assert (len(first[0]), second) == (len(ids) - 1, ([ids[-1]], None, None, [ids[-1]]))


def test_settings_choose_the_client(tmp_path: Path) -> None:
    settings = chroma.Settings(is_persistent=True, persist_directory=str(tmp_path), anonymized_telemetry=False)
    with chroma.Client(settings) as client:
        client.create_collection("docs", embedding_function=None)
    assert any(tmp_path.iterdir())
    assert chroma.Client().count_collections() == 0


def test_keys_are_shown_nowhere() -> None:
    assert "secret" not in repr(chroma.Settings(chroma_client_auth_credentials="secret"))


def test_reset_needs_leave(tmp_path: Path) -> None:
    with chroma.PersistentClient(tmp_path / "a") as client, pytest.raises(chroma.errors.AuthorizationError):
        client.reset()
    with chroma.PersistentClient(tmp_path / "b", chroma.Settings(allow_reset=True)) as client:
        client.create_collection("docs", embedding_function=None).add(ids=["a"], embeddings=[[1]])
        assert client.reset()
        assert client.list_collections() == []


def test_what_is_bent_is_refused_by_name(client: chroma.ClientAPI) -> None:
    docs = client.create_collection("docs", embedding_function=None)
    deep: dict[str, Any] = {"n": 1}
    for _ in range(5000):
        deep = {"$and": [deep, {"n": 1}]}
    for where in (deep, deep["$and"][1] | {"m": 1}):
        with pytest.raises((ValueError, chroma.errors.InvalidArgumentError)):
            docs.get(where=where)
    with pytest.raises(chroma.errors.NotFoundError) as refused:
        client.get_collection("no\ud800\x1b[31m")
    assert "\x1b" not in str(refused.value)
    str(refused.value).encode()
    with pytest.raises(chroma.errors.InvalidArgumentError):
        docs.add(ids=["a"], embeddings=[[10**400, 1]])
    with pytest.raises(TypeError):
        docs.modify(metadata="x")  # type: ignore[arg-type]
    assert docs.count() == 0
