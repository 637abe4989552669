"""Embedding functions that call services, tested with a local one that speaks their protocols."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("httpx", reason="httpx is not installed")

import vicinal.compat.chroma as chroma
from support.chat_server import Answer, ChatServer, serving
from vicinal.compat.chroma.configuration import function_of
from vicinal.compat.chroma.systems import System
from vicinal.compat.chroma.utils import embedding_functions as functions
from vicinal.errors import ModelUnavailable
from vicinal.services import json_service

KEY = "sk-secret"
URL_VARIABLES = {
    "CohereEmbeddingFunction": "CO_API_URL",
    "HuggingFaceEmbeddingFunction": "HF_INFERENCE_ENDPOINT",
    "JinaEmbeddingFunction": "JINA_API_URL",
    "VoyageAIEmbeddingFunction": "VOYAGE_API_URL",
    "MistralEmbeddingFunction": "MISTRAL_API_URL",
    "GoogleGenerativeAiEmbeddingFunction": "GOOGLE_GEMINI_BASE_URL",
}
# Name, the environment variable that Chroma reads by default, and the one that takes precedence.
KEYS = {
    "CohereEmbeddingFunction": ("cohere", "CHROMA_COHERE_API_KEY", "COHERE_API_KEY"),
    "HuggingFaceEmbeddingFunction": ("huggingface", "CHROMA_HUGGINGFACE_API_KEY", "HUGGINGFACE_API_KEY"),
    "JinaEmbeddingFunction": ("jina", "CHROMA_JINA_API_KEY", "JINA_API_KEY"),
    "VoyageAIEmbeddingFunction": ("voyageai", "CHROMA_VOYAGE_API_KEY", "VOYAGE_API_KEY"),
    "MistralEmbeddingFunction": ("mistral", "MISTRAL_API_KEY", "MISTRAL_API_KEY"),
    "GoogleGenerativeAiEmbeddingFunction": ("google_generative_ai", "GEMINI_API_KEY", "GOOGLE_API_KEY"),
}
NEEDED: dict[str, dict[str, Any]] = {"MistralEmbeddingFunction": {"model": "mistral-embed"}}


def vector_of(text: str) -> list[float]:
    return [float(len(text)), 1.0, float(text.count("a"))]


def service(path: str, asked: Any) -> Answer:
    """Supports all protocols; if responses have an index, they are shuffled."""
    if path.endswith("/v2/embed"):
        return 200, {"embeddings": {"float": [vector_of(text) for text in asked["texts"]]}}
    if path.endswith("/v1/embeddings"):
        data = [{"index": i, "embedding": vector_of(text)} for i, text in enumerate(asked["input"])]
        return 200, {"data": data[::-1]}
    if path.endswith("/api/embed"):
        return 200, {"embeddings": [vector_of(text) for text in asked["input"]]}
    if path.endswith(("/feature-extraction", "/embed")):
        return 200, [vector_of(text) for text in asked["inputs"]]
    if path.endswith(":batchEmbedContents"):
        texts = [one["content"]["parts"][0]["text"] for one in asked["requests"]]
        return 200, {"embeddings": [{"values": vector_of(text)} for text in texts]}
    return 404, {"message": "no such path"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    for _, own, usual in KEYS.values():
        monkeypatch.delenv(own, raising=False)
        monkeypatch.delenv(usual, raising=False)
    monkeypatch.setattr(json_service.time, "sleep", lambda _: None)
    with serving(service) as found:
        found.url = found.url.removesuffix("/v1")
        for variable in URL_VARIABLES.values():
            monkeypatch.setenv(variable, found.url)
        yield found


@pytest.fixture
def made(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Returns a function by the name of its class, with a key in the environment if it needs one."""

    def make(name: str, **more: Any) -> Any:
        if name in KEYS:
            monkeypatch.setenv(KEYS[name][1], KEY)
        if name == "OllamaEmbeddingFunction":
            more = {"url": server.url, **more}
        if name == "HuggingFaceEmbeddingServer":
            more = {"url": f"{server.url}/embed", **more}
        return getattr(functions, name)(**NEEDED.get(name, {}), **more)

    return make


ALL = [*KEYS, "OllamaEmbeddingFunction", "HuggingFaceEmbeddingServer"]


@pytest.mark.parametrize("name", ALL)
def test_texts_become_vectors_in_their_order(name: str, made: Callable[..., Any]) -> None:
    texts = ["a", "banana", "xyz"]
    function = made(name)
    for found in (function(texts), function(input=texts), function.embed_query(input=texts)):
        assert [vector.dtype for vector in found] == [np.float32] * 3
        assert np.array_equal(found, np.array([vector_of(text) for text in texts]))
    assert function.default_space() == "cosine"
    assert function.supported_spaces() == ["cosine", "l2", "ip"]
    assert not function.is_legacy()
    with pytest.raises(ValueError, match="texts"):
        function([np.zeros((2, 2, 3))])


