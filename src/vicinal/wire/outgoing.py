"""Converts arguments of a call, as given by the user, to the model that is sent.

Arguments that are invalid for every collection are rejected here by the engine's own checks, with the same messages;
what depends on the collection is checked by the server.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Set
from dataclasses import replace
from typing import Any, Final

import numpy as np

from ..encoders.registry import as_encoder
from ..errors import Unsupported
from ..indexes.kernels import kernels
from ..indexes.text_query import Bm25, TfIdf
from ..indexes.vector_index import index_setting
from ..inputs.columns import Batch, RowArguments, id_list, read_batch
from ..inputs.ids import check_id, is_scalar_id
from ..inputs.paths import check_database_path
from ..inputs.sparse import check_sparse, unpack
from ..inputs.values import expiry
from ..inputs.vectors import VectorRules, check_query
from ..metadata import dumps
from ..query.arguments import SearchArguments, lists_of, refuse_unknown
from ..records.read import checked_count, checked_first
from ..records.rebuild import checked_metric, checked_snapshot_name
from ..records.scroll import checked_order
from ..records.summarize import checked_field
from ..records.update import check_merge, checked_keys
from ..records.waiting import checked_seconds
from ..rerankers.registry import reranker_of
from ..searching.duplicates import checked_number, checked_pairs
from ..searching.query_log import check_logging
from ..searching.recommend import recommend_arguments
from ..searching.search_range import range_arguments
from ..visible import shown
from . import arguments as models
from .filters import to_filter
from .needed import msgspec
from .routes import Route
from .values import LATER_THAN_ALL, packed, packed_rows, plain, raw, to_id, to_ids, to_ttl

__all__ = [
    "any_vectors",
    "changed_rows_of",
    "changes_of",
    "columns_of",
    "later_than_all",
    "model_of",
    "rows_of",
    "size_of",
]

_ANY: Final = VectorRules("l2", None, zero_allowed=True)
_INT64_MAX: Final = 2**63 - 1
_AS_GOOD_AS_ALL: Final = 2**40
_FLOAT_MAX: Final = float(np.finfo(np.float64).max)
_OF_RANGE: Final = frozenset({"query", "where", "min_score", "max_distance"})
_OF_EXAMPLES: Final = frozenset({"positive", "negative", "k", "where"})
_BY_STARS: Final = frozenset({"options", "settings", "unknown"})
_OF_ASKED: Final = (
    "k", "mode", "alpha", "fusion", "weights", "scorer", "syntax", "exact", "recall", "effort", "offset", "min_score",
    "select",
)  # fmt: skip


def any_vectors() -> VectorRules:
    """The vectors that at least some collections accept."""
    return _ANY


def later_than_all() -> int:
    """The present time for reading a time to live: see `values.to_ttl`."""
    return LATER_THAN_ALL


def model_of(route: Route, given: Mapping[str, Any]) -> msgspec.Struct | None:
    """Returns the arguments of a call, except for calls that write rows.

    Raises:
        InvalidInput, Unsupported: the engine's errors, for arguments that are invalid or cannot be sent.
    """
    if route.arguments is None:
        return None
    if issubclass(route.arguments, (models.Search, models.WhyNot)):
        return _search(route, given)
    if route.call in _SEARCHES:
        return _SEARCHES[route.call](given)
    if route.call == "log_queries":
        check_logging(given["on"], given["keep"], given["slower_than"])
    return route.arguments(
        **{
            field.name: _SENT.get(field.name, _plain)(field.name, given[field.name])
            for field in msgspec.structs.fields(route.arguments)
            if given.get(field.name) is not None or ((field.required or field.name in _NUMBERS) and field.name in given)
        }
    )


# -- rows


def columns_of(given: Mapping[str, Any]) -> RowArguments:
    return RowArguments(*(given[name] for name in ("ids", "texts", "vectors", "metadata", "ttl", "sparse")))


def rows_of(batch: Batch) -> models.Rows:
    """Returns rows to be stored."""
    sent = _of_batch(batch)
    if sent.keys() <= {"ids", "ttl"}:  # empty rows, as intended: ids alone would be rejected
        sent["texts"] = batch.texts
    return models.Rows(**sent)


def changed_rows_of(batch: Batch, given: Mapping[str, Any]) -> models.Update:
    """Returns changes given as rows, some of which may change nothing."""
    return models.Update(**{"texts": batch.texts, **_of_batch(batch)}, **_how(given))


def changes_of(given: Mapping[str, Any]) -> tuple[Batch | None, models.Update]:
    """Returns changes given as lists, or for the rows that match a filter."""
    columns = columns_of(given)
    if given["where"] is not None and not (columns.are_of_each_row and given["rows"] is None):
        return None, _changes_where(columns, given)
    if isinstance(columns.metadata, Mapping) and columns.ids is not None and not is_scalar_id(columns.ids):
        ids = id_list(columns.ids)  # one dict for all rows
        columns = replace(columns, ids=ids, metadata=[columns.metadata] * len(ids))
    if columns.ids is None or (len(columns.given()) == 1 and columns.ttl is None):  # the engine reports what is missing
        named: dict[str, Any] = {} if columns.ids is None else {"ids": to_ids(id_list(columns.ids))}
        return None, models.Update(**named, **_how(given))
    batch = read_batch(columns, _ANY, LATER_THAN_ALL)
    sent = {"texts": batch.texts, **_of_batch(batch)}
    if columns.metadata is not None:  # an empty dict removes everything
        sent["metadata"] = _metadata(batch)
    if given["where"] is not None:
        return None, models.Update(**sent, **_how(given), where=to_filter(given["where"]))
    return batch, models.Update(**sent, **_how(given))


def _changes_where(columns: RowArguments, given: Mapping[str, Any]) -> models.Update:
    refused: dict[str, Any] = {
        name: [] for name in ("texts", "vectors", "sparse") if getattr(columns, name) is not None
    }
    sent: dict[str, Any] = {**refused, "where": to_filter(given["where"]), **_how(given)}
    if given["rows"] is not None:
        sent["rows"] = []
    if columns.ids is not None:
        sent["ids"] = to_ids(id_list(columns.ids))
    if columns.metadata is not None:
        sent["metadata"] = raw(dumps(columns.metadata, place="metadata="))
    if columns.ttl is not None:
        sent["ttl"] = to_ttl(expiry(columns.ttl, LATER_THAN_ALL, "ttl="))
    return models.Update(**sent)


def size_of(batch: Batch) -> int:
    """The approximate size of a batch in a message."""
    vectors = 0 if batch.block is None else batch.block.nbytes * 4 // 3
    texts = sum(len(text) for text in batch.texts if text is not None)
    metadata = sum(len(one) for one in batch.metadata if one is not None)
    return vectors + texts + metadata + sum(2 * len(one) for one in batch.sparse if one is not None)


def _how(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options of changes that are not at their defaults."""
    check_merge(given["merge"])
    removed = sorted(checked_keys(given["remove"]))
    return ({} if given["merge"] else {"merge": False}) | ({"remove": removed} if removed else {})


