"""Checks whether a column read from a file could have been saved. Its numbers are indexes into other arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .cells import CODED, DICT, EXACT, LIST, UUID_TEXT, Cells, from_text
from .column import GARBAGE_MIN, Column
from .texts import Texts

__all__ = ["check_column"]

_UUID_CHARS = 36
_UUID_DASHES = (8, 13, 18, 23)
_HEX = np.isin(np.arange(256), np.frombuffer(b"0123456789abcdef", dtype=np.uint8))


def check_column(column: Column, slot_count: int) -> None:
    """Checks every value that is used as an index, and every text that is parsed as another type.

    Raises:
        ValueError: one of them is not valid.
    """
    _check_layout(column, slot_count)
    texts = column.texts
    texts.check()
    elements = column.elements()
    _expect(len(elements.kinds) == len(elements.words) == column.lists.owners.count, "elements of lists")
    _expect(_are_below(column.lists.owners.array, column.lists.count), "owners of elements")
    _expect(column.lists.count <= _lists_max(column, slot_count), "the number of lists")
    cells = column.cells()
    _expect(_are_below(cells.words[cells.are(LIST)], column.lists.count), "numbers of lists")
    for some in (cells, elements):
        _check_cells(some, texts)


def _check_layout(column: Column, slot_count: int) -> None:
    count = column.kinds.count
    _expect(column.words.count == count, "kinds and words")
    if column.slots is None:
        _expect(count <= slot_count, "cells by slot")
        return
    slots = column.slots.array
    _expect(len(slots) == count and _ascend(slots) and _are_below(slots, slot_count), "slots")


def _lists_max(column: Column, slot_count: int) -> int:
    """The maximum number of lists kept: see `Column.collect_garbage`; each slot may have been given one since."""
    return GARBAGE_MIN + 2 * (len(column.texts) + column.lists.kinds.count) + 4 * slot_count


def _check_cells(cells: Cells, texts: Texts) -> None:
    _expect(not len(cells.kinds) or int(cells.kinds.max()) <= DICT, "kinds")
    codes = cells.words[np.isin(cells.kinds, CODED)]
    _expect(_are_below(codes, len(texts)), "codes of texts")
    uuids = np.unique(cells.words[cells.are(UUID_TEXT)])
    _expect(_are_uuids(texts, uuids), "texts of UUIDs")
    for number in texts.decoded(np.unique(cells.words[cells.are(EXACT)])):
        try:
            from_text(EXACT, number)
        except (ValueError, ArithmeticError) as error:
            raise ValueError(f"{number!r:.80} is not a number") from error


def _are_uuids(texts: Texts, codes: NDArray[np.int64]) -> bool:
    """Whether the texts are UUIDs as `str` writes them; a million are not parsed one by one."""
    if not len(codes):
        return True
    blob, starts, ends = texts.places(codes)
    if (ends - starts != _UUID_CHARS).any():
        return False
    chars = blob[starts[:, np.newaxis] + np.arange(_UUID_CHARS)]
    dashes = np.isin(np.arange(_UUID_CHARS), _UUID_DASHES)
    return bool((chars[:, dashes] == ord("-")).all() and _HEX[chars[:, ~dashes]].all())


def _ascend(values: NDArray[np.uint32]) -> bool:
    return bool((values[1:] > values[:-1]).all())


def _are_below(values: NDArray[np.generic], limit: int) -> bool:
    return not len(values) or (int(values.min()) >= 0 and int(values.max()) < limit)


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"a saved column has {what} that cannot be")
