"""The language model: its names are there, and using one says that there is none."""

from __future__ import annotations

from typing import Any

import pytest

import pyvdb


def test_there_is_no_support_and_the_engine_says_so() -> None:
    assert pyvdb.has_llm_support() is False
    engine = pyvdb.create_llm_engine()
    assert isinstance(engine, pyvdb.LLMEngine)
    assert engine.is_loaded() is False
    engine.unload()
    assert engine.count_tokens("gold") == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda engine: engine.load(pyvdb.LLMConfig()),
        lambda engine: engine.generate("Explain"),
        lambda engine: engine.generate("Explain", params=pyvdb.GenerationParams()),
        lambda engine: engine.chat([pyvdb.Message(pyvdb.Role.User, "Hello")]),
    ],
)
def test_using_it_is_a_clear_error(call: Any) -> None:
    with pytest.raises(RuntimeError, match=r"no LLM support: has_llm_support\(\) is False"):
        call(pyvdb.create_llm_engine())


@pytest.mark.parametrize(
    "call",
    [
        lambda engine: engine.load("model.gguf"),
        lambda engine: engine.generate(1),
        lambda engine: engine.chat("Hello"),
        lambda engine: engine.chat(["Hello"]),
        lambda engine: engine.count_tokens(None),
    ],
)
def test_wrong_types_are_told_first(call: Any) -> None:
    with pytest.raises(TypeError):
        call(pyvdb.create_llm_engine())


def test_messages() -> None:
    message = pyvdb.Message(role=pyvdb.Role.System, content="Be brief")
    assert (message.role, message.content) == (pyvdb.Role.System, "Be brief")
    message.content = "Be long"
    assert message == pyvdb.Message(pyvdb.Role.System, "Be long")
    assert pyvdb.Message() == pyvdb.Message(pyvdb.Role.User, "")
    with pytest.raises(TypeError):
        pyvdb.Message("system", "x")


def test_results_hold_what_the_document_lists() -> None:
    result = pyvdb.ChatCompletionResult("text", 3, 5, 1.5)
    assert (result.content, result.tokens_generated, result.tokens_prompt, result.generation_time_ms) == (
        "text", 3, 5, 1.5,
    )  # fmt: skip