def _of_batch(batch: Batch) -> dict[str, Any]:
    """Columns in which some row has a value."""
    sent: dict[str, Any] = {}
    if batch.ids is not None:
        sent["ids"] = to_ids(batch.ids)
    if any(text is not None for text in batch.texts):
        sent["texts"] = batch.texts
    if batch.block is not None:
        sent["vectors"] = _vectors(batch)
    if any(metadata is not None for metadata in batch.metadata):
        sent["metadata"] = _metadata(batch)
    if any(sparse is not None for sparse in batch.sparse):
        sent["sparse"] = [None if one is None else _unpacked(one) for one in batch.sparse]
    if any(expires is not None for expires in batch.expires):
        same = len(set(batch.expires)) == 1
        sent["ttl"] = to_ttl(batch.expires[0]) if same else [to_ttl(expires) for expires in batch.expires]
    return sent


def _vectors(batch: Batch) -> Any:
    assert batch.block is not None
    if all(batch.has_vector):
        return packed_rows(batch.block)
    return [packed(row) if there else None for row, there in zip(batch.block, batch.has_vector, strict=True)]


def _metadata(batch: Batch) -> list[msgspec.Raw]:
    return [raw("null" if metadata is None else metadata) for metadata in batch.metadata]


def _unpacked(sparse: bytes) -> dict[int, float]:
    dimensions, weights = unpack(sparse)
    return dict(zip(dimensions.tolist(), weights.tolist(), strict=True))


# -- search


def _search(route: Route, given: Mapping[str, Any]) -> msgspec.Struct:
    """One query: to be run, or to be explained."""
    given = {"id": None, "offset": 0, "mode": "dense", "exact": False} | _flat(given)
    options = {name: value for name, value in given.items() if name not in ("query", "k", "where", "id")}
    if route.call != "why_not":  # there the id is that of the missing row
        options["id"] = given["id"]
    SearchArguments.of(given.get("query"), given["k"], options).check()
    sent = _common(given) | _some(query=_query(given.get("query"), "query"))
    for name, read in (("vector", _query), ("sparse", _sparse)):
        if given.get(name) is not None:
            sent[name] = read(given[name], "query")
    if given["id"] is not None:
        sent["id"] = to_id(check_id(given["id"], "id="))
    assert route.arguments is not None  # every search has them
    return route.arguments(**sent, **_accuracy(given))


