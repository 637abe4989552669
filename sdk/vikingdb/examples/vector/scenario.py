"""What the scenarios have in common beside fixtures."""

from __future__ import annotations

import time
from collections.abc import Callable

SECONDS_MAX = 20.0


def of_run(paragraph: int) -> dict[str, object]:
    """A filter: the three paragraphs that a scenario writes."""
    return {"op": "range", "field": "paragraph", "gte": paragraph, "lt": paragraph + 3}


def eventually(look: Callable[[], bool]) -> None:
    """Waits for what a service shows a little later; a server of one's own shows it at once."""
    end = time.monotonic() + SECONDS_MAX
    while not look():
        assert time.monotonic() < end, "it was not seen in time"
        time.sleep(0.2)
