"""Errors of public calls: a wrong argument gets the right name as a hint; a traceback ends near the user's line."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, Final, TypeVar

from .. import shutdown
from ..errors import Closed, InvalidArgument, InvalidInput, NotFound
from ..visible import shown
from .names import nearest

__all__ = ["for_users", "no_attribute", "refused_call", "right_name", "user_call"]

C = TypeVar("C", bound=type)
F = TypeVar("F", bound=Callable[..., Any])

# Argument names of other programs, and ours in the order of preference.
_OURS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(
        ("documents", "document", "docs", "text", "content", "contents", "data", "page_content"), ("texts", "query")
    ),
    **dict.fromkeys(("metadatas", "meta", "metas", "payload", "payloads", "properties"), ("metadata",)),
    **dict.fromkeys(("embeddings", "embedding", "vector", "values"), ("vectors", "vector", "query")),
    **dict.fromkeys(("id", "uids", "uuids", "keys", "primary_keys"), ("ids",)),
    **dict.fromkeys(
        (
            "query_text",
            "query_embedding",
            "query_vector",
            "q",
            "question",
            "query_texts",
            "query_embeddings",
            "queries",
        ),
        ("query", "queries"),
    ),
    **dict.fromkeys(
        ("limit", "n_results", "top_k", "topk", "n", "num_results", "max_results", "size", "count"), ("k", "limit", "n")
    ),
    **dict.fromkeys(("filter", "filters", "where_document", "query_filter", "expr", "condition"), ("where",)),
    **dict.fromkeys(("embedding_function", "model", "embedder", "embedding_model"), ("encoder",)),
    **dict.fromkeys(("ef_search", "efSearch", "hnsw_ef", "nprobe", "n_probe", "nprobes", "probes"), ("effort",)),
    "ef": ("effort", "encoder"),
    **dict.fromkeys(("dim", "dims", "dimensions", "vector_size", "ndim"), ("dimension",)),
    **dict.fromkeys(("distance", "space", "similarity", "distance_metric", "metric_type"), ("metric",)),
    **dict.fromkeys(("include", "include_vectors", "with_vectors", "include_values"), ("vectors",)),
    **dict.fromkeys(("path", "uri", "url", "directory", "persist_directory", "location", "folder"), ("target", "path")),
    **dict.fromkeys(("collection_name", "collection", "table_name"), ("name",)),
    **dict.fromkeys(("order", "sort", "sort_by", "orderby", "key"), ("order_by",)),
    **dict.fromkeys(("reverse", "desc"), ("descending",)),
    **dict.fromkeys(("skip", "start"), ("offset",)),
    **dict.fromkeys(
        ("threshold", "score_threshold", "min_similarity", "similarity_threshold"), ("min_score", "threshold")
    ),
    **dict.fromkeys(("radius", "distance_threshold", "max_dist"), ("max_distance",)),
    **dict.fromkeys(("expire", "expires", "expires_at", "expiry", "expiration"), ("ttl",)),
    **dict.fromkeys(("method", "fusion_method"), ("fusion",)),
    **dict.fromkeys(("reranker", "ranker", "rerank_model", "cross_encoder"), ("rerank", "fusion")),
    "rerank": ("fusion",),
    **dict.fromkeys(("lambda_mult", "diversity", "mmr_lambda", "max_marginal_relevance"), ("mmr",)),
    **dict.fromkeys(("num_candidates", "candidates", "prefetch", "rerank_k", "rerank_top_k"), ("fetch_k",)),
    **dict.fromkeys(("group_by_field", "collapse", "distinct_on", "unique_by"), ("group_by",)),
    **dict.fromkeys(("records", "df", "dataframe", "points", "items", "objects"), ("rows",)),
    **dict.fromkeys(("create_if_missing", "get_or_create", "exist_ok"), ("create",)),
    "column": ("field",),
}
# Hints for cases where the right name alone is not enough.
_MORE: Final[Mapping[str, str]] = {
    "include": "hits and records always have text and metadata; a get(..., vectors=True) has vectors too.",
}


def for_users(cls: C) -> C:
    """Applies `user_call` to the constructor and all public methods of a class."""
    for name, member in list(vars(cls).items()):
        if inspect.isfunction(member) and (name == "__init__" or not name.startswith("_")):
            setattr(cls, name, user_call(member))
    return cls


def user_call(function: F) -> F:
    """Raises errors about arguments from here, so that a user's traceback has only their line and this one.

    All other errors keep their traceback.
    """

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except (InvalidInput, NotFound) as error:
            told: BaseException = error.with_traceback(None)
        except TypeError as error:
            binding = _refusal(function, args, kwargs) if _is_of_the_call(error) else None
            if binding is None:
                raise
            told = binding
        except Closed:
            shutdown.wait_if_begun()
            raise
        raise told from told.__cause__

    return call  # type: ignore[return-value]  # it has the same signature


def _is_of_the_call(error: TypeError) -> bool:
    """Whether the function was never entered: the traceback has no frame of it."""
    return error.__traceback__ is not None and error.__traceback__.tb_next is None


def refused_call(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Exception:
    """The error for a call whose arguments do not fit the function's signature."""
    return _refusal(function, args, kwargs) or TypeError(f"{function.__name__} does not take these arguments")


