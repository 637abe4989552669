"""Parses replies of language models, which are asked for one word or one number and seldom reply with just that."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import chain
from typing import Final

from ..llm.reasoning import without_thoughts

__all__ = ["number_in", "verdict_in"]

# "Answer:", "**Verdict**:", '{"relevant":' and the like before the answer itself.
_LABEL: Final = re.compile(r"^(?:```\w*)?\W*[^:\n]{1,40}:(?=\s*\S)")
_WORD: Final = re.compile(r"[^\W\d_]+")
_VERDICTS: Final = {"yes": True, "true": True, "no": False, "false": False, "not": False}
# The scale named in the prompt, repeated.
_SCALE: Final = re.compile(r"\b0(?:\.0+)?\s*(?:to|and|through|-|–|—|\.\.\.?)\s*1(?:\.0+)?\b", re.IGNORECASE)
_NUMBER: Final = re.compile(
    r"""(?<![\w.])                                            # not within a word: "GPT4", "v1.2"
        ([+-]?(?:\d+(?:[.,]\d+)?|\.\d+)(?:e[+-]?\d+)?)         # with a comma as some languages have it
        (?:\s*(%|percent\b)|\s*(?:/|(?:out\s+)?of)\s*(\d+(?:\.\d+)?))?        # "80 %", "4/5", "4 out of 5"
    """,
    re.VERBOSE | re.IGNORECASE,
)


def verdict_in(reply: str) -> bool | None:
    """The yes or no with which a reply begins, ignoring thoughts, punctuation and a label; None if there is neither."""
    said = without_thoughts(reply)
    for text in (said, _LABEL.sub("", said, count=1)):
        first = _WORD.search(text)
        if first is not None and first[0].lower() in _VERDICTS:
            return _VERDICTS[first[0].lower()]
    return None


def number_in(reply: str) -> float | None:
    """The first number of a reply; a share such as "80 %" or "4 out of 5" is converted. None if there is no number.

    A scale such as "from 0 to 1" is not an answer unless there is no other number. A count such as "3 statements",
    which is outside that scale, is not one either if a number within it follows.
    """
    said = without_thoughts(reply)
    numbers = _numbers(_SCALE.sub(" ", said))
    first = next(numbers, None)
    if first is None:
        return next(_numbers(said), None)
    return next((number for number in chain([first], numbers) if 0 <= number <= 1), first)


def _numbers(said: str) -> Iterator[float]:
    for found in _NUMBER.finditer(said):
        number = float(found[1].replace(",", "."))
        if found[2]:
            number /= 100
        elif found[3] and float(found[3]) > 0:
            number /= float(found[3])
        if math.isfinite(number):
            yield number
