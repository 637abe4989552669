"""Names of the local language model, which this version does not have: using one raises and says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from vicinal.inputs import checks

from .enums import Role
from .fields import Attributes, Field, PathField


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
    """How text is generated. A temperature of 0 takes the likeliest word each time."""

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
    """What was generated, and what it took.

    Attributes:
        content: the text.
        tokens_generated, tokens_prompt: counts.
        generation_time_ms: milliseconds.
        stopped_by_eos: whether the model ended it, not a limit.
        stop_reason: why it ended.
    """

    content: str = ""
    tokens_generated: int = 0
    tokens_prompt: int = 0
    generation_time_ms: float = 0.0
    stopped_by_eos: bool = False
    stop_reason: str = ""


DEFAULT_PARAMS: Final = GenerationParams()


class LLMEngine:
    """A local language model. In this version there is none to load."""

    def load(self, config: LLMConfig) -> None:
        """Loads a GGUF model.

        Raises:
            RuntimeError: always in this version.
        """
        if not isinstance(config, LLMConfig):
            raise TypeError(f"config must be an LLMConfig, not {type(config).__name__}")
        _unavailable("load")

    def is_loaded(self) -> bool:
        """Whether a model is loaded."""
        return False

    def unload(self) -> None:
        """Gives the model's memory back; without one it does nothing."""

    def generate(self, prompt: str, params: GenerationParams = DEFAULT_PARAMS) -> ChatCompletionResult:
        """Continues `prompt`.

        Raises:
            RuntimeError: no model is loaded.
        """
        checks.text("prompt", prompt)
        _unavailable("generate")

    def chat(self, messages: list[Message], params: GenerationParams = DEFAULT_PARAMS) -> ChatCompletionResult:
        """Answers the last message.

        Raises:
            RuntimeError: no model is loaded.
        """
        if not isinstance(messages, Sequence) or not all(isinstance(message, Message) for message in messages):
            raise TypeError("messages must be a list of Message")
        _unavailable("chat")

    def count_tokens(self, text: str) -> int:
        """Tokens of `text`; 0 while no model is loaded."""
        checks.text("text", text)
        return 0


def has_llm_support() -> bool:
    """Whether models can be loaded: False in this version, whatever is installed."""
    return False


def create_llm_engine() -> LLMEngine:
    """An engine without a model."""
    return LLMEngine()


def _unavailable(call: str) -> NoReturn:
    raise RuntimeError(
        f"{call}() needs a local language model, and this version has no LLM support: has_llm_support() is False"
    )
