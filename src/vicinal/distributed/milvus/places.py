"""Where points are stored in Milvus: each collection has its own, with an index of its vectors, and loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pymilvus import CollectionSchema
from pymilvus.milvus_client.index import IndexParams

from ...contract import Metric
from .calls import Calls

__all__ = ["LISTS", "METRICS", "Place", "make_ready", "named"]

LISTS: Final = 1024
# Vectors of cosine are stored as directions, so that inner products are cosines.
METRICS: Final[Mapping[Metric, str]] = {"cosine": "IP", "ip": "IP", "l2": "L2"}
_NAME_CHARS_MAX: Final = 200  # the engine allows 255
_END_CHARS: Final = 48  # of a truncated name: includes the digits of the collection's uuid


@dataclass(frozen=True, slots=True)
class Place:
    """The unchanging properties of a set of points.

    Attributes:
        width: components of the vectors there, which may be more than those of ours.
        metric: the engine's name of the metric.
        flat: whether its index compares all vectors.
    """

    width: int
    metric: str
    flat: bool

    @classmethod
    def of(cls, calls: Calls, name: str) -> Place:
        """Reads them from the engine's description."""
        fields = calls.ask("describe_collection", name)["fields"]
        [width] = [field["params"]["dim"] for field in fields if field["name"] == "vector"]
        index = calls.ask("describe_index", name, index_name="vector")
        return cls(int(width), index["metric_type"], index["index_type"] == "FLAT")


def named(points: str) -> str:
    """The name of points in Milvus, of letters, digits and "_"."""
    name = "vicinal_" + "".join(map(_letter, points))
    return name if len(name) <= _NAME_CHARS_MAX else f"{name[: _NAME_CHARS_MAX - _END_CHARS]}__{name[-_END_CHARS:]}"


def _letter(char: str) -> str:
    return char if char.isascii() and char.isalnum() else "".join(f"_{byte:02x}" for byte in char.encode())


def make_ready(calls: Calls, name: str, schema: CollectionSchema, metric: Metric, *, local: bool) -> None:
    """Creates what is missing of a collection. The first read waits until it is loaded."""
    index = IndexParams()
    if local:  # without any advantage in its small segments
        index.add_index("vector", index_type="FLAT", metric_type=METRICS[metric])
    else:
        index.add_index("vector", index_type="IVF_FLAT", metric_type=METRICS[metric], params={"nlist": LISTS})
    calls.make(name, schema=schema, num_shards=1)
    if not calls.ask("list_indexes", name):
        calls.write("create_index", name, index_params=index, sync=False)
    calls.write("load_collection", name, _async=True)
