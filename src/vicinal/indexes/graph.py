"""A graph in which each vector is linked to near ones: a search follows the links towards its query.

Codes of all rows are kept by `flat`, which answers until the graph exists, and all exact searches. Rows that the graph
does not contain yet are compared one by one. The graph itself is in native/graph. The width that a walk needs for a
recall is measured on stored vectors, each time their number has doubled. A search for at most ten ends its walk when
the rest is farther than the tenth nearest by a certain share, which is measured likewise: for the same recall it
compares fewer rows, because it searches long only where many rows are nearly as near.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..contract import (
    AS_USUAL,
    Accuracy,
    Approach,
    Bitmap,
    Delta,
    FloatMatrix,
    FloatVector,
    Kernels,
    Metric,
    SavedIndex,
    Slots,
    VectorSearcher,
)
from ..filters.bitmap import unpack
from ..locks import new_lock
from .coded_rows import CodedRows
from .flat import FlatIndex, flat_index, merged
from .kernels import CoreGraph, CoreGraphRows, NativeKernels
from .threads import thread_count

__all__ = ["GraphIndex", "GraphSearcher"]

RECALL: Final = 0.98  # the default share of the ten nearest that a search finds
_M: Final = 16
_EF_CONSTRUCTION: Final = 100
_BUILT_FROM: Final = 2_000  # with fewer vectors, all are compared
_ALPHA: Final = 1.05
_INSERTED_AT_ONCE: Final = 2_048  # maximum per thread
_INSERTED_MIN: Final = 64  # minimum, since threads wait for each other at the end
_STEP_SECONDS: Final = 0.2  # about how long an interrupt or a `close` waits for native code
_M_MAX: Final = 64
_EF_MAX: Final = 65_536
_MEASURED: Final = 100  # vectors
_MEASURED_AGAIN: Final = 2  # times as many
_NEIGHBOURS: Final = 10
_SEED: Final = 20_011
_WIDTHS: Final = (10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448, 640, 1024)
_REACHES: Final = (0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2, 0.3)
_REACHING_WIDTH: Final = 640  # of walks that end by reach: the maximum kept, however many rows are nearly as near
_ENDLESS: Final = math.inf
_WIDER_THAN_K: Final = 1.5
_TAIL_MAX: Final = 8_192
_WORD_BITS: Final = 64
_PIECES_MAX: Final = 2
_REMEMBERED: Final = 64

_UNMEASURED: Final = np.empty(0, np.float32)


@dataclass(frozen=True, slots=True)
class State:
    """What searches read; replaced, never changed.

    Attributes:
        graph: it may have nodes that are still being linked.
        covered: slots below it are linked.
        recall: the share of neighbours found by walks of the first `_WIDTHS`; empty until measured.
        reached: the same for the first `_REACHES`; empty until measured, and for inner products, which are not
            distances.
        measured_at: the number of nodes at that time.
    """

    graph: CoreGraph
    covered: int
    recall: FloatVector
    reached: FloatVector
    measured_at: int
    widths: dict[float, int | None] = field(default_factory=dict)  # cached, by requested recall
    reaches: dict[float, float | None] = field(default_factory=dict)

    def width(self, recall: float) -> int | None:
        """The width of a walk with this recall of the ten nearest; None if no measured width has it."""
        if recall in self.widths:
            return self.widths[recall]
        found = _where(recall, self.recall, _WIDTHS)
        width = None if found is None else math.ceil(found)
        if len(self.widths) < _REMEMBERED:  # a program may request new values without end
            self.widths[recall] = width
        return width

    def reach(self, recall: float) -> float | None:
        """The same for a walk's reach."""
        if recall in self.reaches:
            return self.reaches[recall]
        reach = _where(recall, self.reached, _REACHES)
        if len(self.reaches) < _REMEMBERED:
            self.reaches[recall] = reach
        return reach


