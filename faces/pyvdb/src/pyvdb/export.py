"""Exports of entries as training data."""

from __future__ import annotations

import json
from typing import IO, Any

from vicinal import Collection, Record

from .entries import TEXT
from .metadata import EXTRA, KIND, PRICES
from .replacing import replacing

LABELS = ("asset", "type", "date", "bias")
# Keys of an exported entry, by the fields of its row.
_KEYS = {"type": "type", "date": "date", "source": "source_file", "asset": "asset", "bias": "bias"}


def write_training_data(rows: Collection, path: str) -> None:
    """Writes one JSON object per entry, ascending by id."""
    with replacing(path) as file:
        for record in rows.scroll(vectors=True):
            _write_line(file, _exported(record))


def write_contrastive_data(rows: Collection, path: str, label: str, *, triplets: bool) -> int:
    """Writes, for each text with a label: the text, the nearest text with the same label, and the nearest with another.

    The last one, a hard negative, is only in triplets. A text without a label, or the only one with its label, is not
    an anchor.
    """
    if label not in LABELS:
        raise RuntimeError(f"there is no label {label!r}; there are {', '.join(LABELS)}")
    written = 0
    with replacing(path) as file:
        for record in rows.scroll({KIND: {"$eq": TEXT}} if rows.count() else None):
            example = _example(rows, record, label, triplets=triplets)
            if example is not None:
                _write_line(file, example)
                written += 1
    return written


def _example(rows: Collection, anchor: Record, label: str, *, triplets: bool) -> dict[str, Any] | None:
    value = anchor.metadata[label]
    if not value:
        return None
    positive = _nearest(rows, anchor, {label: {"$eq": value}})
    if positive is None:
        return None
    example = {"anchor": anchor.text, "positive": positive, "label": value}
    if not triplets:
        return example
    negative = _nearest(rows, anchor, {label: {"$nin": [value, ""]}})
    return None if negative is None else {**example, "negative": negative}


def _nearest(rows: Collection, anchor: Record, where: dict[str, Any]) -> str | None:
    """Returns the nearest other text that matches `where` and is not an identical text."""
    k = 4
    while True:
        hits = rows.search(id=anchor.id, k=k, where={**where, KIND: {"$eq": TEXT}})
        other = next((hit.text for hit in hits if hit.text != anchor.text), None)
        if other is not None or len(hits) < k:
            return other
        k *= 8  # all of these are identical texts


def _exported(record: Record) -> dict[str, Any]:
    row = record.metadata
    exported: dict[str, Any] = {"id": record.id}
    exported.update((key, row[field]) for key, field in _KEYS.items())
    exported.update((name, row[name]) for name in PRICES if name in row)
    if EXTRA in row:
        exported[EXTRA] = row[EXTRA]
    if record.vector is not None:
        exported["vector"] = record.vector.tolist()
    if record.text is not None:
        exported["text"] = record.text
    return exported


def _write_line(file: IO[bytes], value: dict[str, Any]) -> None:
    file.write(json.dumps(value, ensure_ascii=False, default=str).encode() + b"\n")