@pytest.mark.parametrize("name", ALL)
def test_a_configuration_makes_it_anew(name: str, made: Callable[..., Any], server: ChatServer) -> None:
    function = made(name)
    config = function.get_config()
    assert KEY not in str(config)
    again = functions.config_to_embedding_function({"name": function.name(), "config": config})
    assert type(again) is type(function)
    assert again.get_config() == config
    assert np.array_equal(again(["abc"]), function(["abc"]))
    assert server.requests[-1][:2] == server.requests[-2][:2]
    needed = next(one for one in type(function).required)
    with pytest.raises(ValueError, match=needed):
        type(function).build_from_config({})
    fixed = "url" if name == "HuggingFaceEmbeddingServer" else type(function).fixed[0]
    with pytest.raises(ValueError, match="cannot be changed"):
        function.validate_config_update(config, {fixed: "http://another"})


@pytest.mark.parametrize("name", KEYS)
def test_keys_are_of_the_environment(
    name: str, made: Callable[..., Any], server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, own, usual = KEYS[name]
    more = NEEDED.get(name, {})
    with pytest.raises(ValueError, match=f"environment variable {own} is not set"):
        getattr(functions, name)(**more)
    with pytest.raises(ValueError, match="environment variable MINE is not set"):
        getattr(functions, name)(**more, api_key_env_var="MINE")
    monkeypatch.setenv("MINE", "sk-mine")
    function = getattr(functions, name)(**more, api_key_env_var="MINE")
    assert function.get_config()["api_key_env_var"] == "MINE"
    function(["a"])
    assert "sk-mine" in sent_key(server)
    if usual != own:
        monkeypatch.setenv(usual, "sk-usual")
        assert getattr(functions, name)(api_key_env_var="MINE").get_config()["api_key_env_var"] == usual
        with pytest.warns(DeprecationWarning, match="not remembered"):
            function = getattr(functions, name)(api_key="sk-given")
        function(["a"])
        assert "sk-given" in sent_key(server)
        assert "sk-given" not in str(function.get_config())


def sent_key(server: ChatServer) -> str:
    headers = {name.lower(): value for name, value in server.requests[-1][2].items()}
    assert ("authorization" in headers) != ("x-goog-api-key" in headers)
    return headers.get("x-goog-api-key") or headers["authorization"].removeprefix("Bearer ")


def test_what_each_service_is_asked(made: Callable[..., Any], server: ChatServer) -> None:
    def asked(name: str, *, query: bool = False, **more: Any) -> Any:
        function = made(name, **more)
        (function.embed_query if query else function)(["a"])
        return server.requests[-1][:2]

    texts = {"texts": ["a"], "input_type": "search_document", "embedding_types": ["float"]}
    assert asked("CohereEmbeddingFunction", query=True, model_name="m") == ("/v2/embed", {"model": "m", **texts})
    assert asked("OllamaEmbeddingFunction", model_name="m") == ("/api/embed", {"model": "m", "input": ["a"]})
    old = f"{server.url}/api/embeddings"
    assert asked("OllamaEmbeddingFunction", url=old, model_name="m")[0] == "/api/embed"
    path = "/models/sentence-transformers/all-MiniLM-L6-v2/pipeline/feature-extraction"
    assert asked("HuggingFaceEmbeddingFunction") == (path, {"inputs": ["a"]})
    assert asked("HuggingFaceEmbeddingServer") == ("/embed", {"inputs": ["a"]})
    jina = {"task": "retrieval.passage", "dimensions": 3, "query_config": {"task": "retrieval.query"}}
    listed = {"model": "m", "input": ["a"]}
    assert asked("JinaEmbeddingFunction", model_name="m", **jina) == (
        "/v1/embeddings",
        {**listed, "task": "retrieval.passage", "dimensions": 3},
    )
    assert asked("JinaEmbeddingFunction", query=True, model_name="m", **jina)[1]["task"] == "retrieval.query"
    assert asked("VoyageAIEmbeddingFunction", model_name="m") == ("/v1/embeddings", {**listed, "truncation": True})
    assert asked("VoyageAIEmbeddingFunction", input_type="document")[1]["input_type"] == "document"
    assert asked("MistralEmbeddingFunction")[1] == {"model": "mistral-embed", "input": ["a"]}
    path, request = asked("GoogleGenerativeAiEmbeddingFunction", dimension=3)
    assert path == "/v1beta/models/gemini-embedding-001:batchEmbedContents"
    headers = {header.lower(): value for header, value in server.requests[-1][2].items()}
    assert (headers.get("x-goog-api-key"), headers.get("authorization")) == (KEY, None)
    content = {"parts": [{"text": "a"}]}
    assert request["requests"] == [
        {
            "model": "models/gemini-embedding-001",
            "content": content,
            "taskType": "RETRIEVAL_DOCUMENT",
            "outputDimensionality": 3,
        }
    ]


def test_the_key_of_a_server_of_ones_own(made: Callable[..., Any], server: ChatServer, monkeypatch: Any) -> None:
    made("HuggingFaceEmbeddingServer")(["a"])
    assert "authorization" not in {name.lower() for name in server.requests[-1][2]}
    monkeypatch.setenv("MINE", "sk-mine")
    made("HuggingFaceEmbeddingServer", api_key_env_var="MINE")(["a"])
    assert sent_key(server) == "sk-mine"


def test_long_lists_are_asked_for_in_parts(made: Callable[..., Any], server: ChatServer) -> None:
    texts = [f"{'a' * (i % 7)}{i}" for i in range(70)]
    found = made("HuggingFaceEmbeddingServer")(texts)
    assert np.array_equal(found, np.array([vector_of(text) for text in texts]))
    assert [len(asked["inputs"]) for _, asked, _ in server.requests] == [32, 32, 6]


@pytest.mark.parametrize("answer", [(401, "no: sk-secret"), (200, {"detail": "x"}), (200, "no JSON"), (200, [[1.0]])])
@pytest.mark.parametrize("name", ALL)
def test_a_service_that_answers_something_else(
    name: str, answer: Answer, made: Callable[..., Any], server: ChatServer
) -> None:
    function = made(name)
    server.answer = lambda path, asked: answer
    with pytest.raises(ModelUnavailable, match="the server") as caught:
        function(["a", "b"])
    assert name not in KEYS or KEY not in str(caught.value)


# -- in a collection


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    System.forget_all()
    yield tmp_path
    System.forget_all()


def test_a_collection_remembers_the_function(folder: Path, made: Callable[..., Any]) -> None:
    with chroma.PersistentClient(folder) as client:
        docs = client.create_collection("docs", embedding_function=made("JinaEmbeddingFunction"))
        assert docs.configuration["hnsw"]["space"] == "cosine"
        docs.add(ids=["a", "b"], documents=["aaa", "xyzzy"])
    stored = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert KEY.encode() not in stored
    with chroma.PersistentClient(folder) as client:
        assert client.get_collection("docs").query(query_texts=["aaa"], n_results=1)["ids"] == [["a"]]


def test_without_its_key_a_collection_opens_and_says_so_when_it_is_needed(
    folder: Path, made: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with chroma.PersistentClient(folder) as client:
        client.create_collection("docs", embedding_function=made("JinaEmbeddingFunction"))
        monkeypatch.delenv("CHROMA_JINA_API_KEY")
        docs = client.get_collection("docs")
        docs.add(ids=["a"], embeddings=[[1, 2, 3]])
        with pytest.raises(ValueError, match="CHROMA_JINA_API_KEY is not set"):
            docs.query(query_texts=["a"])


def test_a_service_that_refuses_changes_nothing(folder: Path, made: Callable[..., Any], server: ChatServer) -> None:
    with chroma.PersistentClient(folder) as client:
        docs = client.create_collection("docs", embedding_function=made("JinaEmbeddingFunction"))
        docs.add(ids=["a"], documents=["a"])
        server.answer = lambda path, asked: (401, f"wrong key: {KEY}")
        for call in (docs.add, docs.upsert, docs.update):
            with pytest.raises(chroma.errors.InternalError, match="401") as caught:
                call(ids=["a" if call == docs.update else "b"], documents=["b"])
            assert KEY not in str(caught.value)
        with pytest.raises(chroma.errors.InternalError, match="401"):
            docs.query(query_texts=["a"])
        assert docs.get()["documents"] == ["a"]


def test_nothing_is_sent_to_an_address_that_a_file_says(
    folder: Path, server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE", KEY)
    # A name of this machine that is not recognized as such.
    elsewhere = server.url.replace("127.0.0.1", "127.0.0.2") + "/embed"
    function = functions.HuggingFaceEmbeddingServer(elsewhere, "MINE")
    with chroma.PersistentClient(folder) as client:
        client.create_collection("docs", embedding_function=function)
        here = functions.HuggingFaceEmbeddingServer(f"{server.url}/embed", "MINE")
        client.create_collection("here", embedding_function=here)
    with chroma.PersistentClient(folder) as client:
        with pytest.raises(ValueError, match=r"asks the server .*Pass embedding_function="):
            client.get_collection("docs").add(ids=["a"], documents=["a"])
        assert client.get_collection("docs", embedding_function=here).name == "docs"
        assert server.requests == []
        client.get_collection("here").add(ids=["a"], documents=["a"])
        assert len(server.requests) == 1


def test_an_address_of_openais_protocol_is_one_too() -> None:
    config = {"api_key_env_var": "MINE", "model_name": "m", "api_base": "https://example.org/v1"}
    with pytest.raises(ValueError, match=r"asks the server 'https://example.org/v1'"):
        function_of({"embedding_function": {"type": "known", "name": "openai", "config": config}})


def test_without_httpx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(ValueError, match=r"vicinal\[llm\]"):
        functions.OllamaEmbeddingFunction()


def test_spaces_of_coheres_older_models(made: Callable[..., Any]) -> None:
    for model, spaces in (("embed-english-v2.0", ["cosine"]), ("embed-multilingual-v2.0", ["ip"])):
        function = made("CohereEmbeddingFunction", model_name=model)
        assert (function.supported_spaces(), function.default_space()) == (spaces, spaces[0])


# -- LangChain's, one's own, and those that are not here


@pytest.fixture
def langchain(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The base class of LangChain's embeddings, of which nothing else is used."""
    try:
        from langchain_core.embeddings import Embeddings
    except ImportError:
        module = types.ModuleType("langchain_core.embeddings")
        Embeddings = type("Embeddings", (), {})
        module.Embeddings = Embeddings  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "langchain_core", types.ModuleType("langchain_core"))
        monkeypatch.setitem(sys.modules, "langchain_core.embeddings", module)
    return Embeddings


def test_embeddings_of_langchain(langchain: Any, folder: Path) -> None:
    class Lengths(langchain):  # type: ignore[misc]
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [[float(len(text)), 1.0] for text in texts]

        def embed_query(self, text: str) -> list[float]:
            return [float(len(text)), 1.0]

    function = functions.create_langchain_embedding(Lengths())
    assert (function.name(), function.get_config()["embedding_function_class"]) == ("langchain", "Lengths")
    assert function.embed_query("abc") == [3.0, 1.0]
    assert np.array_equal(function(["a", "bb"]), [[1, 1], [2, 1]])
    with pytest.raises(ValueError, match="images"):
        function(("images", ["file"]))
    with pytest.raises(ValueError, match="int is not"):
        functions.create_langchain_embedding(5)
    with chroma.PersistentClient(folder) as client:
        client.create_collection("docs", embedding_function=function).add(ids=["a", "b"], documents=["a", "bbbbb"])
        with pytest.raises(ValueError, match="create_langchain_embedding"):
            client.get_collection("docs").query(query_texts=["cc"])
        docs = client.get_collection("docs", embedding_function=function)
        assert docs.query(query_texts=["cccc"], n_results=1)["ids"] == [["b"]]


@pytest.mark.skipif("langchain_core" in sys.modules, reason="langchain-core is here")
def test_without_langchain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langchain_core", None)
    monkeypatch.setitem(sys.modules, "langchain_core.embeddings", None)
    with pytest.raises(ValueError, match="pip install langchain-core"):
        functions.create_langchain_embedding(object())


def test_functions_that_are_not_here_say_what_is() -> None:
    from vicinal.compat.chroma.utils.embedding_functions import MorphEmbeddingFunction

    with pytest.raises(ValueError, match=r"MorphEmbeddingFunction is not here.*CohereEmbeddingFunction.*Voyage"):
        MorphEmbeddingFunction(api_key="x")
    with pytest.raises(AttributeError):
        functions.NoSuchEmbeddingFunction  # noqa: B018
    assert "JinaEmbeddingFunction" in functions.get_builtins()
    assert "EmbeddingFunction" not in functions.get_builtins()


def test_configurations_that_fit_nothing() -> None:
    with pytest.raises(ValueError, match="'name'"):
        functions.config_to_embedding_function({"config": {}})
    with pytest.raises(ValueError, match=r"'zz'.*Known are .*cohere"):
        functions.config_to_embedding_function({"name": "zz"})
    assert functions.config_to_embedding_function({"name": "default"}).name() == "default"
    with pytest.raises(ValueError, match="cannot be registered"):
        functions.register_embedding_function(5)


def test_modules_have_the_names_that_programs_import() -> None:
    program = (
        "import vicinal.compat.chroma as ours\n"
        "ours.install()\n"
        "from chromadb.utils.embedding_functions.ollama_embedding_function import OllamaEmbeddingFunction\n"
        "from chromadb.utils.embedding_functions.jina_embedding_function import JinaQueryConfig\n"
        "from chromadb.utils import embedding_functions\n"
        "assert OllamaEmbeddingFunction is embedding_functions.OllamaEmbeddingFunction\n"
        "assert issubclass(OllamaEmbeddingFunction, ours.EmbeddingFunction)\n"
        "import sys\n"
        "assert 'httpx' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
