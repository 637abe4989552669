"""Progress of long work: a bar on a terminal, by rich where it is installed; nothing in a pipe or a log."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int], None]


@contextmanager
def progress(description: str, total: int) -> Iterator[Advance]:
    """Gives a function that takes the number of files done since it was last called."""
    if total == 0 or sys.stderr is None or not sys.stderr.isatty():
        yield lambda done: None
        return
    try:
        import rich.progress
    except ImportError:
        yield from _plain(description, total)
        return
    console = rich.console.Console(stderr=True)
    with rich.progress.Progress(console=console) as bars:
        task = bars.add_task(description, total=total)
        yield lambda done: bars.update(task, advance=done)


def _plain(description: str, total: int) -> Iterator[Advance]:
    finished = 0

    def advance(done: int) -> None:
        nonlocal finished
        finished += done
        sys.stderr.write(f"\r{description}: {finished} of {total}")
        sys.stderr.flush()

    try:
        yield advance
    finally:
        sys.stderr.write("\n")
