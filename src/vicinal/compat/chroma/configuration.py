"""The configuration of a collection: the metric, and Chroma's index parameters, which are stored and shown.

The metric is given by `hnsw:space` or by the configuration, which takes precedence. The other values configure an index
of Chroma; the engine's index does not need them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from ...visible import shown
from .embedding import DEFAULT, check_space, saved_form
from .errors import InvalidArgumentError
from .utils.embedding_functions import config_to_embedding_function

__all__ = ["METRICS", "changed", "checked_metadata", "configured"]

_ADDRESSES: Final = ("url", "api_base")
_THIS_MACHINE: Final = {"localhost", "127.0.0.1", "::1"}
METRICS: Final = ("l2", "cosine", "ip")
_HNSW: Final[Mapping[str, Any]] = {
    "space": "l2",
    "ef_construction": 100,
    "ef_search": 100,
    "max_neighbors": 16,
    "resize_factor": 1.2,
    "sync_threshold": 1000,
}
_ACCEPTED: Final = {*_HNSW, "num_threads", "batch_size"}
_FIXED: Final = {"space", "ef_construction"}
_IN_METADATA: Final = {
    "hnsw:space": "space",
    "hnsw:construction_ef": "ef_construction",
    "hnsw:search_ef": "ef_search",
    "hnsw:M": "max_neighbors",
    "hnsw:resize_factor": "resize_factor",
    "hnsw:sync_threshold": "sync_threshold",
    "hnsw:num_threads": "num_threads",
    "hnsw:batch_size": "batch_size",
}


def configured(metadata: Mapping[str, Any] | None, configuration: Any, function: Any) -> dict[str, Any]:
    """Returns the configuration of a new collection as JSON values.

    Args:
        function: the embedding function, which may specify the metric.

    Raises:
        InvalidArgumentError: a value that does not exist.
    """
    given = dict(configuration.get("hnsw") or {}) if configuration is not None else {}
    space = function.default_space() if hasattr(function, "default_space") else "l2"
    hnsw = {**_HNSW, "space": space, **_from_metadata(metadata or {}), **_checked(given, _ACCEPTED)}
    if hnsw["space"] not in METRICS:
        raise InvalidArgumentError(f"space is one of {', '.join(METRICS)}, not {shown(hnsw['space'])}")
    if function is not None:
        check_space(function, hnsw["space"])
    kept = {name: value for name, value in hnsw.items() if name in _HNSW}
    return {"hnsw": kept, "spann": None, "embedding_function": saved_form(function)}


def changed(configuration: Mapping[str, Any], update: Any) -> dict[str, Any]:
    """Returns the configuration after `modify`.

    Raises:
        InvalidArgumentError: the space cannot be changed.
    """
    given = _checked(dict(update.get("hnsw") or {}), _ACCEPTED - _FIXED)
    function = update.get("embedding_function")
    saved = configuration["embedding_function"] if function is None else saved_form(function)
    hnsw = {**configuration["hnsw"], **{name: value for name, value in given.items() if name in _HNSW}}
    return {**configuration, "hnsw": hnsw, "embedding_function": saved}


def checked_metadata(metadata: Any) -> dict[str, Any] | None:
    """Returns the metadata of a collection.

    Raises:
        TypeError: a value is not a str, int, float or bool.
        InvalidArgumentError: it is empty.
    """
    if metadata is None:
        return None
    if not isinstance(metadata, Mapping):
        raise TypeError(f"the metadata of a collection is a dict, not {shown(metadata)}")
    if not metadata:
        raise InvalidArgumentError("the metadata of a collection is not empty: leave it out")
    for key, value in metadata.items():
        if not isinstance(key, str) or not isinstance(value, (str, int, float)):
            raise TypeError(f"metadata of a collection is str, int, float or bool by str, not {shown({key: value})}")
    try:
        json.dumps(metadata, allow_nan=False)
    except ValueError as error:
        raise InvalidArgumentError(f"metadata of a collection: {error}") from None
    return dict(metadata)


def _from_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for key, value in metadata.items():
        if key.startswith("hnsw:"):
            if key not in _IN_METADATA:
                raise InvalidArgumentError(f"there is no {shown(key)}; there are {', '.join(_IN_METADATA)}")
            found[_IN_METADATA[key]] = value
    return found


def _checked(given: dict[str, Any], accepted: set[str]) -> dict[str, Any]:
    for name in given:
        if name not in accepted:
            raise InvalidArgumentError(f"hnsw has no {shown(name)} here; it has {', '.join(sorted(accepted))}")
    return given


def function_of(configuration: Mapping[str, Any]) -> Any:
    """Returns the embedding function that a collection remembers, or the default.

    Raises:
        ValueError: it cannot be created, or calls a server whose address comes from the collection alone: the author
            of its files could thereby obtain texts and a key of this program.
    """
    saved = configuration["embedding_function"]
    if not saved or saved["type"] != "known":
        return DEFAULT
    for name in _ADDRESSES:
        address = (saved.get("config") or {}).get(name)
        if address is not None and not _is_here(str(address)):
            raise ValueError(f"it asks the server {shown(address)}. Pass embedding_function= if texts may go there.")
    return config_to_embedding_function(saved)


def _is_here(address: str) -> bool:
    """Whether an address is on this machine."""
    try:
        return urlsplit(address).hostname in _THIS_MACHINE
    except ValueError:
        return False