def _refusal(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> InvalidArgument | None:
    parameters = inspect.signature(function).parameters
    names = [name for name in parameters if name != "self"]
    name = type(args[0]).__name__ if args and function.__name__ == "__init__" else function.__name__
    for given in kwargs:
        if given not in names:
            return InvalidArgument(
                f"{name} takes no argument {shown(given)}", name=given, remedy=right_name(given, names)
            )
    positional = [
        one for one, parameter in parameters.items() if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]
    if len(args) > len(positional):
        by_name = [one for one in names if one not in positional]
        shown_call = ", ".join([*(one for one in positional if one != "self"), *(f"{one}=..." for one in by_name[:2])])
        count = len(positional) - ("self" in positional)
        return InvalidArgument(
            f"{name} takes {count or 'no'} argument{'' if count == 1 else 's'} by position, and more were given",
            name=name,
            remedy=f"Write {name}({shown_call}).",
        )
    missing = [
        one
        for one, parameter in list(parameters.items())[len(args) :]
        if parameter.default is inspect.Parameter.empty
        and one not in kwargs
        and parameter.kind not in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    ]
    if missing:
        return InvalidArgument(
            f"{name} needs {missing[0]}=",
            name=missing[0],
            remedy=f"Write {name}({', '.join(f'{one}=...' for one in missing)}).",
        )
    return None


def right_name(given: str, names: Iterable[str]) -> str:
    """The name to use instead of an argument that a call does not have."""
    names = list(names)
    for ours in _OURS.get(given, ()):
        if ours in names:
            more = f" {_MORE[given].capitalize()}" if given in _MORE else ""
            return f"Use {ours}= instead.{more}"
    if given in _MORE:
        return f"Leave it out: {_MORE[given]}"
    return nearest(given, names).strip() or f"There are {', '.join(f'{name}=' for name in names)}."


def no_attribute(owner: object, given: str, calls: Mapping[str, str], remedy: str = "") -> AttributeError:
    """The error for an attribute that an object does not have, with the call that was probably meant.

    Args:
        calls: method names of other programs, and the equivalent call here.
        remedy: the remedy, if already known.
    """
    kind = type(owner)
    remedy = remedy or (f"Write {calls[given]}." if given in calls else nearest(given, _public(kind)).strip())
    return AttributeError(f"{kind.__name__!r} object has no attribute {shown(given)}. {remedy}".rstrip(), name=given)


def _public(kind: type) -> list[str]:
    return [name for name in dir(kind) if not name.startswith("_")]
