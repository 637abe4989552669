"""The local language model: pyvdb's names, defaults and error types for a model in a GGUF file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from vicinal.errors import VicinalError
from vicinal.inputs import checks
from vicinal.llm import Completion, GGUFModel, Sampling, can_run_gguf

from .enums import Role
from .fields import Attributes, Field, PathField

T = TypeVar("T")


class LLMConfig(Attributes):
    """Which model is loaded, and how. See `LLMEngine.load`."""

    __slots__ = ()

    model_path = PathField()
    n_ctx = Field[int](checks.unsigned, 2048)
    n_batch = Field[int](checks.unsigned, 512)
    n_threads = Field[int](checks.unsigned, 0)
    n_gpu_layers = Field[int](checks.integer, 0)
    use_mmap = Field[bool](checks.flag, True)
    use_mlock = Field[bool](checks.flag, False)


class GenerationParams(Attributes):
    """How text is generated. With a temperature of 0, always the most likely token."""

    __slots__ = ()

    max_tokens = Field[int](checks.unsigned, 1024)
    temperature = Field[float](checks.number, 0.7)
    top_p = Field[float](checks.number, 0.9)
    top_k = Field[int](checks.unsigned, 40)
    repeat_penalty = Field[float](checks.number, 1.1)
    stop_sequences = Field[list[str]](checks.texts, list)


class Message(Attributes):
    """One turn of a chat."""

    __slots__ = ()

    role = Field[Role](checks.member(Role), Role.User)
    content = Field[str](checks.text, "")

    def __init__(self, role: Role = Role.User, content: str = "") -> None:
        super().__init__()
        self.role = role
        self.content = content


@dataclass(frozen=True, slots=True)
class ChatCompletionResult:
    """The generated text, and statistics.

    Attributes:
        content: the text.
        tokens_generated, tokens_prompt: counts.
        generation_time_ms: milliseconds.
        stopped_by_eos: whether the model ended the text, not a limit.
        stop_reason: why generation ended.
    """

    content: str = ""
    tokens_generated: int = 0
    tokens_prompt: int = 0
    generation_time_ms: float = 0.0
    stopped_by_eos: bool = False
    stop_reason: str = ""


DEFAULT_PARAMS: Final = GenerationParams()
_NAMES: Final = {Role.System: "system", Role.User: "user", Role.Assistant: "assistant"}
_INSTALL: Final = "Install it with: pip install 'vicinal[llm]'"


class LLMEngine:
    """A local language model; `load` loads one. Thread-safe: calls wait for each other."""

    def __init__(self) -> None:
        self._model: GGUFModel | None = None

    def load(self, config: LLMConfig) -> None:
        """Loads a GGUF model, replacing the loaded one.

        Raises:
            RuntimeError: there is no LLM support, or the file does not exist, is not a GGUF model, is truncated or
                cannot be loaded. Afterwards no model is loaded.
        """
        if not isinstance(config, LLMConfig):
            raise TypeError(f"config must be an LLMConfig, not {type(config).__name__}")
        self.unload()
        if not has_llm_support():
            raise RuntimeError(f"load() needs LLM support: has_llm_support() is False. {_INSTALL}")
        if not str(config.model_path):
            raise RuntimeError("load() needs config.model_path, the path of a .gguf file")
        self._model = _told(
            lambda: GGUFModel(
                config.model_path,
                context_tokens=config.n_ctx,
                batch_tokens=config.n_batch,
                threads=config.n_threads,
                gpu_layers=config.n_gpu_layers,
                mmap=config.use_mmap,
                mlock=config.use_mlock,
            )
        )

    def is_loaded(self) -> bool:
        """Whether a model is loaded."""
        return self._model is not None

    def unload(self) -> None:
        """Frees the memory of the model; does nothing if none is loaded."""
        model, self._model = self._model, None
        if model is not None:
            model.close()

    def generate(self, prompt: str, params: GenerationParams = DEFAULT_PARAMS) -> ChatCompletionResult:
        """Continues `prompt`.

        Raises:
            RuntimeError: no model is loaded, or the prompt is longer than its context.
        """
        checks.text("prompt", prompt)
        model, sampling = self._loaded("generate"), _sampling(params)
        return _result(_told(lambda: model.complete(prompt, sampling)))

    def chat(self, messages: list[Message], params: GenerationParams = DEFAULT_PARAMS) -> ChatCompletionResult:
        """Answers the last message, with the model's own template.

        Raises:
            RuntimeError: as in `generate`, or there is no message.
        """
        turns = _turns(messages)
        model, sampling = self._loaded("chat"), _sampling(params)
        return _result(_told(lambda: model.chat(turns, sampling)))

    def stream(self, prompt: str | list[Message], params: GenerationParams = DEFAULT_PARAMS) -> Iterator[str]:
        """Yields what `generate` or, for messages, `chat` returns, piece by piece as it is generated; closing it stops
        the model.

        Raises:
            RuntimeError: as in `generate`.
        """
        asked = checks.text("prompt", prompt) if isinstance(prompt, str) else _turns(prompt)
        model, sampling = self._loaded("stream"), _sampling(params)
        pieces = _told(lambda: model.stream(asked, sampling))
        return _told_pieces(pieces)

    def cancel(self) -> None:
        """Stops generation in other threads; they return what they have so far, with the `stop_reason` "cancelled"."""
        if self._model is not None:
            self._model.cancel()

    def count_tokens(self, text: str) -> int:
        """The number of tokens of `text`, without the begin token; 0 if no model is loaded."""
        checks.text("text", text)
        model = self._model
        return 0 if model is None else _told(lambda: model.count_tokens(text))

    def __repr__(self) -> str:
        return f"<LLMEngine {'without a model' if self._model is None else self._model.path.name}>"

    def _loaded(self, call: str) -> GGUFModel:
        if self._model is not None:
            return self._model
        if not has_llm_support():
            raise RuntimeError(f"{call}() needs LLM support: has_llm_support() is False. {_INSTALL}")
        raise RuntimeError(f"{call}() needs a model: call load() first")


def has_llm_support() -> bool:
    """Whether models can be loaded: xllamacpp is installed."""
    return can_run_gguf()


def create_llm_engine() -> LLMEngine:
    """Returns an engine without a model."""
    return LLMEngine()


def _turns(messages: list[Message]) -> list[tuple[str, str]]:
    if not isinstance(messages, Sequence) or not all(isinstance(message, Message) for message in messages):
        raise TypeError("messages must be a list of Message")
    if not messages:
        raise RuntimeError("messages must not be empty")
    return [(_NAMES[message.role], message.content) for message in messages]


def _sampling(params: GenerationParams) -> Sampling:
    if not isinstance(params, GenerationParams):
        raise TypeError(f"params must be a GenerationParams, not {type(params).__name__}")
    return _told(
        lambda: Sampling(
            max_tokens=params.max_tokens,
            temperature=max(0.0, params.temperature),
            top_p=params.top_p,
            top_k=params.top_k,
            repeat_penalty=params.repeat_penalty,
            stop=[text for text in params.stop_sequences if text],
        )
    )


def _result(done: Completion) -> ChatCompletionResult:
    return ChatCompletionResult(
        done.text, done.tokens_generated, done.tokens_prompt, 1000 * done.seconds, done.stop_reason == "end",
        done.stop_reason,
    )  # fmt: skip


def _told(call: Callable[[], T]) -> T:
    """Converts every error of a core call to a RuntimeError."""
    try:
        return call()
    except VicinalError as error:
        raise RuntimeError(str(error)) from error


def _told_pieces(pieces: Iterator[str]) -> Iterator[str]:
    try:
        yield from pieces
    except VicinalError as error:
        raise RuntimeError(str(error)) from error
