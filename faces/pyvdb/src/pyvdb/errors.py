"""Errors of the engine, as raised by this API."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from vicinal import VicinalError

# Terms of the engine for which this API has other names.
_WORDS: Final = {
    r"^row (\d+): ": r"entry \1 of the call: ",
    r"^text (\d+): ": "",
    r"^where\['(\w+)'\]\['\$eq'\]: (?:metadata|the value) holds": r"\1: the value holds",
    r"\bthis collection\b": "this database",
    r"\banother collection\b": "another database",
}


@contextmanager
def core_call() -> Iterator[None]:
    """Converts an error in the block to a RuntimeError that says what is wrong and what to do."""
    try:
        yield
    except VicinalError as error:
        raise RuntimeError(_in_words_of_this_api(str(error))) from error
    except OSError as error:
        raise RuntimeError(str(error)) from error


def _in_words_of_this_api(message: str) -> str:
    for theirs, ours in _WORDS.items():
        message = re.sub(theirs, ours, message)
    return message
