"""Removes parts of hits that were needed internally but not requested."""

from __future__ import annotations

from collections.abc import Sequence

from ..types import Hit, Hits

__all__ = ["with_parts"]


def with_parts(hits: Hits, select: Sequence[str] | None) -> Hits:
    """Hits with only these parts; with all for None."""
    if select is None:
        return hits
    text, metadata = "text" in select, "metadata" in select
    return Hits(
        [
            Hit(
                hit.id,
                hit.score,
                hit.distance,
                hit.text if text else None,
                hit.metadata_json if metadata else "{}",
                hit.legs,
            )
            for hit in hits
        ],
        hits.metric,
        hits.change,
    )