def _flat(given: Mapping[str, Any]) -> dict[str, Any]:
    """Merges arguments given by `**` with the named ones."""
    named = {name: value for name, value in given.items() if name not in _BY_STARS}
    for stars in _BY_STARS & given.keys():
        named |= given[stars]
    return named


def _search_many(given: Mapping[str, Any]) -> models.SearchMany:
    refuse_unknown(given.get("unknown", {}))
    queries, beside = lists_of(given["queries"], vectors=given["vectors"], sparse=given["sparse"])
    options = {name: given[name] for name in _OF_ASKED if name in given}
    given_beside: dict[str, Any] = {**options, **beside}
    SearchArguments(queries, **given_beside, single=False).check()
    places = [f"query {i}" for i in range(len(queries))]
    sent: dict[str, Any] = {"queries": list(map(_query, queries, places))}
    if beside["vectors"] is not None:
        sent["vectors"] = list(map(_query, beside["vectors"], places))
    if beside["sparse"] is not None:
        sent["sparse"] = list(map(_sparse, beside["sparse"], places))
    return models.SearchMany(**_common(given), **sent, **_accuracy(options))


def _options(given: Mapping[str, Any], named: Set[str]) -> dict[str, Any]:
    """Arguments given by `**`: in one dict from a call, each by its name from a twin."""
    by_name = {name: value for name, value in given.items() if name not in named and name != "options"}
    options: Mapping[str, Any] = given.get("options", {})
    return {**by_name, **options}


def _search_range(given: Mapping[str, Any]) -> models.SearchRange:
    options = _options(given, _OF_RANGE)
    range_arguments(given["query"], given["min_score"], given["max_distance"], options)
    sent = _how_to_search({"mode": "dense", **options}) | _some(query=_query(given["query"], "query"))
    if options.get("vector") is not None:
        sent["vector"] = _query(options["vector"], "query")
    if options.get("sparse") is not None:
        sent["sparse"] = _sparse(options["sparse"], "query")
    if options.get("id") is not None:
        sent["id"] = to_id(check_id(options["id"], "id="))
    bounds: dict[str, Any] = {
        name: _finite(given[name]) for name in ("min_score", "max_distance") if given[name] is not None
    }
    return models.SearchRange(**sent, **bounds, **_some(where=to_filter(given.get("where"))))


def _recommend(given: Mapping[str, Any]) -> models.Recommend:
    options = {"offset": 0, "mode": "dense", **_options(given, _OF_EXAMPLES)}
    asked = recommend_arguments(given["positive"], given["negative"], given["k"], _options(given, _OF_EXAMPLES))
    sent = _common({"k": given["k"], "where": given.get("where"), **options})
    assert asked.examples is not None  # it was made from them
    positive, negative = ([_example(one) for one in some] for some in asked.examples)
    return models.Recommend(positive=positive, negative=negative, **sent, **_accuracy(options))


def _example(example: Any) -> Any:
    """An id, or a vector as numbers: beside ids it has no other encoding."""
    if is_scalar_id(example):
        return to_id(check_id(example, "example"))
    return check_query(example, _ANY, "example").tolist()


def _accuracy(given: Mapping[str, Any]) -> dict[str, Any]:
    """The requested accuracy, if given."""
    effort = given.get("effort")
    return _some(
        exact=bool(given.get("exact")) or None,
        recall=_plain("recall", given.get("recall")),
        effort=None if effort is None else min(int(effort), _INT64_MAX),
    )


