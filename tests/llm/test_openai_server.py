"""A server of language models, called through OpenAI's API: limited patience, and errors that name the failure."""

from __future__ import annotations

import itertools
import pickle
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

pytest.importorskip("httpx", reason="httpx is not installed")

from support.chat_server import Answer, says, serving, vector
from vicinal.contract import LLM, Embedder
from vicinal.errors import InvalidArgument, MissingExtra, ModelUnavailable
from vicinal.llm import OpenAIServer
from vicinal.services import json_service


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Removes pauses between attempts; returns their durations."""
    pauses: list[float] = []
    monkeypatch.setattr(json_service.time, "sleep", pauses.append)
    return pauses


def test_a_prompt_is_one_message_of_a_user() -> None:
    with serving(lambda path, asked: says("Jupiter.")) as server, OpenAIServer("planets", server.url) as model:
        assert model.generate("Which is the largest?") == "Jupiter."
        ((path, asked, headers),) = server.requests
    assert path == "/v1/chat/completions"
    message = {"role": "user", "content": "Which is the largest?"}
    assert asked == {"model": "planets", "messages": [message], "temperature": 0}
    assert not {name.lower() for name in headers} & {"authorization", "cookie"}


def test_options_go_along_and_the_key_to_this_server_alone() -> None:
    options = {"temperature": 0.7, "max_tokens": 5}
    with serving(lambda path, asked: says("yes")) as server:
        model = OpenAIServer("m", server.url + "/", api_key="sk-secret", options=options)
        assert model.generate("?") == "yes"
        model.close()
        assert model.generate("again") == "yes"
        model.close()
        _, asked, headers = server.requests[0]
    assert asked["temperature"] == 0.7
    assert asked["max_tokens"] == 5
    assert {name.lower(): value for name, value in headers.items()}["authorization"] == "Bearer sk-secret"
    assert "sk-secret" not in repr(model)
    assert "sk-secret" not in repr(vars(model))
    with pytest.raises(TypeError):
        pickle.dumps(model)


def test_an_empty_answer_is_empty() -> None:
    answers = iter([says(""), says(None)])
    with serving(lambda path, asked: next(answers)) as server, OpenAIServer("m", server.url) as model:
        assert [model.generate("?"), model.generate("?")] == ["", ""]


def test_a_text_becomes_a_vector() -> None:
    with serving(lambda path, asked: vector([1, 0.5])) as server:
        with OpenAIServer("m", server.url, embedding_model="small") as model:
            assert model.embed("gold") == [1.0, 0.5]
        ((path, asked, _),) = server.requests
    assert path == "/v1/embeddings"
    assert asked == {"model": "small", "input": "gold", "encoding_format": "float"}


def test_it_is_what_evaluation_asks_for() -> None:
    model = OpenAIServer("m")
    assert isinstance(model, LLM)
    assert isinstance(model, Embedder)


def test_a_busy_server_is_asked_again(no_pauses: list[float]) -> None:
    answers = iter([(503, "starting"), (429, "slow down"), says("now")])
    with serving(lambda path, asked: next(answers)) as server, OpenAIServer("m", server.url) as model:
        assert model.generate("?") == "now"
        assert len(server.requests) == 3
    assert no_pauses == [0.0, 0.0]  # as requested by the server


def test_a_late_server_is_asked_again_and_then_given_up() -> None:
    release = threading.Event()
    count = itertools.count()

    def late_at_first(path: str, asked: Any) -> Answer:
        if next(count) < late:
            release.wait(30)
        return says("at last")

    for late, retries in ((1, 1), (9, 1)):
        count = itertools.count()
        with serving(late_at_first) as server, OpenAIServer("m", server.url, timeout=0.3, retries=retries) as model:
            if late == 1:
                assert model.generate("?") == "at last"
            else:
                with pytest.raises(ModelUnavailable, match=r"did not answer within 0.3 seconds"):
                    model.generate("?")
            release.set()
            assert len(server.requests) == 2
        release.clear()


def test_pauses_grow_and_end(no_pauses: list[float]) -> None:
    for tried, asked in [(0, None), (1, None), (30, None), (0, "7"), (0, "9999"), (0, "Fri, 01 Jan 2100"), (0, "-1")]:
        json_service._pause(tried, asked)
    assert no_pauses == [0.5, 1.0, 20.0, 7.0, 20.0, 0.5, 0.5]


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    model = OpenAIServer("m", f"http://127.0.0.1:{port}/v1", retries=0)
    with pytest.raises(ModelUnavailable, match="cannot be reached: ConnectError"):
        model.generate("?")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((401, "bad key sk-secret"), r"refused with status 401: 'bad key \*\*\*'. Check api_key"),
        ((404, {"error": "no such model"}), "refused with status 404.*no such model.*Check the model's name"),
        ((500, "broken"), "refused with status 500"),
        ((302, ""), "refused with status 302"),
        ((200, "<html>hello</html>"), "sent a response that violates the protocol.*<html>"),
        ((200, {}), "sent a response that violates the protocol"),
        ((200, {"choices": []}), "sent a response that violates the protocol"),
        ((200, {"choices": [{"message": {"content": 5}}]}), "sent a response that violates the protocol"),
        ((200, [1]), "sent a response that violates the protocol"),
        ((200, "x" * 10_000), "sent a response that violates the protocol"),
    ],
)
def test_what_is_no_answer_is_told(answer: Answer, message: str) -> None:
    with serving(lambda path, asked: answer) as server:
        model = OpenAIServer("m", server.url, api_key="sk-secret", retries=0)
        with pytest.raises(ModelUnavailable, match=message) as caught, model:
            model.generate("?")
        assert len(server.requests) == 1
    assert len(str(caught.value)) < 500
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize("data", [{}, {"data": []}, {"data": [{"embedding": "x"}]}, {"data": [{"embedding": None}]}])
def test_what_is_no_vector_is_told(data: Any) -> None:
    with serving(lambda path, asked: (200, data)) as server:
        model = OpenAIServer("m", server.url)
        with pytest.raises(ModelUnavailable, match="sent a response that violates the protocol"), model:
            model.embed("gold")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: OpenAIServer(""), "model must be a text"),
        (lambda: OpenAIServer("m", "localhost:8000"), "url must begin with http"),
        (lambda: OpenAIServer("m", "file:///etc/passwd"), "url must begin with http"),
        (lambda: OpenAIServer("m", api_key="a\nb"), "api_key must be printable"),
        (lambda: OpenAIServer("m", api_key=5), "api_key must be printable"),
        (lambda: OpenAIServer("m", timeout=0), "timeout must be a number of seconds above 0"),
        (lambda: OpenAIServer("m", timeout=float("nan")), "timeout must be"),
        (lambda: OpenAIServer("m", retries=-1), "retries must be"),
        (lambda: OpenAIServer("m").generate(5), "prompt must be a text"),
    ],
)
def test_what_cannot_be_meant_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        make()


def test_threads_share_a_model() -> None:
    prompts = [str(n) for n in range(8)]
    with (
        serving(lambda path, asked: says(asked["messages"][0]["content"])) as server,
        OpenAIServer("m", server.url) as model,
        ThreadPoolExecutor(8) as threads,
    ):
        assert list(threads.map(model.generate, prompts)) == prompts


def test_without_httpx_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(MissingExtra, match=r"pip install 'vicinal\[llm\]'"):
        OpenAIServer("m")
