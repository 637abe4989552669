"""The kinds of vector index, by the names that users choose. Their interface is `contract.VectorIndex`.

A new kind is a file and a line in `_KINDS`; the tests of the contract then cover it automatically.
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

# Takes kernels, metric, and the options of the kind by name. Raises ValueError for an invalid value.
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
    """Registers an external kind for this process; an earlier one with the same name is replaced."""
    _KINDS[name] = maker


def index_names() -> tuple[str, ...]:
    return tuple(_KINDS)


def make_vector_index(setting: str, kernels: Kernels, metric: Metric) -> VectorIndex:
    """An empty index of the kind that a collection stores.

    Args:
        setting: as returned by `index_setting`.

    Raises:
        InvalidArgument: this program does not know the kind.
    """
    name, options = _parsed(setting)
    return _checked_maker(name, options)(kernels, metric, **options)


def index_setting(index: str | Mapping[str, Any], kernels: Kernels, metric: Metric) -> str:
    """The stored form of an index: the name of a kind, or JSON of a name and options.

    Args:
        index: a name, or a dict of "name" and options.

    Raises:
        InvalidArgument: the kind does not exist, or does not have such an option or value.
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
    known = [one.name for one in parameters if one.kind not in several]  # only named parameters are options
    for option in options:
        if option not in known:
            raise InvalidArgument(
                f"index {name!r} has no option {option!r}",
                name="index",
                value=option,
                remedy=f"{nearest(option, known)}It has {', '.join(known) or 'none'}.",
            )
    return _KINDS[name]