def _where(recall: float, measured: FloatVector, settings: Sequence[float]) -> float | None:
    """The setting with this recall, given the measured recall of the first settings; None if none has it."""
    known = np.maximum.accumulate(measured)
    if not len(known) or recall > known[-1]:
        return None
    return float(np.interp(recall, known, settings[: len(known)]))


class GraphIndex:
    """The index for `index="graph"`, and for "hnsw", the usual name of nearly the same structure.

    Args:
        kernels, metric: see `contract.VectorIndex`. Without the native core, every candidate is compared.
        m: half the maximum number of links of a vector.
        ef_construction: width of the walk to the neighbours of a new vector.
        ef_search: width of the walk of a search; by default, what finds 0.98 of the ten nearest.

    Raises:
        ValueError: a number out of range.
    """

    name = "graph"

    def __init__(
        self,
        kernels: Kernels,
        metric: Metric,
        m: int = _M,
        ef_construction: int = _EF_CONSTRUCTION,
        ef_search: int | None = None,
        **more: Any,
    ) -> None:
        for name, value, least, most in (
            ("m", m, 2, _M_MAX),
            ("ef_construction", ef_construction, 4, _EF_MAX),
            ("ef_search", _M if ef_search is None else ef_search, 1, _EF_MAX),
        ):
            if type(value) is not int or not least <= value <= most:
                raise ValueError(f"{name} must be a whole number from {least} to {most}, not {value!r}")
        self._configure(**more)
        self._flat = flat_index(kernels, metric)
        self._core = kernels.core if isinstance(kernels, NativeKernels) else None
        self._metric: Metric = metric
        self._degree = 2 * m
        self._width = ef_construction
        self._ef_search = ef_search
        self._growing = new_lock()
        self._state: State | None = None
        self._saved_to = 0
        self._at_once = _INSERTED_MIN  # the number of rows per thread that last took less than a step
        self._bound: tuple[State, FloatMatrix, CoreGraphRows] | None = None  # as used by the last searcher

    def _configure(self, built_from: int = _BUILT_FROM, alpha: float = _ALPHA) -> None:
        self._built_from = built_from
        self._alpha = alpha

    @property
    def change(self) -> int:
        """See `VectorIndex.change`."""
        return self._flat.change

    @property
    def covered(self) -> int:
        """See `VectorIndex.covered`. If a graph is due, codes alone do not count as covering."""
        state, coded = self._state, self._flat.covered
        if state is not None and len(state.recall):  # including the measurement: until then, searches do not use it
            return state.covered if self._metric == "l1" else min(state.covered, coded)
        return 0 if self._core is not None and coded >= self._built_from else coded

    def apply(self, delta: Delta) -> None:
        """See `VectorIndex.apply`."""
        self._flat.apply(delta)

    def searcher(self, vectors: FloatMatrix) -> VectorSearcher:
        """See `VectorIndex.searcher`."""
        flat, state = self._flat.searcher(vectors), self._state
        if state is None or not len(state.recall) or state.covered > len(vectors):
            return flat
        return GraphSearcher(flat, vectors, state, self._bind(state, vectors), self._ef_search)

    def build(self, vectors: FloatMatrix, candidates: Bitmap) -> bool:
        """See `VectorIndex.build`: codes. The graph is built by `refine`."""
        return self._flat.build(vectors, candidates)

    def refine(self, vectors: FloatMatrix, candidates: Bitmap, *, awaited: bool = False) -> bool:
        """See `VectorIndex.refine`."""
        with self._growing:
            threads = thread_count() if awaited else max(1, thread_count() - 1)
            end = min(self._flat.covered, len(vectors))
            state = self._state
            if state is None:
                if self._core is None or not self._is_due(vectors[:end], candidates):
                    return False
                state = State(self._core.Graph(self._degree), 0, _UNMEASURED, _UNMEASURED, 0)
            if state.covered < end:
                end = min(end, state.covered + self._at_once * threads)
                rows, start = self._rows(state.graph, vectors, end), time.perf_counter()
                state.graph.insert(rows, candidates, end, self._width, self._alpha, threads, not awaited)
                self._at_once = _rows_at_once(self._at_once, time.perf_counter() - start)
                self._state = State(state.graph, end, state.recall, state.reached, state.measured_at)
                return True
            if state.graph.inserted >= max(1, _MEASURED_AGAIN * state.measured_at):
                recall, reached = self._measure(state, vectors, candidates)
                self._state = State(state.graph, state.covered, recall, reached, state.graph.inserted)
        return False

    def _is_due(self, vectors: FloatMatrix, candidates: Bitmap) -> bool:
        """Whether there are enough vectors for a graph to be worthwhile."""
        return len(vectors) >= self._built_from

    @property
    def tail_max(self) -> float:
        """See `VectorIndex.tail_max`. Before the graph exists, every search is exact anyway."""
        state = self._state
        return math.inf if state is None or not len(state.recall) else _TAIL_MAX

    @property
    def unsaved(self) -> int:
        """See `VectorIndex.unsaved`."""
        state = self._state
        if state is None or not len(state.recall) or state.covered < self._flat.covered:
            return 0
        return state.covered - self._saved_to

    def save(self) -> SavedIndex:
        """See `VectorIndex.save`."""
        saved, state = self._flat.save(), self._state
        if state is None or not len(state.recall):  # without the recall, no search would use the graph
            return saved
        if state.covered != state.graph.end or state.covered > saved.slot_count:
            return saved
        edges = np.empty(state.covered * self._degree, np.uint32)
        state.graph.save(edges)
        entries = np.empty(256, np.uint32)
        arrays = {
            **saved.arrays,
            "graph.edges": edges,
            "graph.entries": entries[: state.graph.entries(entries)],
            "graph.nodes": np.array([state.graph.inserted, state.measured_at], np.uint64),
            "graph.recall": state.recall,
            "graph.reached": state.reached,
        }
        self._saved_to = state.covered if len(state.recall) else 0
        return SavedIndex(saved.change, saved.slot_count, arrays)

    def load(self, saved: SavedIndex, dim: int) -> None:
        """See `VectorIndex.load`."""
        state = self._loaded(saved)
        self._flat.load(saved, dim)
        if state is not None and self._metric != "l1" and state.covered > self._flat.covered:
            state = None  # the codes were not saved with it
        self._state, self._bound = state, None
        self._saved_to = 0 if state is None or not len(state.recall) else state.covered

    def differing(self, slots: Slots, vectors: FloatMatrix) -> Slots:
        """See `VectorIndex.differing`: compares codes. Edges depend on the timing of threads."""
        return self._flat.differing(slots, vectors)

    def _loaded(self, saved: SavedIndex) -> State | None:
        if self._core is None or "graph.edges" not in saved.arrays:
            return None
        names = ("graph.edges", "graph.entries", "graph.nodes", "graph.recall")
        edges, entries, nodes, recall = (saved.arrays[name] for name in names)
        if edges.dtype != np.uint32 or len(edges) % self._degree or len(edges) > saved.slot_count * self._degree:
            raise ValueError("edges of another shape")
        if entries.dtype != np.uint32 or nodes.dtype != np.uint64 or len(nodes) != 2 or nodes.max() > 1 << 32:
            raise ValueError("entries or numbers of nodes of another shape")
        reached = saved.arrays.get("graph.reached", _UNMEASURED)  # missing in older files
        for shares, settings in (recall, _WIDTHS), (reached, _REACHES):
            if shares.dtype != np.float32 or len(shares) > len(settings) or not ((shares >= 0) & (shares <= 1)).all():
                raise ValueError("recall must be shares")
        graph = self._core.Graph(self._degree)
        graph.load(edges, entries, int(nodes[0]))
        return State(graph, graph.end, recall, reached, int(nodes[1]))

    def _bind(self, state: State, vectors: FloatMatrix) -> CoreGraphRows:
        bound = self._bound
        if bound is None or bound[0] is not state or bound[1] is not vectors:
            self._bound = bound = state, vectors, self._rows(state.graph, vectors, state.covered)
        return bound[2]

    def _rows(self, graph: CoreGraph, vectors: FloatMatrix, count: int) -> CoreGraphRows:
        assert self._core is not None  # a graph exists
        codes: list[Any] = [None, None, count, None, None]
        if isinstance(self._flat, FlatIndex) and self._metric != "l1":  # l1 has no codes
            codes = _pieces(self._flat.coded, count)
        return self._core.GraphRows(self._metric, count, vectors, *codes)

    def _measure(self, state: State, vectors: FloatMatrix, candidates: Bitmap) -> tuple[FloatVector, FloatVector]:
        """Searches for the neighbours of stored vectors by walks that skip these vectors themselves."""
        known = np.flatnonzero(unpack(candidates, state.covered))
        random = np.random.default_rng(_SEED)
        chosen = np.sort(random.choice(known, min(_MEASURED, len(known)), replace=False)).astype(np.uint32)
        queries = np.ascontiguousarray(vectors[chosen])
        below = _without_tail(candidates, state.covered)
        true = self._flat.searcher(vectors).search(queries, _NEIGHBOURS + 1, below)
        searcher = GraphSearcher(
            self._flat.searcher(vectors), vectors, state, self._rows(state.graph, vectors, state.covered), None
        )

        def recall(walks: Sequence[tuple[int, float]]) -> FloatVector:
            """The recall of these walks, up to the first that finds all."""
            measured: list[float] = []
            for width, reach in walks:
                found = searcher.walk(queries, _NEIGHBOURS, below, width, 1, chosen, reach)
                shares = [_share(a, b, int(own)) for a, b, own in zip(found, true, chosen, strict=True)]
                measured.append(float(np.mean(shares)))
                if measured[-1] >= 1:
                    break
            return np.array(measured, np.float32)

        wide = recall([(width, _ENDLESS) for width in _WIDTHS])
        return wide, _UNMEASURED if self._metric == "ip" else recall([(_REACHING_WIDTH, reach) for reach in _REACHES])


