"""`recommend`: rows like some examples and unlike others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..arguments import RecommendOptions
from ..errors import InvalidArgument
from ..inputs.calls import right_name
from ..inputs.ids import is_scalar_id
from ..query.arguments import SearchArguments
from ..records.context import Context
from ..types import Hits
from ..visible import shown
from .search import search
from .where import Where

__all__ = ["recommend", "recommend_arguments"]

_OPTIONS: Final = frozenset(RecommendOptions.__optional_keys__)
_NAMES: Final = ("positive", "negative", "k", "where", *sorted(_OPTIONS))


def recommend(context: Context, positive: Any, negative: Any, k: Any, where: Where, options: Mapping[str, Any]) -> Hits:
    """The `k` rows that are nearest to the query vector made from the examples."""
    return search(context, recommend_arguments(positive, negative, k, options), where)[0]


def recommend_arguments(positive: Any, negative: Any, k: Any, options: Mapping[str, Any]) -> SearchArguments:
    """The checked arguments of the search.

    Raises:
        InvalidArgument: no collection could answer this.
    """
    for name in options:
        if name not in _OPTIONS:
            raise InvalidArgument(
                f"recommend takes no argument {shown(name)}", name=name, remedy=right_name(name, _NAMES)
            )
    arguments = SearchArguments.of(None, k, options)
    arguments.examples = _listed("positive", positive), _listed("negative", negative)
    if not arguments.examples[0]:
        raise InvalidArgument(
            "recommend needs at least one positive example",
            name="positive",
            remedy="Pass ids of rows, or vectors. To get away from rows, pass a positive one beside them.",
        )
    arguments.check()
    return arguments


def _listed(name: str, given: Any) -> list[Any]:
    """Examples as a list; a single one becomes a list of one."""
    if given is None:
        return []
    if is_scalar_id(given) or getattr(given, "ndim", None) == 1:
        return [given]
    if isinstance(given, (bytes, Mapping)) or not isinstance(given, Iterable):
        raise InvalidArgument(
            f"{name} must be ids of rows, or vectors, not {shown(given)}",
            name=name,
            value=given,
            remedy=f"Write {name}=['an id', 'another'].",
        )
    listed = list(given)
    if listed and all(isinstance(one, float) for one in listed):
        return [listed]  # a single vector
    return listed
