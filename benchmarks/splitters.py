"""Time of the splitters compared with one `re.split` at white space over the same text of 10 MB.

    python -m benchmarks.splitters

The text is the source code of Python's standard library, repeated as often as needed. The semantic splitter is left
out: its time is that of its encoder.
"""

from __future__ import annotations

import json
import re
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from vicinal.encoders import MiniLM
from vicinal.rag import (
    CodeTextSplitter,
    MarkdownTextSplitter,
    RecursiveCharacterTextSplitter,
    SentenceTextSplitter,
    TextSplitter,
    TokenTextSplitter,
)

RESULT = Path(__file__).parent / "results" / "splitters.json"
CHARACTERS = 10_000_000
ROUNDS = 3


def main() -> None:
    text = sample()
    splitters: list[TextSplitter] = [
        RecursiveCharacterTextSplitter(1000, 100),
        RecursiveCharacterTextSplitter(100, 10),
        MarkdownTextSplitter(1000, 100),
        CodeTextSplitter(1000, 100),
        *(CodeTextSplitter(1000, 100).with_language(name) for name in ("python", "java", "javascript")),
        SentenceTextSplitter(1000, 100),
        *([TokenTextSplitter("minilm", 200, 20)] if MiniLM.available() else []),
    ]
    ratios = {str(splitter): ratio(splitter, text) for splitter in splitters}
    print("\n".join(f"{value:6.2f}  {name}" for name, value in ratios.items()))
    figures: dict[str, Any] = {"characters": CHARACTERS, "times_of_one_re_split": ratios, **machine([])}
    RESULT.write_text(json.dumps(figures, indent=2) + "\n")


def sample() -> str:
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    return (text * (CHARACTERS // len(text) + 1))[:CHARACTERS]


def ratio(splitter: TextSplitter, text: str) -> float:
    """Returns the best of some rounds, each compared with its own `re.split`, because the machine may be busy."""
    return round(
        min(seconds(lambda: splitter.split(text)) / seconds(lambda: re.split(r"\s+", text)) for _ in range(ROUNDS)), 2
    )


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