def _rows_at_once(before: int, seconds: float) -> int:
    """Rows per thread for the next step, given the duration of the last: native code is not interruptible in a step."""
    wanted = before * 2 if seconds < _STEP_SECONDS / 2 else before // 2 if seconds > 2 * _STEP_SECONDS else before
    return max(_INSERTED_MIN, min(_INSERTED_AT_ONCE, wanted))


class GraphSearcher:
    """See `contract.VectorSearcher`."""

    __slots__ = ("_ef_search", "_flat", "_rows", "_state", "_vectors")

    def __init__(
        self, flat: VectorSearcher, vectors: FloatMatrix, state: State, rows: CoreGraphRows, ef_search: int | None
    ) -> None:
        self._flat = flat
        self._vectors = vectors
        self._state = state
        self._rows = rows
        self._ef_search = ef_search

    def search(
        self, queries: FloatMatrix, k: int, candidates: Bitmap, accuracy: Accuracy = AS_USUAL, threads: int = 1
    ) -> list[tuple[Slots, FloatVector]]:
        """See `VectorSearcher.search`."""
        wanted = self._wanted_walk(k, accuracy)
        if wanted is None:
            return self._flat.search(queries, k, candidates, threads=threads)
        width, reach = wanted
        found = self.walk(queries, k, candidates, width, threads, reach=reach)
        covered = self._state.covered
        if covered < len(self._vectors):
            tail = self._flat.search(queries, k, _without_head(candidates, covered), threads=threads)
            found = [merged(pair, k) for pair in zip(found, tail, strict=True)]
        for i, (slots, _) in enumerate(found):
            if len(slots) < k:
                found[i] = self._flat.search(queries[i : i + 1], k, candidates)[0]
        return found

    def approach(self, k: int, candidates: Bitmap, accuracy: Accuracy = AS_USUAL) -> Approach:
        """See `VectorSearcher.approach`."""
        wanted = self._wanted_walk(k, accuracy)
        if wanted is not None:
            width, reach = wanted
            how = f"of width {width}" if reach == _ENDLESS else f"to {reach:.1%} beyond the tenth nearest"
            return Approach(False, f"a walk {how} through a graph of {self._state.covered:,} rows")
        if accuracy.filtered:
            return Approach(True, "every candidate is compared: a filter chose them")
        if accuracy.exact or (accuracy.recall or 0) >= 1:
            return Approach(True, "every candidate is compared, as requested")
        return Approach(True, "every candidate is compared: no measured walk reaches this recall, or k is large")

    def walk(
        self,
        queries: FloatMatrix,
        k: int,
        candidates: Bitmap,
        width: int,
        threads: int,
        skipped: Slots | None = None,
        reach: float = _ENDLESS,
    ) -> list[tuple[Slots, FloatVector]]:
        """What a walk of this width finds; fewer than k if it meets too few candidates.

        Args:
            skipped: for each query, a node that the walk must skip.
            reach: the walk ignores what is farther than the tenth nearest by this share of its distance.
        """
        shape = len(queries), k
        slots, scores, counts = np.empty(shape, np.uint32), np.empty(shape, np.float32), np.empty(shape[0], np.uint32)
        self._state.graph.search(self._rows, candidates, queries, width, reach, threads, skipped, slots, scores, counts)
        if shape[0] == 1 and counts[0] == k:  # the usual case
            return [(slots[0], scores[0])]
        return [(slots[i, :count], scores[i, :count]) for i, count in enumerate(counts.tolist())]

    def _wanted_walk(self, k: int, accuracy: Accuracy) -> tuple[int, float] | None:
        """Width and reach of the walk; None if every candidate has to be compared."""
        if accuracy is not AS_USUAL and (accuracy.exact or accuracy.filtered or (accuracy.recall or 0) >= 1):
            return None
        if not 0 < k <= _EF_MAX or 4 * k > self._state.covered:
            return None
        if accuracy.effort is not None:
            return max(min(accuracy.effort, _EF_MAX), k), _ENDLESS
        if accuracy.recall is not None or self._ef_search is None:
            recall = RECALL if accuracy.recall is None else accuracy.recall
            if k <= _NEIGHBOURS and (reach := self._state.reach(recall)) is not None:
                return _REACHING_WIDTH, reach
            width = self._state.width(recall)
            if width is None:
                return None  # no walk has this recall for these vectors
        else:
            width = self._ef_search
        return width if k <= width else math.ceil(_WIDER_THAN_K * k), _ENDLESS


