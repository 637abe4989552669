"""The kinds of vector index, by the names under which users choose one. `contract.VectorIndex` is what each owes.

A new kind is a file and a line in `_KINDS`; the tests of the contract then run on it by themselves.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from ..contract import Kernels, Metric, VectorIndex
from ..errors import InvalidArgument
from ..inputs.names import nearest
from .auto import AutoIndex
from .flat import flat_index
from .graph import GraphIndex
from .ivf import IvfIndex
from .lsh import LshIndex
from .reference import ReferenceIndex

__all__ = ["DEFAULT_INDEX", "Maker", "index_names", "index_setting", "kept_index", "make_vector_index", "register"]

# Kernels, metric, and by name what else the kind can be told. Raises ValueError for a value that cannot be.
Maker = Callable[..., VectorIndex]

DEFAULT_INDEX: Final = "auto"

_KINDS: dict[str, Maker] = {
    "auto": AutoIndex,
    "flat": flat_index,
    "plain": ReferenceIndex,
    "graph": GraphIndex,
    "hnsw": GraphIndex,
    "ivf": IvfIndex,
    "lsh": LshIndex,
}


def register(name: str, maker: Maker) -> None:
    """Makes a kind known that is not ours, in this process; an earlier one of the name is replaced."""
    _KINDS[name] = maker


def index_names() -> tuple[str, ...]:
    return tuple(_KINDS)


def make_vector_index(setting: str, kernels: Kernels, metric: Metric) -> VectorIndex:
    """An empty index of the kind that a collection remembers.

    Args:
        setting: as `index_setting` gave it.

    Raises:
        InvalidArgument: this program does not know it.
    """
    name, options = _parsed(setting)
    return _checked_maker(name, options)(kernels, metric, **options)


def index_setting(index: str | Mapping[str, Any], kernels: Kernels, metric: Metric) -> str:
    """What a collection remembers: the name of a kind, or JSON of a name and options.

    Args:
        index: a name, or a dict of "name" and options.

    Raises:
        InvalidArgument: there is no such kind, or it has no such option or value.
    """
    if isinstance(index, str):
        name, options = index, {}
    elif isinstance(index, Mapping) and isinstance(index.get("name"), str):
        name, options = index["name"], {key: value for key, value in index.items() if key != "name"}
    else:
        raise InvalidArgument(
            f"index must be a name, or a dict with a name and options, not {index!r}",
            name="index",
            value=index,
            remedy=f"Choose one of {', '.join(_KINDS)}.",
        )
    make = _checked_maker(name, options)
    try:
        make(kernels, metric, **options)
    except ValueError as error:
        raise InvalidArgument(f"index {name!r}: {error}", name="index", value=index) from None
    return json.dumps({"name": name, **options}, sort_keys=True) if options else name


def kept_index(setting: str) -> str | dict[str, Any]:
    """The inverse of `index_setting`."""
    name, options = _parsed(setting)
    return {"name": name, **options} if options else name


def _parsed(setting: str) -> tuple[str, dict[str, Any]]:
    if not setting.startswith("{"):
        return setting, {}
    options: dict[str, Any] = json.loads(setting)
    return options.pop("name"), options


def _checked_maker(name: str, options: Mapping[str, Any]) -> Maker:
    if name not in _KINDS:
        raise InvalidArgument(
            f"there is no index {name!r}",
            name="index",
            value=name,
            remedy=f"{nearest(name, _KINDS)}Choose one of {', '.join(_KINDS)}.",
        )
    parameters = list(inspect.signature(_KINDS[name]).parameters.values())[2:]
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    known = [one.name for one in parameters if one.kind not in several]  # what users may choose has a name
    for option in options:
        if option not in known:
            raise InvalidArgument(
                f"index {name!r} has no option {option!r}",
                name="index",
                value=option,
                remedy=f"{nearest(option, known)}It has {', '.join(known) or 'none'}.",
            )
    return _KINDS[name]
