"""Waiting until the vector index has taken in what was written."""

from __future__ import annotations

from ..errors import InvalidArgument
from ..progress import progress
from .context import Context

__all__ = ["wait_indexed"]


def wait_indexed(context: Context, timeout: float | None, *, show: bool) -> bool:
    """See `Collection.wait_indexed`.

    Raises:
        InvalidArgument: a timeout that is no number of seconds.
    """
    if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout >= 0):
        raise InvalidArgument(
            f"timeout must be a number of seconds, not {timeout!r}",
            name="timeout",
            value=timeout,
            remedy="Leave it out to wait as long as it takes.",
        )
    if not show:
        return context.store.wait_indexed(timeout)
    with context.store.in_force() as opened:
        pending = opened.feed.index.pending()
    with progress(f"Indexing {context.name}", pending) as advance:
        return context.store.wait_indexed(timeout, advance)
