"""The language model of pyvdb: every field has an effect, every failure is reported, also a missing extra."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import pyvdb
from support.gguf_models import write_model
from vicinal.evaluate import AnswerFaithfulness, EvaluationInput
from vicinal.rag import answer
from vicinal.types import Hit

needs_llm = pytest.mark.skipif(not pyvdb.has_llm_support(), reason="xllamacpp is not installed")
on_linux = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="there is no /proc")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "noise.gguf")


def loaded(file: Path, **settings: Any) -> pyvdb.LLMEngine:
    config = pyvdb.LLMConfig()
    config.model_path = file
    config.n_ctx, config.n_threads = 512, 1
    for name, value in settings.items():
        setattr(config, name, value)
    engine = pyvdb.create_llm_engine()
    engine.load(config)
    return engine


def params(**settings: Any) -> pyvdb.GenerationParams:
    made = pyvdb.GenerationParams()
    made.max_tokens, made.temperature = 40, 0.0
    for name, value in settings.items():
        setattr(made, name, value)
    return made


@pytest.fixture(scope="module")
def engine(file: Path) -> Iterator[pyvdb.LLMEngine]:
    engine = loaded(file)
    yield engine
    engine.unload()


def process_of(engine: pyvdb.LLMEngine) -> Path:
    assert engine._model is not None
    return Path(f"/proc/{engine._model.process_id}")


@needs_llm
def test_a_model_is_loaded_used_and_unloaded(file: Path) -> None:
    engine = loaded(file)
    assert engine.is_loaded()
    assert "noise.gguf" in repr(engine)
    done = engine.generate("the gold", params())
    assert (done.tokens_generated, done.tokens_prompt, done.stop_reason) == (40, 6, "length")
    assert done.content
    assert done.generation_time_ms > 0
    assert not done.stopped_by_eos
    assert engine.count_tokens("the gold") == 5
    engine.unload()
    engine.unload()
    assert not engine.is_loaded()
    assert engine.count_tokens("the gold") == 0
    with pytest.raises(RuntimeError, match=r"generate\(\) needs a model: call load\(\) first"):
        engine.generate("the gold")


@needs_llm
def test_a_model_that_ends_says_so(tmp_path: Path) -> None:
    engine = loaded(write_model(tmp_path / "ends.gguf", ends=True))
    done = engine.generate("gold", params(temperature=1.0, max_tokens=400))
    engine.unload()
    assert (done.stop_reason, done.stopped_by_eos) == ("end", True)
    assert done.tokens_generated < 400


@needs_llm
def test_chat_speaks_by_the_models_own_template(engine: pyvdb.LLMEngine) -> None:
    turns = [pyvdb.Message(pyvdb.Role.System, "brief"), pyvdb.Message(pyvdb.Role.User, "gold?")]
    prompt = "<|system|>brief\n<|user|>gold?\n<|assistant|>"
    said = engine.chat(turns, params())
    assert said.content == engine.generate(prompt, params()).content
    assert said.tokens_prompt == engine.count_tokens(prompt) + 1  # the begin token
    assert "".join(engine.stream(turns, params())) == said.content


@needs_llm
def test_greedy_text_is_the_same_each_time_and_streamed_alike(engine: pyvdb.LLMEngine) -> None:
    said = engine.generate("the gold", params()).content
    assert engine.generate("the gold", params()).content == said
    pieces = list(engine.stream("the gold", params()))
    assert len(pieces) > 1
    assert "".join(pieces) == said


@needs_llm
def test_max_tokens(engine: pyvdb.LLMEngine) -> None:
    assert [engine.generate("gold", params(max_tokens=n)).tokens_generated for n in (1, 7)] == [1, 7]


def texts(engine: pyvdb.LLMEngine, **settings: Any) -> set[str]:
    """Returns the texts generated in ten attempts."""
    return {engine.generate("the gold", params(max_tokens=8, **settings)).content for _ in range(10)}


@needs_llm
def test_temperature(engine: pyvdb.LLMEngine) -> None:
    assert len(texts(engine, temperature=0.0)) == 1
    assert len(texts(engine, temperature=-1.0)) == 1
    assert len(texts(engine, temperature=1.5, top_k=0, top_p=1.0)) > 1


@needs_llm
def test_top_k(engine: pyvdb.LLMEngine) -> None:
    assert len(texts(engine, temperature=1.5, top_p=1.0, top_k=1)) == 1
    assert len(texts(engine, temperature=1.5, top_p=1.0, top_k=50)) > 1


@needs_llm
def test_top_p(engine: pyvdb.LLMEngine) -> None:
    assert len(texts(engine, temperature=1.5, top_k=0, top_p=0.001)) == 1
    assert len(texts(engine, temperature=1.5, top_k=0, top_p=1.0)) > 1


@needs_llm
def test_repeat_penalty(engine: pyvdb.LLMEngine) -> None:
    """Without a penalty, the most likely token recurs; with the strongest one, none of the last 64 does."""
    free = engine.generate("the gold", params(max_tokens=30, repeat_penalty=1.0)).content
    punished = engine.generate("the gold", params(max_tokens=30, repeat_penalty=100.0)).content
    assert free != punished
    assert len(set(punished)) > len(set(free))


@needs_llm
def test_stop_sequences(engine: pyvdb.LLMEngine) -> None:
    whole = engine.generate("the gold", params())
    stop = whole.content[3:5]
    done = engine.generate("the gold", params(stop_sequences=["", stop]))
    assert done.content == whole.content[: whole.content.index(stop)]
    assert (done.stop_reason, done.stopped_by_eos) == ("stop", False)


@needs_llm
def test_n_ctx(file: Path) -> None:
    small = loaded(file, n_ctx=256)
    with pytest.raises(RuntimeError, match=r"exceeds the available context size \(256 tokens\).*more context"):
        small.generate("gold " * 400, params())
    assert small.generate("gold", params()).content  # it still works
    small.unload()
    large = loaded(file, n_ctx=4096)
    assert large.generate("gold " * 400, params()).tokens_prompt > 256
    large.unload()


@needs_llm
@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"n_batch": 32}, r"n_batch += 32\n"),
        ({"n_batch": 64}, r"n_batch += 64\n"),
        ({"n_threads": 2}, "n_threads = 2 "),
    ],
)
def test_what_llama_cpp_says_that_it_took(file: Path, settings: dict[str, int], told: str) -> None:
    engine = loaded(file, **settings)
    assert engine._model is not None
    log = engine._model.log()
    engine.unload()
    assert re.search(told, log)


@needs_llm
def test_gpu_layers_reach_llama_cpp(file: Path) -> None:
    """Options that need a graphics card are checked on the object that is passed to llama.cpp."""
    xllamacpp = pytest.importorskip("xllamacpp")
    from vicinal.llm.gguf_process import _parameters

    settings = {
        "path": "x", "context_tokens": 1, "batch_tokens": 1, "threads": 0, "mmap": True, "mlock": False, "key": "k",
        "verbosity": 3,
    }  # fmt: skip
    assert [_parameters(xllamacpp, {**settings, "gpu_layers": n}).n_gpu_layers for n in (0, 32)] == [0, 32]
    assert loaded(file, n_gpu_layers=32).is_loaded()  # without a card it is no error


@needs_llm
@on_linux
def test_use_mmap(file: Path) -> None:
    maps = []
    for use in (True, False):
        engine = loaded(file, use_mmap=use)
        maps.append("noise.gguf" in (process_of(engine) / "maps").read_text())
        engine.unload()
    assert maps == [True, False]


@needs_llm
@on_linux
def test_use_mlock(file: Path) -> None:
    locked = []
    for use in (True, False):
        engine = loaded(file, use_mlock=use)
        status = (process_of(engine) / "status").read_text()
        locked.append(int(status.split("VmLck:")[1].split()[0]) > 0)
        engine.unload()
    if not locked[0]:
        pytest.skip("this system lets no process lock memory")
    assert locked == [True, False]


@needs_llm
@on_linux
def test_unload_gives_all_memory_back(file: Path) -> None:
    engine = loaded(file)
    process = process_of(engine)
    assert process.exists()
    engine.unload()
    assert not process.exists()


@needs_llm
def test_two_engines_at_once(file: Path, tmp_path: Path) -> None:
    one, other = loaded(file), loaded(write_model(tmp_path / "other.gguf", seed=1))
    said = [one.generate("gold", params()).content, other.generate("gold", params()).content]
    assert said[0] != said[1]
    one.unload()
    assert other.generate("gold", params()).content == said[1]
    other.load(config_of(file))
    assert other.generate("gold", params()).content == said[0]
    other.unload()


def config_of(file: Path) -> pyvdb.LLMConfig:
    config = pyvdb.LLMConfig()
    config.model_path = str(file)
    return config


@needs_llm
def test_generation_is_cancelled(file: Path) -> None:
    engine = loaded(file, n_ctx=8192)
    pieces = engine.stream("gold", params(max_tokens=8000))
    assert next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    for wanted in (8000, 8001):
        with ThreadPoolExecutor(1) as threads:
            running = threads.submit(engine.generate, "gold", params(max_tokens=wanted))
            while not running.done():
                engine.cancel()
        done = running.result()
        assert done.stop_reason == "cancelled"
        assert done.tokens_generated < 8000
    assert engine.generate("gold", params()).stop_reason == "length"
    engine.unload()


@needs_llm
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), "is not there. Download a model in GGUF format"),
        (lambda path: path.write_bytes(b""), "is not a GGUF model. Give a .gguf file"),
        (lambda path: path.write_bytes(b"PK\x03\x04" + bytes(99)), "looks like a zip archive, as PyTorch writes"),
        (lambda path: path.write_bytes(path.read_bytes()[:-9000]), "is cut short"),
        (lambda path: path.write_bytes(path.read_bytes()[:900]), "has a damaged header.*Download it again"),
        (lambda path: path.write_bytes(path.read_bytes()[:4] + b"\xff" * 60), "has a damaged header: its version"),
        (lambda path: path.write_bytes(path.read_bytes().replace(b"ffn_up", b"ffn_pu")), "llama.cpp refused it"),
        (lambda path: (path.unlink(), path.mkdir()), "is a folder, not a file"),
    ],
)
def test_a_file_that_is_no_model_is_told_and_nothing_is_loaded(tmp_path: Path, spoil: Any, message: str) -> None:
    path = write_model(tmp_path / "model.gguf")
    spoil(path)
    engine = pyvdb.create_llm_engine()
    with pytest.raises(RuntimeError, match=message):
        engine.load(config_of(path))
    assert not engine.is_loaded()


@needs_llm
@on_linux
def test_a_crash_of_native_code_is_an_error(file: Path) -> None:
    engine = loaded(file)
    os.kill(int(process_of(engine).name), 11)
    with pytest.raises(RuntimeError, match="Load it again"):
        engine.generate("gold")
    engine.load(config_of(file))
    assert engine.generate("gold", params()).content
    engine.unload()


@pytest.fixture
def no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)


@pytest.mark.usefixtures("no_extra")
def test_without_the_extra_there_is_no_support_and_the_engine_says_so() -> None:
    assert pyvdb.has_llm_support() is False
    engine = pyvdb.create_llm_engine()
    assert isinstance(engine, pyvdb.LLMEngine)
    assert engine.is_loaded() is False
    engine.unload()
    engine.cancel()
    assert engine.count_tokens("gold") == 0


@pytest.mark.usefixtures("no_extra")
@pytest.mark.parametrize(
    "call",
    [
        lambda engine: engine.load(pyvdb.LLMConfig()),
        lambda engine: engine.generate("Explain"),
        lambda engine: engine.generate("Explain", params=pyvdb.GenerationParams()),
        lambda engine: engine.chat([pyvdb.Message(pyvdb.Role.User, "Hello")]),
        lambda engine: engine.stream("Hello"),
    ],
)
def test_using_it_is_a_clear_error(call: Any) -> None:
    with pytest.raises(RuntimeError, match=r"has_llm_support\(\) is False. Install it with: pip install"):
        call(pyvdb.create_llm_engine())


@pytest.mark.parametrize(
    "call",
    [
        lambda engine: engine.load("model.gguf"),
        lambda engine: engine.generate(1),
        lambda engine: engine.chat("Hello"),
        lambda engine: engine.chat(["Hello"]),
        lambda engine: engine.count_tokens(None),
        lambda engine: engine.stream(5),
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


@needs_llm
def test_evaluation_and_rag_take_the_engine(engine: pyvdb.LLMEngine) -> None:
    class Short:
        def generate(self, prompt: str) -> pyvdb.ChatCompletionResult:
            return engine.generate(prompt[:200], params())

    given = EvaluationInput("gold?", ["gold"], answer="gold")
    assert 0 <= AnswerFaithfulness(Short()).evaluate(given).score <= 1
    assert isinstance(answer("gold?", [Hit("a", 1.0, 0.0, "gold", "{}", {})], Short()).text, str)