def _pieces(parts: Sequence[CodedRows], count: int) -> list[Any]:
    """Codes and statistics of the slots below `count`, in the form for native code."""
    used = [part for part in parts if part.start < count]
    if len(used) > _PIECES_MAX or not used or used[-1].end < count:
        raise AssertionError("codes are in one part of a file and in one that grows")
    first, last = used[0].arrays, used[-1].arrays
    start = used[-1].start if len(used) > 1 else count
    return [first.codes, first.statistics, start, last.codes, last.statistics]


def _without_tail(candidates: Bitmap, end: int) -> Bitmap:
    """The candidates below the slot `end`."""
    head = candidates[: -(-end // _WORD_BITS)].copy()
    if end % _WORD_BITS and len(head) == end // _WORD_BITS + 1:
        head[-1] &= np.uint64((1 << end % _WORD_BITS) - 1)
    return head


def _without_head(candidates: Bitmap, first: int) -> Bitmap:
    """The candidates from the slot `first` on."""
    tail = candidates.copy()
    word, bit = divmod(first, _WORD_BITS)
    tail[:word] = 0
    if word < len(tail):
        tail[word] &= ~np.uint64((1 << bit) - 1)
    return tail


def _share(found: tuple[Slots, FloatVector], true: tuple[Slots, NDArray[np.float32]], own: int) -> float:
    """The share of true neighbours that were found; one as near as the last of them counts as one of them."""
    others = true[1][true[0] != own][:_NEIGHBOURS]
    if not len(others):
        return 1.0
    return min(1.0, float(np.count_nonzero(found[1] >= others[-1])) / len(others))
