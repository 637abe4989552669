"""Metrics for Prometheus, over all workers: each counts in its own file, and the worker that is queried adds them up.

A request is counted before its response is sent, so that a client with the response finds it counted. The counts of a
worker that died are kept.
"""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from ..types import Stats

__all__ = [
    "CONTENT_TYPE",
    "FOLDER_VARIABLE",
    "count_pass",
    "count_request",
    "note_memory",
    "render",
    "seen_collections",
]

FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"  # set by `serve` before this module is imported
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_AT_ONCE: Final = (1, 2, 4, 8, 16, 32, 64)

_requests = Counter(
    "vicinal_requests", "Requests that were answered.", ("route", "collection", "status"), registry=None
)
_seconds = Histogram(
    "vicinal_request_seconds",
    "From a request's head to its answer.",
    ("route", "collection"),
    buckets=_SECONDS,
    registry=None,
)
_passes = Histogram(
    "vicinal_searches_in_pass",
    "Searches of several requests that shared a scan of the rows.",
    buckets=_AT_ONCE,
    registry=None,
)
_memory = Gauge("vicinal_worker_memory_bytes", "Resident memory.", multiprocess_mode="liveall", registry=None)

_OF_COLLECTION: Final = {
    "rows": "Rows that a search can return.",
    "expired": "Rows past their time to live, not yet reclaimed.",
    "dead_slots": "Slots of deleted and replaced rows, reclaimed by compaction.",
    "bytes_on_disk": "All files of the collection.",
    "tail": "Slots written since the newest saved index.",
}


# They have no types.
_collector: Final[Callable[..., Any]] = MultiProcessCollector
_mark_dead: Final[Callable[..., None]] = mark_process_dead


def count_request(route: str, collection: str, status: int, seconds: float) -> None:
    """Counts a request; called before the response is sent."""
    _counter(route, collection, str(status)).inc()
    _timer(route, collection).observe(seconds)


def count_pass(searches: int) -> None:
    _passes.observe(searches)


def note_memory() -> None:
    """Records the memory size of this worker, if the system reports it."""
    with contextlib.suppress(OSError), open("/proc/self/statm", "rb") as file:
        _memory.set(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE"))


def seen_collections() -> list[str]:
    """Names of the collections for which any worker has answered a request."""
    names = {
        sample.labels["collection"]
        for metric in _collector(CollectorRegistry()).collect()
        for sample in metric.samples
        if sample.labels.get("collection")
    }
    return sorted(names)


def render(collections: Iterable[Stats]) -> bytes:
    """Returns all metrics as text.

    Args:
        collections: their current sizes.
    """
    _forget_dead(os.environ[FOLDER_VARIABLE])
    registry = CollectorRegistry()
    _collector(registry)
    registry.register(_Sizes(collections))
    return generate_latest(registry)


@cache
def _counter(route: str, collection: str, status: str) -> Any:
    return _requests.labels(route, collection, status)


@cache
def _timer(route: str, collection: str) -> Any:
    return _seconds.labels(route, collection)


class _Sizes(Collector):
    """Sizes of collections at the time of the request."""

    def __init__(self, collections: Iterable[Stats]) -> None:
        self._collections = list(collections)

    def collect(self) -> Iterator[Metric]:
        for name, text in _OF_COLLECTION.items():
            family = GaugeMetricFamily(f"vicinal_collection_{name}", text, labels=("collection",))
            for stats in self._collections:
                family.add_metric([stats.name], getattr(stats, name))
            yield family


def _forget_dead(folder: str) -> None:
    """Removes gauges of dead workers; their counters are kept."""
    for path in glob.glob(os.path.join(glob.escape(folder), "gauge_live*_*.db")):
        pid = path.rpartition("_")[2].removesuffix(".db")
        if pid.isdecimal() and not _is_alive(int(pid)):
            _mark_dead(int(pid), folder)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