def _common(given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of both kinds of search that are not at their defaults."""
    sent: dict[str, Any] = {"k": min(int(given["k"]), _INT64_MAX)}
    if given["offset"]:
        sent["offset"] = min(int(given["offset"]), _INT64_MAX)
    if given.get("min_score") is not None:
        sent["min_score"] = _finite(given["min_score"])
    for name in ("mmr", "group_by", "group_size", "fetch_k"):
        sent |= _some(**{name: _plain(name, given.get(name))})
    if given.get("rerank") is not None:
        sent["rerank"] = _reranker(given["rerank"])
    return sent | _how_to_search(given) | _some(where=to_filter(given.get("where")))


def _how_to_search(given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of every kind of search that are not at their defaults."""
    sent: dict[str, Any] = {}
    if given["mode"] != "dense":
        sent["mode"] = given["mode"]
    for name in ("alpha", "fusion", "weights", "syntax"):
        sent |= _some(**{name: _plain(name, given.get(name))})
    if given.get("select") is not None:
        sent["select"] = list(given["select"])
    scorer = given.get("scorer")
    if isinstance(scorer, Bm25):
        sent["scorer"] = models.Bm25(float(scorer.k1), float(scorer.b), scorer.idf)
    if isinstance(scorer, TfIdf):
        sent["scorer"] = models.TfIdf(scorer.tf, scorer.norm, scorer.idf)
    return sent


def _finite(bound: Any) -> float:
    """Clips infinite bounds, which JSON cannot represent; scores are almost always finite."""
    return float(np.clip(float(bound), -_FLOAT_MAX, _FLOAT_MAX))


def _reranker(reranker: Any) -> str:
    if reranker == "lexical":
        return "lexical"
    if not (isinstance(reranker, str) and reranker.startswith("onnx:")):
        reranker_of(reranker)  # rejects invalid ones
    raise Unsupported(
        f"a server has no reranker {shown(reranker)}",
        name="rerank",
        value=reranker,
        remedy="Write rerank='lexical', or have the texts of the hits scored here.",
    )


def _some(**given: Any) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _query(query: Any, place: str) -> Any:
    return (
        str.__str__(query)
        if isinstance(query, str)
        else None
        if query is None
        else packed(check_query(query, _ANY, place))
    )


def _sparse(sparse: Any, place: str) -> dict[int, float]:
    dimensions, weights = check_sparse(sparse, place)
    return dict(zip(dimensions.tolist(), weights.tolist(), strict=True))


# -- the others, field by field


def _plain(name: str, value: Any) -> Any:
    return plain(name, value)


def _ids(_: str, ids: Any) -> Any:
    return to_ids(id_list(ids))


def _filter(_: str, where: Any) -> Any:
    return to_filter(where)


def _count(name: str, count: Any) -> int | None:
    checked = checked_count(name, count)
    return None if name == "limit" and checked >= _AS_GOOD_AS_ALL else checked


def _packing(_: str, wanted: Any) -> Any:
    return "base64" if wanted else False


def _encoder(name: str, encoder: Any) -> str:
    if isinstance(encoder, str):
        return encoder
    as_encoder(encoder)  # rejects invalid ones
    raise Unsupported(
        f"an encoder of this program, {type(encoder).__name__}, cannot be used by a server",
        name=name,
        value=encoder,
        remedy="Name one that the server has, such as encoder='minilm', or encode here and pass vectors.",
    )


def _as_it_is(_: str, value: Any) -> Any:
    return value


def _path(_: str, path: Any) -> str:
    check_database_path(path, "path", "backup takes a path", remedy="Write docs.backup('./copies').")
    return str(os.fspath(path))


def _index(name: str, index: Any) -> Any:
    if not isinstance(index, (str, Mapping)):
        index_setting(index, kernels(), "l2")  # rejects invalid ones, under any metric
    return plain(name, index)


_SEARCHES: Final[Mapping[str, Callable[[Mapping[str, Any]], msgspec.Struct]]] = {
    "search_many": _search_many,
    "search_range": _search_range,
    "recommend": _recommend,
}
_NUMBERS: Final = frozenset({"offset", "n", "max_pairs"})  # for which None has no meaning
_SENT: Final[Mapping[str, Callable[[str, Any], Any]]] = {
    "ids": _ids,
    "where": _filter,
    "limit": _count,
    "offset": _count,
    "n": lambda _, n: checked_first(n),
    "vectors": _packing,
    "encoder": _encoder,
    "path": _path,
    "index": _index,
    "metric": lambda _, metric: checked_metric(metric),
    "name": lambda _, name: checked_snapshot_name(name),
    "field": lambda _, field: checked_field(field),
    "order_by": lambda _, order_by: checked_order(order_by),
    "seconds": lambda _, seconds: None if checked_seconds(seconds) == math.inf else plain("seconds", seconds),
    "threshold": lambda name, value: plain(name, checked_number(name, value)),
    "max_distance": lambda name, value: plain(name, checked_number(name, value)),
    "max_pairs": lambda _, pairs: min(checked_pairs(pairs), _INT64_MAX),
    "notes": _as_it_is,
    "default": _as_it_is,
    "before": _as_it_is,
    "value": _as_it_is,
}
