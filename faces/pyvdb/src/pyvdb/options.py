"""`QueryOptions`: the number of results, and filters."""

from __future__ import annotations

from typing import Any

from vicinal.inputs import checks

from .enums import DocumentType
from .fields import Attributes, Field
from .names import TEXT_NAMES


def _date_filter(name: str, value: Any) -> bool | str | None:
    if value is None or isinstance(value, str):
        return value
    return checks.flag(name, value)


class QueryOptions(Attributes):
    """Options of a query. All filters that are set must match; None and "" mean no filter.

    Attributes:
        k: the number of results, 0 for none.
        ef_search: of a graph index; without effect, because search is exact.
        type_filter: only entries of this type.
        date_filter: True or None: `date_from` and `date_to` apply. False: they are ignored. A str: exactly this date.
        date_from, date_to: both inclusive, compared as text. An entry without a date is before every date.
        asset_filter, bias_filter: exactly this text.
        include_metadata: whether results include their metadata.
        deduplicate_by_date: only the best result of each date; entries without a date count as one date.
    """

    __slots__ = ()

    k = Field[int](checks.unsigned, 10)
    ef_search = Field[int](checks.unsigned, 0)
    type_filter = Field[DocumentType | None](checks.optional(checks.member(DocumentType)), None)
    date_filter = Field[bool | str | None](_date_filter, None)
    date_from = Field[str | None](checks.optional(checks.text), None)
    date_to = Field[str | None](checks.optional(checks.text), None)
    asset_filter = Field[str | None](checks.optional(checks.text), None)
    bias_filter = Field[str | None](checks.optional(checks.text), None)
    include_metadata = Field[bool](checks.flag, True)
    deduplicate_by_date = Field[bool](checks.flag, False)


def where_of(options: QueryOptions) -> dict[str, dict[str, Any]]:
    """Returns the filter for the engine, field by field."""
    where: dict[str, dict[str, Any]] = {}
    if options.type_filter is not None:
        where["type"] = {"$eq": TEXT_NAMES[options.type_filter]}
    if options.asset_filter:
        where["asset"] = {"$eq": options.asset_filter}
    if options.bias_filter:
        where["bias"] = {"$eq": options.bias_filter}
    dates = _dates_of(options)
    if dates:
        where["date"] = dates
    return where


def _dates_of(options: QueryOptions) -> dict[str, str]:
    dates = {}
    if isinstance(options.date_filter, str) and options.date_filter:
        dates["$eq"] = options.date_filter
    if options.date_filter is not False:
        if options.date_from:
            dates["$gte"] = options.date_from
        if options.date_to:
            dates["$lte"] = options.date_to
    return dates
