"""`count`, `facets`, `distinct` and `min_max`: summaries of rows without reading them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ..contract import Bitmap, VectorIndex
from ..errors import InvalidArgument
from ..filters.bitmap import popcount
from ..filters.columns import Columns
from ..filters.tree import Path
from ..filters.where import check_path, parse_path
from ..indexes.bucketed import BucketedIndex
from ..indexes.derived import DerivedIndex, RowsAt, viewing
from ..inputs.unicode import check_unicode
from ..store.reading import ChangedMeanwhile, Reader
from .context import Context, now
from .selection import filter_of

T = TypeVar("T")


def count(context: Context, where: Mapping[str, Any] | None) -> int:
    """The number of rows that a search could return now, including those without a vector."""
    view = viewing(filter_of(where), within=context.within)
    try:
        with context.store.snapshot(view) as (taken, _):
            return popcount(taken.rows(now()))
    except ChangedMeanwhile:
        return context.store.at_moment(view, lambda taken, _: popcount(taken.rows(now())))


def facets(context: Context, field: str, where: Mapping[str, Any] | None) -> list[tuple[Any, int]]:
    return _summarize(context, field, where, Columns.facets)


def distinct(context: Context, field: str, where: Mapping[str, Any] | None) -> list[Any]:
    return _summarize(context, field, where, Columns.distinct)


def min_max(context: Context, field: str, where: Mapping[str, Any] | None) -> tuple[Any, Any] | None:
    return _summarize(context, field, where, Columns.min_max)


def bucket_sizes(context: Context) -> list[tuple[int, int, int]] | None:
    """Table, key and size of each bucket of the vector index; None if the index has no buckets."""

    def take(index: DerivedIndex, reader: Reader) -> VectorIndex:
        return index.vectors

    index = context.store.at_moment(take, lambda found, _: found)
    return index.bucket_sizes() if isinstance(index, BucketedIndex) else None


def checked_field(field: Any) -> str:
    """Raises InvalidArgument for a value that is not the name of a field."""
    if not isinstance(field, str) or not field:
        raise InvalidArgument(f"a field is named by a text, not {field!r}", name="field", value=field)
    check_unicode(field, "the name of a field", "field")
    return field


def _summarize(
    context: Context,
    field: str,
    where: Mapping[str, Any] | None,
    ask: Callable[[Columns, Path, RowsAt, Bitmap], T],
) -> T:
    tree, path = filter_of(where), parse_path(checked_field(field))

    def take(index: DerivedIndex, reader: Reader) -> T:
        check_path(path, index.columns.known_paths(), "field", index.columns.was_known)
        view = viewing(tree, within=context.within)(index, reader)
        return ask(index.columns, path, RowsAt(reader, view.change), view.rows(now()))

    return context.store.at_moment(take, lambda found, _: found)
