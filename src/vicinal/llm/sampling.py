"""How a model chooses its tokens, and what it generated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import InvalidArgument

__all__ = ["Completion", "Sampling"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How text is generated.

    Attributes:
        max_tokens: the maximum number of tokens.
        temperature: 0 takes the most likely token each time; above 1 is erratic.
        top_p: only the most likely tokens with this total probability; 1 means all.
        top_k: only this many of the most likely tokens; 0 means all.
        repeat_penalty: the score of a token among the last 64 is divided by it; 1 means no penalty.
        stop: generation ends before one of these texts.
        seed: the same seed returns the same text from the same model on the same machine; None varies each time.

    Raises:
        InvalidArgument: a value is out of range.
    """

    max_tokens: int = 1024
    temperature: float = 0.7
    top_p: float = 0.9
    top_k: int = 40
    repeat_penalty: float = 1.1
    stop: Sequence[str] = ()
    seed: int | None = None

    def __post_init__(self) -> None:
        _within("max_tokens", self.max_tokens, 0, 2**31 - 1)
        _within("temperature", self.temperature, 0, 100)
        _within("top_p", self.top_p, 0, 1)
        _within("top_k", self.top_k, 0, 2**31 - 1)
        _within("repeat_penalty", self.repeat_penalty, 0.01, 100)
        if self.seed is not None:
            _within("seed", self.seed, 0, 2**32 - 2)
        if isinstance(self.stop, str) or not all(isinstance(text, str) and text for text in self.stop):
            raise InvalidArgument(
                "stop must be a list of texts, none empty", name="stop", value=self.stop, remedy='Write ["\\n\\n"].'
            )


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model generated, and at what cost.

    Attributes:
        text: without the stop text at which it ended.
        tokens_prompt, tokens_generated: counts.
        seconds: from the request to the last token.
        stop_reason: "end" if the model ended it, "length" at `max_tokens` or a full context, "stop" at a stop text,
            "cancelled".
    """

    text: str
    tokens_prompt: int
    tokens_generated: int
    seconds: float
    stop_reason: str


def _within(name: str, value: float, least: float, most: float) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or math.isnan(value) or not least <= value <= most:
        raise InvalidArgument(
            f"{name} must be a number from {least:g} to {most:g}, not {value!r:.80}", name=name, value=value
        )
