"""Progress of long work: a bar on a terminal, drawn by rich if it is installed; nothing in a pipe or a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["progress"]

Advance = Callable[[int], None]


@contextmanager
def progress(description: str, total: int | None = None) -> Iterator[Advance]:
    """Yields a function that takes the number of items done since its last call.

    Args:
        description: what is being done.
        total: the number of items, or None if unknown; then only rate and count are shown, otherwise also the time
            left.
    """
    if total == 0 or sys.stderr is None or not sys.stderr.isatty():
        yield lambda done: None
        return
    try:
        import rich.progress as bars
        from rich.console import Console
    except ImportError:
        yield from _plain(description, total)
        return
    known = [bars.BarColumn(), bars.TaskProgressColumn(), bars.MofNCompleteColumn(), bars.TimeRemainingColumn()]
    unknown = [bars.SpinnerColumn(), bars.MofNCompleteColumn(), bars.TimeElapsedColumn()]
    text = bars.TextColumn("{task.description}", markup=False)
    rate = bars.TextColumn("{task.fields[rate]}")
    with bars.Progress(text, *(unknown if total is None else known), rate, console=Console(stderr=True)) as shown:
        task = shown.add_task(description, total=total, rate="")
        finished, started = 0, time.monotonic()

        def advance(done: int) -> None:
            nonlocal finished
            finished += done
            shown.update(task, advance=done, rate=_rate(finished, started))

        yield advance


def _plain(description: str, total: int | None) -> Iterator[Advance]:
    finished, started = 0, time.monotonic()

    def advance(done: int) -> None:
        nonlocal finished
        finished += done
        of = "" if total is None else f" of {total}"
        sys.stderr.write(f"\r{description}: {finished}{of} {_rate(finished, started)}")
        sys.stderr.flush()

    try:
        yield advance
    finally:
        sys.stderr.write("\n")


def _rate(finished: int, started: float) -> str:
    return f"{finished / max(time.monotonic() - started, 1e-9):,.0f}/s"
