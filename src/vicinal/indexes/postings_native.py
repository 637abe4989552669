"""Native postings; see native/text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from numpy.typing import NDArray

from ..contract import Bitmap, FloatVector, Slots
from .kernels import Core, CoreProgram
from .postings import Analysed, Postings, Program, Stale, Statistics
from .postings_saved import DTYPES

__all__ = ["NativePostings"]

T = TypeVar("T")


class NativePostings(Postings):
    """The same results as `NumpyPostings`, faster, without holding the GIL during long operations."""

    name = "native"

    def __init__(self, core: Core, fields: int) -> None:
        self._core = core
        self._native = core.Postings(fields)
        self._borrowed: dict[str, NDArray[Any]] = {}
        self._last: tuple[Program, CoreProgram] | None = None

    @property
    def version(self) -> int:
        """See `Postings.version`."""
        return self._native.version

    @property
    def numbering(self) -> int:
        """See `Postings.numbering`."""
        return self._native.numbering

    @property
    def slot_count(self) -> int:
        """See `Postings.slot_count`."""
        return self._native.slot_count

    def intern(self, fields: Sequence[int], terms: Sequence[str]) -> list[int]:
        """See `Postings.intern`."""
        return self._native.intern(fields, terms)

    def find(self, fields: Sequence[int], terms: Sequence[str]) -> tuple[int, Statistics, list[int], list[int]]:
        """See `Postings.find`."""
        version, texts, length, numbers, having = self._native.find(fields, terms)
        return version, Statistics(texts, length), numbers, having

    def add(self, slots: Slots, texts: Analysed, slot_count: int) -> None:
        """See `Postings.add`."""
        self._native.add(
            slots,
            texts.words,
            texts.ends,
            texts.term_ends,
            texts.terms,
            texts.offsets,
            texts.widths,
            slot_count,
        )
        self._let_go()

    def remove(self, slots: Slots) -> None:
        """See `Postings.remove`."""
        self._native.remove(slots)
        self._let_go()

    def _let_go(self) -> None:
        if not self._native.borrows:
            self._borrowed = {}

    def search(self, program: Program, k: int, allowed: Bitmap | None) -> tuple[Slots, FloatVector]:
        """See `Postings.search`."""
        return _fresh(self._native.search(self._ready(program), k, allowed))

    def score(self, program: Program, slots: Slots) -> FloatVector:
        """See `Postings.score`."""
        return _fresh(self._native.score(self._ready(program), slots))

    def matches(self, program: Program, allowed: Bitmap | None) -> Bitmap:
        """See `Postings.matches`."""
        return _fresh(self._native.matches(self._ready(program), allowed))

    def occurrences(self, program: Program, slot: int) -> tuple[int, list[list[int]]]:
        """See `Postings.occurrences`."""
        return _fresh(self._native.occurrences(self._ready(program), slot))

    def _ready(self, program: Program) -> CoreProgram:
        last = self._last
        if last is not None and last[0] is program:  # a fused search runs the same one several times
            return last[1]
        ready = self._core.Program(
            program.version,
            program.formula,
            program.k1,
            program.b,
            program.average,
            program.groups,
            program.weights,
            program.clauses,
            program.excluded,
        )
        self._last = program, ready
        return ready

    def save(self) -> dict[str, NDArray[Any]]:
        """See `Postings.save`."""
        arrays = self._native.save()
        self._let_go()
        return dict(self._borrowed) if arrays is None else arrays

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """See `Postings.load`."""
        parts = {name: array for name, array in arrays.items() if name in DTYPES}
        self._native.load(parts)
        self._borrowed = parts


def _fresh(found: T | None) -> T:
    if found is None:
        raise Stale
    return found
