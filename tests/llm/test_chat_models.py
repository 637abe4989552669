"""The same tests for every chat model. Both are llama.cpp: in a child process, and behind OpenAI's API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("httpx", reason="httpx is not installed")
pytest.importorskip("xllamacpp", reason="xllamacpp is not installed")

from support.gguf_models import write_model
from vicinal.contract import LLM
from vicinal.errors import InvalidArgument, ModelUnavailable
from vicinal.evaluate import AnswerFaithfulness, EvaluationInput
from vicinal.llm import ChatModel, Completion, GGUFModel, OpenAIServer, Sampling
from vicinal.rag import ConversationMemory, Message, answer
from vicinal.types import Hit

TURNS = [Message("system", "brief"), Message("user", "gold?")]
GREEDY = Sampling(max_tokens=20, temperature=0, repeat_penalty=1.0)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GGUFModel]:
    file = write_model(tmp_path_factory.mktemp("models") / "noise.gguf")
    with GGUFModel(file, context_tokens=2048, threads=1) as model:
        yield model


@pytest.fixture(scope="module")
def served(local: GGUFModel) -> Iterator[OpenAIServer]:
    host, port = local._address
    options = {"max_tokens": 20}
    with OpenAIServer("noise", f"http://{host}:{port}/v1", api_key=local._key, options=options, retries=0) as model:
        yield model


@pytest.fixture(params=["local", "served"])
def model(request: pytest.FixtureRequest) -> ChatModel:
    found: ChatModel = request.getfixturevalue(request.param)
    return found


def test_it_keeps_the_contract(model: ChatModel) -> None:
    assert isinstance(model, ChatModel)
    assert isinstance(model, LLM)


def test_a_turn_is_counted_and_its_end_told(model: ChatModel) -> None:
    done = model.chat(TURNS, GREEDY)
    assert isinstance(done, Completion)
    assert (done.tokens_generated, done.stop_reason) == (20, "length")
    assert done.tokens_prompt > 20
    assert done.seconds > 0
    assert done.text


def test_pieces_are_the_whole(model: ChatModel) -> None:
    pieces = list(model.stream(TURNS, GREEDY))
    assert len(pieces) > 1
    assert "".join(pieces) == model.chat(TURNS, GREEDY).text


def test_all_models_say_the_same_of_the_same_weights(local: GGUFModel, served: OpenAIServer) -> None:
    assert local.chat(TURNS, GREEDY).text == served.chat(TURNS, GREEDY).text


def test_sampling_acts(model: ChatModel) -> None:
    assert model.chat(TURNS, Sampling(max_tokens=3)).tokens_generated == 3
    wild = Sampling(max_tokens=20, temperature=2.0, top_p=1.0, top_k=0)
    assert len({model.chat(TURNS, wild).text for _ in range(3)}) > 1
    seeded = Sampling(max_tokens=20, temperature=2.0, top_p=1.0, seed=7)
    assert len({model.chat(TURNS, seeded).text for _ in range(3)}) == 1
    narrow = Sampling(max_tokens=20, temperature=2.0, top_p=0.0001, repeat_penalty=1.0)
    assert len({model.chat(TURNS, narrow).text for _ in range(3)}) == 1
    whole = model.chat(TURNS, GREEDY).text
    stop = whole[4:6]
    stopped = model.chat(TURNS, Sampling(max_tokens=20, temperature=0, repeat_penalty=1.0, stop=[stop]))
    assert stopped.text == whole[: whole.index(stop)]
    assert stopped.stop_reason in ("stop", "end")


def test_a_stream_that_is_closed_ends_the_work(model: ChatModel) -> None:
    pieces = model.stream(TURNS, Sampling(max_tokens=1500, temperature=0))
    assert next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert model.chat(TURNS, GREEDY).tokens_generated == 20  # the one slot is free


def test_too_long_a_prompt_is_told(model: ChatModel) -> None:
    for ask in (model.chat, lambda turns: list(model.stream(turns))):
        with pytest.raises(ModelUnavailable, match="exceeds the available context size"):
            ask([("user", "gold " * 3000)])


@pytest.mark.parametrize(
    "wrong", ["Hello", [], None, ["Hello"], [("robot", "x")], [("user", 5)], [("user",)], {"user"}]
)
def test_what_is_no_conversation_is_refused_at_once(model: ChatModel, wrong: Any) -> None:
    with pytest.raises(InvalidArgument, match="message"):
        model.chat(wrong)
    if wrong != "Hello":  # a text can be continued by a model that is here
        with pytest.raises(InvalidArgument, match="message"):
            model.stream(wrong)


def test_evaluation_rag_and_memory_take_it(model: ChatModel) -> None:
    given = answer("gold?", [Hit("a", 1.0, 0.0, "gold", "{}", {})], model)
    assert set(given.cited) <= {1}
    judged = AnswerFaithfulness(model).evaluate(EvaluationInput("gold?", ["gold"], answer="gold"))
    assert 0 <= judged.score <= 1
    memory = ConversationMemory(100)
    memory.add_message("user", "gold?")
    assert model.chat(memory.messages, GREEDY).text


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Sampling(max_tokens=-1), "max_tokens must be a number from 0"),
        (lambda: Sampling(temperature=float("nan")), "temperature must be"),
        (lambda: Sampling(top_p=1.1), "top_p must be a number from 0 to 1"),
        (lambda: Sampling(top_k=True), "top_k must be"),
        (lambda: Sampling(repeat_penalty=0), "repeat_penalty must be"),
        (lambda: Sampling(seed=-1), "seed must be"),
        (lambda: Sampling(stop="x"), "stop must be a list of texts"),
        (lambda: Sampling(stop=[""]), "none empty"),
    ],
)
def test_what_is_out_of_range_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        make()
