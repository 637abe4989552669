"""Shared by the scenarios, besides fixtures."""

from __future__ import annotations

import time
from collections.abc import Callable

SECONDS_MAX = 20.0


def of_run(paragraph: int) -> dict[str, object]:
    """A filter for the three paragraphs that a scenario writes."""
    return {"op": "range", "field": "paragraph", "gte": paragraph, "lt": paragraph + 3}


def eventually(look: Callable[[], bool]) -> None:
    """Waits for results that a service shows with a delay; a local server shows them immediately."""
    end = time.monotonic() + SECONDS_MAX
    while not look():
        assert time.monotonic() < end, "it was not seen in time"
        time.sleep(0.2)
