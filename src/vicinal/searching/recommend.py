"""`recommend`: rows like some examples and unlike others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..arguments import RecommendOptions
from ..errors import InvalidArgument
from ..inputs.calls import right_name
from ..inputs.ids import is_scalar_id
from ..query.asking import Asked
from ..records.context import Context
from ..types import Hits
from ..visible import shown
from .search import search
from .where import Where

__all__ = ["asked_by_examples", "recommend"]

_OPTIONS: Final = frozenset(RecommendOptions.__optional_keys__)
_NAMES: Final = ("positive", "negative", "k", "where", *sorted(_OPTIONS))


def recommend(context: Context, positive: Any, negative: Any, k: Any, where: Where, options: Mapping[str, Any]) -> Hits:
    """The `k` rows that are nearest to what the examples make together."""
    return search(context, asked_by_examples(positive, negative, k, options), where)[0]


def asked_by_examples(positive: Any, negative: Any, k: Any, options: Mapping[str, Any]) -> Asked:
    """What to search for, checked.

    Raises:
        InvalidArgument: for what no collection could answer.
    """
    for name in options:
        if name not in _OPTIONS:
            raise InvalidArgument(
                f"recommend takes no argument {shown(name)}", name=name, remedy=right_name(name, _NAMES)
            )
    asked = Asked.of(None, k, options)
    asked.examples = _listed("positive", positive), _listed("negative", negative)
    if not asked.examples[0]:
        raise InvalidArgument(
            "recommend needs at least one positive example",
            name="positive",
            remedy="Pass ids of rows, or vectors. To get away from rows, pass a positive one beside them.",
        )
    asked.check()
    return asked


def _listed(name: str, given: Any) -> list[Any]:
    """Examples as a list; one alone counts as a list of it."""
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
